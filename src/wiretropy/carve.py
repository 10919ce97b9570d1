"""Take the packets of flows out of captures, byte for byte.

Two passes: the first follows the wanted flows and learns the numbers of their
packets (those of fragments and tunnels included) and the entropy after each;
the second copies these packets. So nothing but numbers is held in memory, and a
flow of any size can be carved.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, Unpack

import numpy as np
import pyarrow as pa

from wiretropy import _core, arrays
from wiretropy.capture.inputs import STDIN, PathLike, expand
from wiretropy.capture.outputs import refuse_overwriting
from wiretropy.capture.pcap_writer import PcapngWriter, PcapWriter
from wiretropy.capture.run import CaptureRun
from wiretropy.capture.settings import ScanSettings, SettingChanges
from wiretropy.errors import RefusedError
from wiretropy.flows import TRACE_SCHEMA

Format = Literal["pcap", "pcapng"]


@dataclass(frozen=True, slots=True)
class Carved:
    """What was carved.

    Attributes
    ----------
    path : Path
        The file that was written.
    packets : int
        Packets in it.
    flows : int
        Flows that they belong to.
    """

    path: Path
    packets: int
    flows: int


def carve(
    paths: PathLike | Iterable[PathLike],
    out: PathLike,
    *,
    uids: Sequence[str] = (),
    community_ids: Sequence[str] = (),
    alerts: Sequence[str] = (),
    to: Format | None = None,
    **changes: Unpack[SettingChanges],
) -> Carved:
    """Write the packets of flows to a capture file of their own.

    Parameters
    ----------
    paths : path or iterable of paths
        Captures; not standard input, which cannot be read twice.
    out : path
        File to write; replaced when the new one is whole.
    uids : sequence of str
        Flow ids, or as much of each as no other flow's id begins with.
    community_ids : sequence of str
        Community IDs; every flow with one of them.
    alerts : sequence of str
        Alert ids, as `wiretropy scan` shows them.
    to : {'pcap', 'pcapng'}, optional
        Format; by default what the name of `out` ends with, else pcapng. In pcapng
        each packet has a comment with the entropy of its flow after it, which
        Wireshark shows.
    **changes
        Settings that differ from their defaults; see `ScanSettings`.

    Returns
    -------
    Carved

    Raises
    ------
    RefusedError
        If no flow is meant, nothing can be read, `out` is one of the captures, or a
        pcap file would need two link types.
    """
    inputs = expand(paths)
    if STDIN in inputs:
        raise RefusedError("packets are read twice, which standard input does not allow; save it to a file first")
    target = Path(out)
    refuse_overwriting(inputs, [target])
    settings = ScanSettings.of("carve", changes)
    wanted = _wanted(inputs, settings, uids, community_ids, alerts)
    rows = _trace(inputs, settings, wanted)
    kind = to or ("pcap" if target.suffix in (".pcap", ".cap") else "pcapng")
    partial = target.with_name(f".{target.name}.partial")
    try:
        with partial.open("wb") as file:
            packets = _copy(inputs, rows, file, kind)
        partial.replace(target)
    except OSError as error:
        raise RefusedError(f"{target}: cannot be written ({error.strerror or error})") from error
    finally:
        partial.unlink(missing_ok=True)
    return Carved(target, packets, len(wanted))


def _wanted(
    inputs: list[Path],
    settings: ScanSettings,
    uids: Sequence[str],
    community_ids: Sequence[str],
    alerts: Sequence[str],
) -> list[str]:
    """Full flow ids of everything that was asked for, in the order of the capture."""
    from wiretropy.policy.threshold import crossings_of

    if not (uids or community_ids or alerts):
        raise RefusedError("no flow was named; give a flow id, a Community ID or an alert id")
    found: dict[str, None] = {}
    matched: dict[str, set[str]] = {uid: set() for uid in uids}
    open_names = set(community_ids) | set(alerts)
    run = CaptureRun(inputs, settings)
    for batch in run:
        for row in batch.select(_IDENTIFYING).to_pylist():
            names = {row["community_id"], *(crossing.id for crossing in crossings_of(row))}
            open_names -= names
            by_prefix = [uid for uid in uids if row["uid"].startswith(uid)]
            for uid in by_prefix:
                matched[uid].add(row["uid"])
            if by_prefix or names & set(community_ids) or names & set(alerts):
                found[row["uid"]] = None
    run.summary.raise_if_refused()
    _check_names(matched, open_names)
    return list(found)


_IDENTIFYING = [
    "uid",
    "community_id",
    *(f"{side}_crossing_{what}" for side in ("orig", "resp") for what in ("offsets", "packets", "sources")),
]
"""Columns by which a flow can be named."""


def _check_names(matched: dict[str, set[str]], open_names: set[str]) -> None:
    """Refuse names that no flow has, and beginnings that several have."""
    for uid, flows in matched.items():
        if len(flows) > 1 and uid not in flows:
            raise RefusedError(f"{uid!r} is the beginning of {len(flows)} flow ids; give more of it")
    missing = sorted(open_names | {uid for uid, flows in matched.items() if not flows})
    if missing:
        listed = ", ".join(map(repr, missing))
        raise RefusedError(f"no flow is named {listed}; list the flows with wiretropy scan")


def _trace(inputs: list[Path], settings: ScanSettings, uids: list[str]) -> pa.Table:
    """Packet rows of the flows."""
    rows: list[pa.RecordBatch] = []
    for _ in CaptureRun(inputs, settings, trace=uids, on_trace=rows.append):
        pass
    return pa.Table.from_batches(rows, TRACE_SCHEMA)


def _copy(inputs: list[Path], rows: pa.Table, file: BinaryIO, kind: Format) -> int:
    """Copy the packets that the rows name, in time order over all inputs."""
    writer = PcapWriter(file) if kind == "pcap" else PcapngWriter(file)
    streams = [_frames(path, _rows_of(rows, path)) for path in inputs]
    packets = 0
    for frame, comment in _in_time_order(streams):
        writer.write(frame["ts_ns"], frame["link_type"], frame["origlen"], frame["frame"], comment, frame["fcs_len"])
        packets += 1
    return packets


def _rows_of(rows: pa.Table, path: Path) -> pa.Table:
    """The rows of one capture, by packet number."""
    import pyarrow.compute as pc

    # The core names inputs in UTF-8; bytes that are none become replacement characters there.
    name = os.fsencode(path).decode("utf-8", "replace")
    return rows.filter(pc.equal(rows.column("source"), pa.scalar(name))).sort_by("number")


Frame = dict[str, Any]
"""A packet: number, ts_ns, link_type, fcs_len, origlen, frame."""


def _frames(path: Path, rows: pa.Table) -> Iterator[tuple[Frame, str]]:
    """Frames of one capture with their comments, in the order of the capture."""
    numbers = arrays.values(rows.column("number"))
    unique, first = np.unique(numbers, return_index=True)
    reader = _core.Frames(path, unique.tolist())
    comments = {int(number): int(at) for number, at in zip(unique, first, strict=True)}
    while (batch := reader.next_batch()) is not None:
        for frame in pa.record_batch(batch).to_pylist():
            row = rows.slice(comments[frame["number"]], 1).to_pylist()[0]
            yield frame, _comment(row)


def _in_time_order(
    streams: list[Iterator[tuple[Frame, str]]],
) -> Iterator[tuple[Frame, str]]:
    """Merge captures by packet time; within a capture, its own order stays."""
    import heapq

    def by_running_time(at: int, stream: Iterator[tuple[Frame, str]]) -> Iterator[tuple[int, int, int, Frame, str]]:
        latest = -1
        for number, (frame, comment) in enumerate(stream):
            latest = max(latest, frame["ts_ns"])
            yield latest, at, number, frame, comment

    merged = heapq.merge(*(by_running_time(at, stream) for at, stream in enumerate(streams)), key=lambda each: each[:3])
    return ((frame, comment) for *_, frame, comment in merged)


def _comment(row: dict[str, Any]) -> str:
    """What Wireshark shows beside a packet."""
    side = "originator" if row["is_orig"] else "responder"
    offset = row["orig_offset"] if row["is_orig"] else row["resp_offset"]
    entropy = row["orig_entropy"] if row["is_orig"] else row["resp_entropy"]
    own = "no payload yet" if entropy is None else f"{entropy:.4f} bits per byte over {offset:,} bytes"
    both = "" if row["both_entropy"] is None else f"; both {row['both_entropy']:.4f}"
    return f"wiretropy {row['uid']}: {side} {own}{both}"
