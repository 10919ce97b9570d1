"""Packets, bytes and streams equal tshark's, but for differences that are listed with their reasons."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import oracle
import pytest
import tshark
from conftest import REPOSITORY, corpus_folder
from tshark import Traffic, Way, needs_tshark

from wiretropy.flows import read_flows

needs_capinfos = pytest.mark.skipif(shutil.which("capinfos") is None, reason="capinfos is not installed")

DIFFERENCES: dict[str, str] = {}
"""Captures of the corpus whose conversations differ from tshark's, and why."""

SAMPLE_EVERY = 25
"""One of so many captures is compared, all of them where WIRETROPY_FULL is set: that takes minutes."""

EXAMPLES = sorted((REPOSITORY / "examples").glob("*.pcap"))


def corpus_captures(folder: str) -> list[Any]:
    """Captures of a part of the corpus, in the order of their names."""
    if not (corpus_folder() / folder).is_dir():
        absent = pytest.mark.skip(reason=f"no corpus of captures at {corpus_folder()}; name one with WIRETROPY_CORPUS")
        return [pytest.param(Path("absent"), marks=absent)]
    found = sorted(path for path in (corpus_folder() / folder).rglob("*") if path.is_file())
    captures = [path for path in found if path.suffix not in (".csv", ".md")]
    return captures if os.environ.get("WIRETROPY_FULL") else captures[::SAMPLE_EVERY]


def relative(path: Path) -> str:
    """The name of a capture in the list of differences."""
    return "/".join(path.parts[-2:])


def traffic(path: Path, **changes: Any) -> Traffic:
    """Packets and frame bytes of TCP and UDP by direction."""
    packets: Counter[Way] = Counter()
    wire_bytes: Counter[Way] = Counter()
    for row in read_flows(path, **changes).to_arrow().to_pylist():
        if row["proto"] not in ("tcp", "udp"):
            continue
        for one, other in (("orig", "resp"), ("resp", "orig")):
            ends = (row[f"{one}_ip"], row[f"{one}_port"], row[f"{other}_ip"], row[f"{other}_port"])
            if row[f"{one}_packets"]:
                packets[Way(row["proto"], *ends)] += row[f"{one}_packets"]
                wire_bytes[Way(row["proto"], *ends)] += row[f"{one}_wire_bytes"]
    return Traffic(packets, wire_bytes)


@needs_tshark
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_conversations_of_the_examples_equal_tsharks(path: Path) -> None:
    assert traffic(path) == tshark.traffic(path)


@needs_tshark
@pytest.mark.parametrize("path", corpus_captures("traffic"), ids=relative)
def test_conversations_of_the_corpus_equal_tsharks_but_for_the_listed(path: Path) -> None:
    ours, theirs = traffic(path), tshark.traffic(path)
    if relative(path) in DIFFERENCES:
        assert ours != theirs, f"no difference any more; take it off the list: {relative(path)}"
    else:
        assert ours == theirs


@needs_capinfos
@pytest.mark.parametrize("path", [*EXAMPLES, *corpus_captures("traffic")], ids=relative)
def test_packets_seen_are_those_that_capinfos_counts(path: Path) -> None:
    said = subprocess.run(["capinfos", "-c", "-M", "-T", "-r", str(path)], capture_output=True, text=True, check=True)
    assert read_flows(path).summary.packets.seen == int(said.stdout.split("\t")[-1])


@needs_tshark
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_streams_of_the_examples_hold_the_bytes_that_tshark_follows(path: Path) -> None:
    rows = [row for row in read_flows(path, depth="all").to_arrow().to_pylist() if row["proto"] == "tcp"]
    expected: Counter[tuple[object, ...]] = Counter()
    for number in range(len(rows)):
        stream = tshark.follow(path, number)
        assert stream is not None
        for sender, receiver, sent in (
            (stream.first, stream.second, stream.first_bytes),
            (stream.second, stream.first, stream.second_bytes),
        ):
            entropy = oracle.entropy(sent)
            expected[sender, receiver, len(sent), None if entropy is None else round(entropy, 9)] += 1
    assert tshark.follow(path, len(rows)) is None
    found: Counter[tuple[object, ...]] = Counter()
    for row in rows:
        for one, other in (("orig", "resp"), ("resp", "orig")):
            ends = [f"{row[f'{side}_ip']}:{row[f'{side}_port']}" for side in (one, other)]
            assert row[f"{one}_missed_bytes"] == 0
            entropy = row[f"{one}_entropy"]
            found[*ends, row[f"{one}_payload_bytes"], None if entropy is None else round(entropy, 9)] += 1
    assert found == expected
