"""Generated captures: every flow is found, none is invented, every entropy is the true one."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import REPOSITORY

from wiretropy.flows import read_flows

GENERATOR = Path(os.environ.get("WIRETROPY_BENCH") or REPOSITORY.parent / "shared" / "bench") / "gen.py"

needs_generator = pytest.mark.skipif(not GENERATOR.is_file(), reason=f"no generator of captures at {GENERATOR}")

SCALES = {"bulk": "0.01", "small": "0.01", "mix": "0.02"}


class Side(NamedTuple):
    """What one side sent, with the entropy in all digits that the generator prints."""

    port: int
    payload_bytes: int
    entropy: str


class Truth(NamedTuple):
    """One flow. Its sides are in the order of their ports: a server's datagram may be the first of a flow."""

    proto: str
    has_vlan: bool
    sides: tuple[Side, ...]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", SCALES)
@needs_generator
def test_every_flow_has_its_true_bytes_and_entropy(kind: str, threads: int, tmp_path: Path) -> None:
    capture, truth = tmp_path / "made.pcap", tmp_path / "truth.tsv"
    command = [sys.executable, str(GENERATOR), kind, str(capture), "--scale", SCALES[kind], "--truth", str(truth)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    expected = sorted(true_flows(truth))
    assert len(expected) > 10
    flows = read_flows(capture, threads=threads)
    found = []
    for row in flows.to_arrow().to_pylist():
        sides = [
            Side(row[f"{side}_port"], row[f"{side}_payload_bytes"], f"{row[f'{side}_entropy'] or 0:.6f}")
            for side in ("orig", "resp")
        ]
        found.append(Truth(row["proto"], row["vlan"] is not None, tuple(sorted(sides))))
        assert row["orig_missed_bytes"] == row["resp_missed_bytes"] == 0
        assert row["proto"] == "udp" or row["end_reason"] == "fin"
    assert sorted(found) == expected
    assert flows.summary.faults == ()
    assert flows.summary.packets.seen == flows.summary.packets.decoded


def true_flows(path: Path) -> list[Truth]:
    """What the generator wrote beside the capture."""
    with path.open(encoding="utf-8") as file:
        return [
            Truth(
                "udp" if row["proto"] == "17" else "tcp",
                row["vlan"] == "1",
                tuple(sorted(Side(int(row[f"{s}port"]), int(row[f"{s}_bytes"]), row[f"{s}_entropy"]) for s in "cs")),
            )
            for row in csv.DictReader(file, delimiter="\t")
        ]
