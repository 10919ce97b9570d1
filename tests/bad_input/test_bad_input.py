"""Every class of hostile input has its stated outcome."""

from collections import Counter
from pathlib import Path

import pytest

from .case import PARTIAL, REFUSED, WHOLE, Case
from .cases import CASES, CLASSES
from .scan import Scan, check_rules, program, scan

needs_program = pytest.mark.skipif(program() is None, reason="the command wiretropy is not installed (pip install .)")


def test_every_class_has_a_case() -> None:
    assert {case.number for case in CASES} == set(CLASSES)


def test_every_case_has_its_own_name() -> None:
    assert [name for name, count in Counter(map(str, CASES)).items() if count > 1] == []


@needs_program
@pytest.mark.parametrize("case", CASES, ids=str)
def test_case_has_its_stated_outcome(case: Case, tmp_path: Path) -> None:
    inputs, outputs = tmp_path / "in", tmp_path / "out"
    inputs.mkdir()
    outputs.mkdir()
    built = case.build(inputs)
    before = sorted(inputs.iterdir())
    done = scan(built if isinstance(built, list) else [built], outputs, seconds=case.seconds)
    check_rules(done)
    assert done.exit_code == case.exit_code, done.stderr.decode()
    check_facts(case, done)
    assert sorted(inputs.iterdir()) == before
    assert {path.name for path in outputs.iterdir()} <= {"summary.json"}
    assert all(text not in done.text for text in case.hidden)


def check_facts(case: Case, done: Scan) -> None:
    """Assert what this case states beyond the rules for all."""
    if done.exit_code == REFUSED:
        assert done.stdout == b""
    if done.exit_code != WHOLE:
        assert done.stderr.strip() != b""
    if done.summary is None:
        assert case.exit_code == REFUSED
        return
    packets = done.summary["packets"]
    assert case.packets_seen is None or packets["seen"] == case.packets_seen
    assert case.decoded is None or packets["decoded"] == case.decoded
    assert {reason: packets["undecoded"].get(reason) for reason in case.reasons} == case.reasons
    check_faults(case, done.summary["faults"])
    assert {weird for weird in case.weirds if not done.summary["weirds"].get(weird)} == set()
    assert case.flows is None or len(done.records) == case.flows
    assert len(done.records) >= len(case.records)
    for expected, record in zip(case.records, done.records, strict=False):
        assert {column: record[column] for column in expected} == expected


def check_faults(case: Case, faults: list[dict[str, object]]) -> None:
    """Assert that the fault is named, and that its severity is the one that the exit code tells."""
    ids = {fault["id"] for fault in faults}
    assert case.fault_id is None or case.fault_id in ids
    assert not case.is_clean or ids == set()
    severities = {fault["severity"] for fault in faults}
    if case.exit_code == PARTIAL:
        assert "partial" in severities
    if case.exit_code == WHOLE:
        assert severities <= {"warning"}


GROWING = [
    case for case in CASES if str(case) in ("63-wrap-through-zero", "60-reversed", "37-sections-of-both-endiannesses")
]


@needs_program
@pytest.mark.parametrize("case", GROWING, ids=str)
def test_growth_never_loses_a_packet(case: Case, tmp_path: Path) -> None:
    path = case.build(tmp_path)
    assert isinstance(path, Path)
    whole = path.read_bytes()
    seen = []
    for end in [*range(0, len(whole), max(1, len(whole) // 8)), len(whole)]:
        path.write_bytes(whole[:end])
        done = scan([path], tmp_path)
        check_rules(done)
        seen.append(done.summary["packets"]["decoded"] if done.summary is not None else 0)
        (tmp_path / "summary.json").unlink(missing_ok=True)
    # Fragments only belong to a flow once their datagram is whole; nothing that did is ever lost.
    assert seen == sorted(seen)
    assert seen[-1] > 0


@needs_program
def test_same_input_gives_the_same_output(tmp_path: Path) -> None:
    case = next(case for case in CASES if str(case) == "67-ports-reused")
    path = case.build(tmp_path)
    assert isinstance(path, Path)
    first, second = scan([path], tmp_path), scan([path], tmp_path)
    assert first.stdout == second.stdout
    assert first.stdout
