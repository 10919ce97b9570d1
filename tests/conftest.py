"""What tests in all folders share: where captures lie, and reading what a test has built."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from wire import Packet, pcap_bytes

# How long an example takes says something of the machine, and nothing of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

REPOSITORY = Path(__file__).resolve().parents[1]

Row = dict[str, Any]
Reader = Callable[..., list[Row]]


def corpus_folder() -> Path:
    """Where the corpus of public captures is, or would be."""
    named = os.environ.get("WIRETROPY_CORPUS")
    return Path(named) if named else REPOSITORY.parent / "shared" / "corpus"


@pytest.fixture(scope="session")
def examples() -> Path:
    """The folder of captures that come with the repository."""
    return REPOSITORY / "examples"


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The corpus of public captures; what needs it is skipped where it is absent."""
    folder = corpus_folder()
    if not (folder / "traffic").is_dir():
        pytest.skip(f"no corpus of captures at {folder}; name one with WIRETROPY_CORPUS")
    return folder


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """Read packets into flow records, in the order of their first packets."""
    from wiretropy.flows import read_flows

    def read_packets(packets: Iterable[Packet], **changes: Any) -> list[Row]:
        path = tmp_path / "packets.pcap"
        path.write_bytes(pcap_bytes(packets, is_nanoseconds=True))
        return ordered(read_flows(path, **changes).to_arrow().to_pylist())

    return read_packets


@pytest.fixture
def read_one(read: Reader) -> Callable[..., Row]:
    """Read packets of a single flow into its record."""

    def read_flow(packets: Iterable[Packet], **changes: Any) -> Row:
        rows = read(packets, **changes)
        assert len(rows) == 1, [(row["orig_ip"], row["orig_port"], row["end_reason"]) for row in rows]
        return rows[0]

    return read_flow


def ordered(rows: list[Row]) -> list[Row]:
    """Flow records in an order that does not depend on when each flow ended."""
    return sorted(rows, key=lambda row: (row["ts_first_ns"], row["first_packet"], row["uid"]))
