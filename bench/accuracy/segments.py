"""Sections of the report on flows: where the coding changes, and the sessions of the examples."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import wiretropy
from bench.accuracy import scores, sessions
from bench.accuracy.coding import percent
from bench.accuracy.sessions import Session
from bench.report import Check, Section, Table
from wiretropy.flows import read_flows

REPOSITORY = Path(__file__).resolve().parents[2]

SEED = 79

OPAQUE = frozenset(("opaque", "encrypted", "compressed", "key material"))
"""Kinds of segments that are not cleartext; `encoded` is, for it can be read."""

FALSE_ALARM_BYTES = 1 << 30

RELAPSE_BYTES = (64, 128, 200, 1000)


def found_segments(made: Iterator[Session], depth: int | None = None) -> list[tuple[Session, list[dict[str, Any]]]]:
    """Judge sessions as flows; each with the segments of its originator's side."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "made.pcap"
        written = sessions.write(path, made)
        flows = read_flows(path, depth=depth) if depth else read_flows(path)
        columns = wiretropy.judge(flows).to_arrow().select(["orig_ip", "orig_port", "segments"]).to_pylist()
    by_end = {(str(row["orig_ip"]), row["orig_port"]): row["segments"] for row in columns}
    return [
        (session, [one for one in by_end[sessions.port_of(number)] if one["side"] == "orig"])
        for number, session in enumerate(written)
    ]


def changes(scale: float) -> Section:
    """Boundaries, relapses and false alarms."""
    section = Section("segments", "Where the coding changes inside a direction")
    section.text.append(
        "Sessions are made of text of sources that training did not see and of ciphertext, plain or "
        "in records with headers, "
        "written as captures and judged as flows. A boundary's distance is that between the true "
        "change and the nearest found "
        "one of the same kind. A relapse counts as reported if a segment of cleartext begins before "
        "64 bytes of it have passed."
    )
    made = found_segments(sessions.handshakes(int(600 * scale), SEED))
    distances = np.array([_distance(session, found) for session, found in made])
    median = float(np.median(distances))
    within = float((distances <= 64).mean())
    section.tables.append(Table(
        ("end of the cleartext handshake", "value"),
        [["sessions", str(len(made))], ["median distance, bytes", f"{median:.0f}"],
         ["90th percentile, bytes", f"{np.percentile(distances, 90):.0f}"],
         ["within 64 bytes, percent", percent(within)]],
    ))  # fmt: skip
    section.checks.append(
        Check(
            "boundary of handshake and ciphertext: median distance",
            f"{median:.0f} bytes",
            "at most 32 bytes",
            median <= 32,
        )
    )
    section.tables.append(_relapses(scale, section))
    section.checks.append(_false_alarms(scale))
    return section


def _distance(session: Session, found: list[dict[str, Any]]) -> float:
    """From the end of the cleartext to the nearest beginning of something opaque after cleartext."""
    starts = [
        after["start"] for before, after in pairwise(found)
        if before["kind"] not in OPAQUE and after["kind"] in OPAQUE
    ]  # fmt: skip
    return min((abs(start - session.starts[1]) for start in starts), default=float(len(session.payload)))


def _relapses(scale: float, section: Section) -> Table:
    lines = []
    for length in RELAPSE_BYTES:
        made = found_segments(sessions.relapses(int(400 * scale), SEED + length, length))
        reported = np.array([_is_reported(session, found) for session, found in made])
        share = scores.share(reported, np.array([session.source for session, _ in made]))
        lines.append([str(length), str(len(made)), str(share)])
        if length >= 128:
            section.checks.append(
                Check(
                    f"relapse of {length} bytes reported within 64", f"{share} %", "at least 99 %", share.value >= 0.99
                )
            )
    return Table(("bytes of cleartext", "sessions", "reported, percent"), lines)


def _is_reported(session: Session, found: list[dict[str, Any]]) -> bool:
    begin = session.starts[1]
    return any(one["kind"] not in OPAQUE and begin - 64 <= one["start"] <= begin + 64 for one in found)


def _false_alarms(scale: float) -> Check:
    total = max(1 << 26, int(FALSE_ALARM_BYTES * scale))
    made = found_segments(sessions.undisturbed(total, 1 << 20, SEED), depth=1 << 20)
    alarms = sum(one["kind"] not in OPAQUE for _, found in made for one in found)
    return Check(
        f"cleartext alarms in {total >> 20} MB of ciphertext", str(alarms), "at most 1 in 1,024 MB", alarms <= 1
    )


def examples() -> Section:
    """The experiment's cases, as the lab recorded them."""
    section = Section("examples", "The experiment's cases")
    section.text.append("Sessions of examples/, whose truth is in manifest.csv: verdicts of whole flows.")
    folder = REPOSITORY / "examples"
    lines: dict[tuple[str, str], list[int]] = {}
    with (folder / "manifest.csv").open(newline="") as file:
        truths = {(row["file"], row["orig"]): row for row in csv.DictReader(file)}
    for path in sorted(folder.glob("*.pcap")):
        for row in wiretropy.judge(read_flows(path)).to_arrow().to_pylist():
            truth = truths.get((path.name, f"{row['orig_ip']}:{row['orig_port']}"))
            if truth:
                counts = lines.setdefault((truth["class"], truth["content"]), [0, 0, 0])
                counts[0] += 1
                counts[1] += row["verdict"] == truth["content"]
                counts[2] += row["verdict"] == "undecided"
    for (name, truth), (flows, right, _) in sorted(lines.items()):
        section.checks.append(Check(f"{name} is {truth}", f"{right} of {flows}", "all", right == flows))
    section.tables.append(Table(
        ("class", "truth", "flows", "right", "undecided"),
        [[*key, *map(str, counts)] for key, counts in sorted(lines.items())],
    ))  # fmt: skip
    return section
