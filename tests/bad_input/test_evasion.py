"""Ambiguous conversations: the first copy stays, and ambiguity is flagged if and only if bytes differ."""

from collections import Counter
from math import log2

import pytest

from .containers import pcap, write
from .evasion import BASE, RELATIONS, SESSIONS, Session
from .scan import check_rules, program, scan

needs_program = pytest.mark.skipif(program() is None, reason="the command wiretropy is not installed (pip install .)")


def entropy(payload: bytes) -> float:
    """Plug-in entropy in bits per byte."""
    return sum(count * log2(len(payload) / count) for count in Counter(payload).values()) / len(payload)


def relation(first: tuple[int, int], second: tuple[int, int]) -> tuple[bool, ...]:
    """What tells Allen's relations apart: the order of the four ends, pairwise."""
    ends = [(a > b) - (a < b) for a in first for b in second]
    return tuple(end == sign for end in ends for sign in (-1, 0, 1))


def test_the_thirteen_relations_are_thirteen() -> None:
    assert len({relation(BASE, second) for second in RELATIONS.values()}) == len(RELATIONS) == 13


def test_every_session_has_a_name_and_a_port_of_its_own() -> None:
    assert len({session.name for session in SESSIONS}) == len({session.port for session in SESSIONS}) == len(SESSIONS)


def test_other_bytes_conflict_where_and_only_where_segments_overlap() -> None:
    disjoint = {"before", "meets", "met-by", "after"}
    waiting = {s.name: s.has_conflict for s in SESSIONS if "-waiting-" in s.name}
    for name in RELATIONS:
        assert waiting[f"{name}-waiting-same-bytes"] is False
        assert waiting[f"{name}-waiting-other-bytes"] is (name not in disjoint)


def trajectory(payload: bytes) -> list[float]:
    """Entropy of the stream's beginning at each point of the grid, and of the whole."""
    return [entropy(payload[:end]) for end in (*range(32, len(payload), 32), len(payload))]


def test_the_trajectory_tells_which_copies_stayed() -> None:
    conflicting = [session for session in SESSIONS if session.has_conflict]
    assert len(conflicting) > 30
    for session in conflicting:
        assert trajectory(session.payload) != pytest.approx(trajectory(session.last_copies), abs=1e-3)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, object]]:
    """The records of all sessions by the client's port, from one run over one capture."""
    directory = tmp_path_factory.mktemp("evasion")
    frames = [frame for session in SESSIONS for frame in session.frames]
    done = scan([write(directory, "evasion.pcap", pcap(frames))], directory)
    check_rules(done)
    assert done.exit_code == 0
    assert done.summary is not None
    assert done.summary["packets"]["decoded"] == len(frames)
    by_port = {record["orig_port"]: record for record in done.records}
    assert len(by_port) == len(done.records) == len(SESSIONS)
    return by_port


@needs_program
@pytest.mark.parametrize("session", SESSIONS, ids=str)
def test_session_has_its_stated_outcome(session: Session, records: dict[int, dict[str, object]]) -> None:
    record = records[session.port]
    assert {column: record[column] for column in session.columns} == session.columns
    overlaps = record["conflicting_overlaps"]
    assert isinstance(overlaps, int)
    assert (overlaps > 0) == session.has_conflict
    weirds = record["weirds"]
    assert isinstance(weirds, list)
    assert set(session.weirds) <= set(weirds)
    measured = [*record["orig_trajectory"], record["orig_entropy"]]  # type: ignore[misc]
    grid = range(32, len(session.payload) + 1, 32)
    expected = [entropy(session.payload[:end]) for end in (*grid, len(session.payload))]
    assert measured == pytest.approx(expected, abs=1e-9)
