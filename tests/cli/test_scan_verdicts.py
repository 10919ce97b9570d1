"""`wiretropy scan`: verdicts in its table, its JSON lines and its stores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from cleartext import PROSE, random
from program import wiretropy
from wire import Connection, End, Wire, write_pcap

from wiretropy import judge, read_flows, schema


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """Text, ciphertext, and nothing at all."""
    wire = Wire()
    for number, content in enumerate([PROSE, random(20_000), b""]):
        Connection(wire, End("10.0.0.1", 50_001 + number), End("10.0.0.2", 8_443)).open().send("resp", content).close()
    return write_pcap(tmp_path / "a.pcap", wire.packets)


def rows_of(capture: Path) -> list[dict[str, Any]]:
    return list(judge(read_flows(capture)).to_arrow().to_pylist())


@pytest.mark.parametrize("columns", [80, 120, 160])
def test_the_table_shows_each_verdict_and_below_it_how_sure_it_is(columns: int, capture: Path) -> None:
    lines = wiretropy("scan", capture, columns=columns).stdout.split("\n\n")[1].splitlines()
    heading = next(line for line in lines if "verdict" in line)
    at = heading.index("verdict")
    shown = {}
    for first, second in zip(lines[3::2], lines[4::2], strict=True):
        [row] = [row for row in rows_of(capture) if row["uid"].startswith(first.split()[0])]
        shown[row["verdict"]] = (first[at:].split()[0], second[at:].split("  ")[0].strip())
        sure = row["verdict_probability"]
        assert shown[row["verdict"]] == (row["verdict"], "" if sure is None else f"{100 * sure:.0f} %")
    assert set(shown) == {"text", "encrypted", "undecided"}


def test_json_lines_have_every_column_of_verdicts(capture: Path) -> None:
    records = [json.loads(line) for line in wiretropy("scan", capture, "--json").stdout.splitlines()]
    flows = {record["uid"]: record for record in records if "orig_verdict" in record}
    assert len(flows) == 3
    for row in rows_of(capture):
        assert {name: flows[row["uid"]][name] for name in schema.VERDICT_NAMES} == {
            name: row[name] for name in schema.VERDICT_NAMES
        }


def test_stores_have_the_verdicts_that_judging_gives(capture: Path, tmp_path: Path) -> None:
    done = wiretropy("scan", capture, "--out", tmp_path / "store")
    assert done.returncode == 0
    files = [path for path in (tmp_path / "store").rglob("*.parquet") if "flow" in str(path)]
    stored = {row["uid"]: row for path in files for row in pq.ParquetFile(path).read().to_pylist()}
    for row in rows_of(capture):
        assert {name: stored[row["uid"]][name] for name in schema.VERDICT_NAMES} == {
            name: row[name] for name in schema.VERDICT_NAMES
        }
