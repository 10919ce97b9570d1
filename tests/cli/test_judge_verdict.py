"""`wiretropy judge`: the verdict that stands before the measures."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from cleartext import PROSE, REQUESTS
from click.testing import CliRunner, Result

from wiretropy.cli.judge import command
from wiretropy.verdict import judge_payloads
from wiretropy.verdict.payloads import LONGEST
from wiretropy.verdict.raw import CHUNK_BYTES

RANDOM = np.random.default_rng(6).bytes(LONGEST)
CONTENTS = {
    "encrypted": RANDOM,
    "text": PROSE,
    "binary": REQUESTS,
    "encoded": base64.b64encode(RANDOM[:3_000]),
    "undecided": b"short",
}


def run(content: bytes, *options: str) -> Result:
    return CliRunner().invoke(command, ["-", *options], input=content)


@pytest.mark.parametrize("verdict", CONTENTS)
def test_the_first_lines_say_what_it_is_and_why(verdict: str) -> None:
    result = run(CONTENTS[verdict])
    [expected] = judge_payloads([CONTENTS[verdict]])
    first, second, third = result.stdout.splitlines()[:3]
    sure = expected.verdict_probability
    assert first == f"standard input: {verdict}" + ("" if sure is None else f" ({100 * sure:.1f} %)")
    assert (second, third) == (f"  {expected.reason}", "")
    assert result.exit_code == 0


@pytest.mark.parametrize("verdict", CONTENTS)
def test_json_has_the_names_of_judge_payloads(verdict: str) -> None:
    record = json.loads(run(CONTENTS[verdict], "--json").stdout)
    [expected] = judge_payloads([CONTENTS[verdict]])
    names = ["verdict", "verdict_probability", "verdict_bytes", "reason"]
    assert list(record)[:5] == ["source", *names]
    assert [record[name] for name in names] == [getattr(expected, name) for name in names]
    assert record["bytes"] == len(CONTENTS[verdict])


def test_a_verdict_rests_on_the_first_65536_bytes_and_measures_on_all(tmp_path: Path) -> None:
    """Also of input that comes in more than one piece."""
    path = tmp_path / "long"
    path.write_bytes(RANDOM + bytes(CHUNK_BYTES))
    record = json.loads(CliRunner().invoke(command, [str(path), "--json"]).stdout)
    assert (record["verdict"], record["verdict_bytes"]) == ("encrypted", LONGEST)
    assert record["bytes"] == LONGEST + CHUNK_BYTES
    assert record["entropy"] < 2


def test_hostile_bytes_do_not_reach_the_terminal() -> None:
    hostile = b"\x1b]0;owned\x07<script>\xe2\x80\xae" * 9
    for content in (hostile, base64.b64encode(hostile), hostile.hex().encode()):
        for options in ([], ["--json"]):
            assert not {"\x1b", "\x07", "\u202e", "<"} & set(run(content, *options).stdout)
