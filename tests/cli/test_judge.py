"""`wiretropy judge`: what it prints, and how it refuses."""

import dataclasses
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from wiretropy.cli.judge import command
from wiretropy.verdict import judge_payloads, measure_bytes

PAYLOAD = np.random.default_rng(6).bytes(4_096)


@pytest.fixture
def payload_file(tmp_path: Path) -> Path:
    path = tmp_path / "payload.bin"
    path.write_bytes(PAYLOAD)
    return path


def test_json_holds_the_whole_measurement(payload_file: Path) -> None:
    result = CliRunner().invoke(command, [str(payload_file), "--json"])
    record = json.loads(result.stdout)
    measured = measure_bytes(PAYLOAD)
    assert result.exit_code == 0
    assert record.pop("source") == str(payload_file)
    [verdict] = judge_payloads([PAYLOAD])
    assert record == dataclasses.asdict(verdict) | dataclasses.asdict(measured)
    assert record["verdict"] == "encrypted"


@pytest.mark.parametrize("payload", [b"ab" * 5_000, bytes(range(256)) * 400, b"\0", b"aaaa", PAYLOAD])
def test_no_zero_has_a_sign(payload: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(payload)
    out = CliRunner().invoke(command, [str(tmp_path / "a")]).stdout
    assert not re.search(r"-0\.0+(?![0-9])", out), out


def test_what_rounds_to_zero_from_below_is_shown_without_a_sign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = dataclasses.replace(measure_bytes(PAYLOAD), serial_correlation=-1e-9, z=-1e-9)
    monkeypatch.setattr("wiretropy.cli.judge.measure_stream", lambda _: measured)
    (tmp_path / "a").touch()
    out = CliRunner().invoke(command, [str(tmp_path / "a")]).stdout
    assert "serial correlation   0.000000 " in out
    assert "(z = +0.00)" in out


def test_table_shows_the_entropy_beside_the_random_band(payload_file: Path) -> None:
    result = CliRunner().invoke(command, [str(payload_file)])
    line = next(line for line in result.stdout.splitlines() if line.startswith("  entropy"))
    assert f"{measure_bytes(PAYLOAD).entropy:.6f} bits per byte" in line
    assert "7.954589 +- 0.004025" in line


def test_dash_reads_standard_input() -> None:
    result = CliRunner().invoke(command, ["-", "--json"], input=PAYLOAD)
    assert json.loads(result.stdout)["entropy"] == measure_bytes(PAYLOAD).entropy


def test_a_file_of_one_byte_is_measured(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"x")
    result = CliRunner().invoke(command, [str(tmp_path / "one")])
    assert result.exit_code == 0
    assert "needs 6 bytes" in result.stdout


@pytest.mark.parametrize(
    ("name", "message"), [("absent", "No such file or directory"), ("folder", "Is a directory"), ("empty", "is empty")]
)
def test_what_cannot_be_measured_is_refused_in_one_line(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    result = CliRunner().invoke(command, [str(tmp_path / name)])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert str(tmp_path / name) in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_standard_input_is_called_by_its_name() -> None:
    result = CliRunner().invoke(command, ["-"], input=PAYLOAD)
    assert result.stdout.startswith("standard input: encrypted (")


def test_empty_standard_input_is_refused() -> None:
    result = CliRunner().invoke(command, ["-"], input=b"")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: standard input: the input is empty; at least 1 byte is needed\n"


def test_file_names_are_inert_in_every_output(tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/a\x1b[31m\n\xff\xe2\x80\xae.bin")
    Path(name).write_bytes(PAYLOAD)
    for arguments in ([name], [name, "--json"], [name + "absent"]):
        result = CliRunner().invoke(command, arguments)
        assert not {"\x1b", "\u202e", "\udcff"} & set(result.output)
        assert r"\x1b[31m\x0a" in result.output.replace("\\\\", "\\")
