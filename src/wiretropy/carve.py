"""Take the packets of flows out of captures, byte for byte.

Three passes: the first finds the flows that are meant; the second follows them and
learns the numbers of their packets (those of fragments and tunnels included) and the
entropy after each; the third copies these packets. So nothing but numbers is held in
memory, and a flow of any size can be carved.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, Literal, Unpack, cast

import numpy as np
import pyarrow as pa

from wiretropy import _core, arrays, limits
from wiretropy.capture.inputs import COMPRESSIONS, STDIN, PathLike, expand
from wiretropy.capture.outputs import refuse_overwriting
from wiretropy.capture.pcap_writer import PcapngWriter, PcapWriter
from wiretropy.capture.run import CaptureRun, ProgressHook
from wiretropy.capture.settings import ScanSettings, SettingChanges
from wiretropy.capture.summary import Fault, ScanSummary, faults_from_json
from wiretropy.errors import RefusedError
from wiretropy.tables import TRACE_SCHEMA

Format = Literal["pcap", "pcapng"]

_FORMATS: dict[str, Format] = {".pcap": "pcap", ".cap": "pcap", ".pcapng": "pcapng", "": "pcapng"}
"""Endings of file names that say a format. tshark and editcap write pcapng whatever the name; a file that is called
.pcap is better what it is called."""


@dataclass(frozen=True, slots=True)
class Carved:
    """What was carved.

    Attributes
    ----------
    path : Path or None
        The file that was written; None if an open one was.
    packets : int
        Packets in it.
    flows : int
        Flows that they belong to.
    summary : ScanSummary
        What was read of the captures, and what any of the passes over them found wrong.
    """

    path: Path | None
    packets: int
    flows: int
    summary: ScanSummary


def carve(
    paths: PathLike | Iterable[PathLike],
    out: PathLike | BinaryIO,
    *,
    uids: Sequence[str] = (),
    community_ids: Sequence[str] = (),
    alerts: Sequence[str] = (),
    to: Format | None = None,
    on_progress: ProgressHook | None = None,
    **changes: Unpack[SettingChanges],
) -> Carved:
    """Write the packets of flows to a capture file of their own.

    Parameters
    ----------
    paths : path or iterable of paths
        Captures; not standard input, which can be read only once.
    out : path or binary file
        File to write; replaced when the new one is whole. An open file gets what is carved when that
        is whole, and is left open; until then it waits in memory or, if larger, in a temporary file.
    uids : sequence of str
        Flow ids, or as much of each as no other flow's id begins with.
    community_ids : sequence of str
        Community IDs; every flow with one of them.
    alerts : sequence of str
        Alert ids, as `wiretropy scan` shows them.
    to : {'pcap', 'pcapng'}, optional
        Format; by default what the name of `out` ends with (``.pcap`` and ``.cap``, or
        ``.pcapng``), pcapng if it has no ending. In pcapng each packet has a comment with
        the entropy of its flow after it, which Wireshark shows.
    on_progress : callable, optional
        Called as for `read_flows`, in the passes before packets are copied.
    **changes
        Settings that differ from their defaults; see `ScanSettings`.

    Returns
    -------
    Carved

    Raises
    ------
    RefusedError
        If no flow is meant, nothing can be read, `out` is one of the captures or ends
        with what is no format, or a pcap file would need two link types. Nothing is written then.
    """
    inputs = expand(paths)
    if STDIN in inputs:
        raise RefusedError("packets are read three times, standard input only once; save it to a file first")
    target = Path(out) if isinstance(out, str | os.PathLike) else None
    kind = _format(target, to)
    if target is not None:
        refuse_overwriting(inputs, [target, _partial(target)])
    settings = ScanSettings.of("carve", changes)
    wanted, summary = _wanted(inputs, settings, _Names(uids, community_ids, alerts), on_progress)
    rows, later = _trace(inputs, settings, wanted, on_progress)
    with _opened(out) as file:
        packets, latest = _copy(inputs, settings, rows, file, kind)
    return Carved(target, packets, len(wanted), summary.with_faults([*later, *latest]))


def _format(target: Path | None, to: Format | None) -> Format:
    """What to write: what was asked for, or what the name of the file says."""
    # A name such as ".pcap" has no suffix for Python, but ends all the same.
    ending = "" if target is None else PurePath(f"_{target.name}").suffix.lower()
    if ending in COMPRESSIONS:
        raise RefusedError(f"{target}: compressed captures are not written; write - and pipe it through a compressor")
    if to is None and ending not in _FORMATS:
        known = ", ".join(filter(None, _FORMATS))
        raise RefusedError(f"{target}: no format of captures ends with {ending}; use {known}, or say pcap or pcapng")
    if to is not None and to not in _FORMATS.values():
        raise RefusedError(f"there is no format {to!r}; choose pcap or pcapng")
    return to or _FORMATS[ending]


def _partial(target: Path) -> Path:
    """The name of a file until it is whole."""
    return target.with_name(f".{target.name}.partial")


def _opened(out: PathLike | BinaryIO) -> AbstractContextManager[BinaryIO]:
    """Where to write: a file that stands for `out` until it is whole, and leaves nothing behind if that never comes."""
    return _replacing(Path(out)) if isinstance(out, str | os.PathLike) else _spooled(out)


@contextmanager
def _spooled(out: BinaryIO) -> Iterator[BinaryIO]:
    """A temporary file whose content goes to an open one in the end."""
    is_whole = False
    try:
        with SpooledTemporaryFile(max_size=limits.SPOOLED_BYTES) as spool:
            yield cast(BinaryIO, spool)  # it is one, whatever its type is called
            spool.seek(0)
            is_whole = True
            shutil.copyfileobj(spool, out)
    except OSError as error:
        # Around the whole, since a file that could not be written fails once more when it is closed.
        if is_whole:
            raise
        raise RefusedError(
            f"the temporary file for what is carved cannot be written ({error.strerror or error}); TMPDIR names "
            "another folder for it, -o a file that needs none"
        ) from error


@contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    """A file of another name, which replaces the target in the end."""
    partial = _partial(target)
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(target)
    except OSError as error:
        raise RefusedError(f"{target}: cannot be written ({error.strerror or error})") from error
    finally:
        partial.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Names:
    """What flows were asked for by."""

    uids: Sequence[str]
    community_ids: Sequence[str]
    alerts: Sequence[str]


def _wanted(
    inputs: list[Path], settings: ScanSettings, asked: _Names, on_progress: ProgressHook | None
) -> tuple[list[str], ScanSummary]:
    """Full flow ids of everything that was asked for, in the order of the capture, and the totals of the pass."""
    from wiretropy.policy.alert import flow_mark, flow_mark_of

    if not (asked.uids or asked.community_ids or asked.alerts):
        raise RefusedError("no flow was named; give a flow id, a Community ID or an alert id")
    found: dict[str, None] = {}
    matched: dict[str, set[str]] = {uid: set() for uid in asked.uids}
    alerts = {flow_mark_of(alert): alert for alert in asked.alerts}
    wanted_names = {*asked.community_ids, *alerts}
    open_names = set(wanted_names)
    run = CaptureRun(inputs, settings, on_progress=on_progress)
    for batch in run:
        for row in batch.select(_IDENTIFYING).to_pylist():
            names = {row["community_id"], flow_mark(row["uid"])}
            open_names -= names
            by_prefix = [uid for uid in asked.uids if row["uid"].startswith(uid)]
            for uid in by_prefix:
                matched[uid].add(row["uid"])
            if by_prefix or names & wanted_names:
                found[row["uid"]] = None
    summary = run.summary
    summary.raise_if_refused()
    _check_names(matched, {alerts.get(name, name) for name in open_names})
    return list(found), summary


_IDENTIFYING = ["uid", "community_id"]
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


def _trace(
    inputs: list[Path], settings: ScanSettings, uids: list[str], on_progress: ProgressHook | None
) -> tuple[pa.Table, Sequence[Fault]]:
    """Packet rows of the flows, and the faults that the pass met."""
    rows: list[pa.RecordBatch] = []
    run = CaptureRun(inputs, settings, trace=uids, on_trace=rows.append, on_progress=on_progress)
    for _ in run:
        pass
    summary = run.summary
    summary.raise_if_refused()
    return pa.Table.from_batches(rows, TRACE_SCHEMA), summary.faults


def _copy(
    inputs: list[Path], settings: ScanSettings, rows: pa.Table, file: BinaryIO, kind: Format
) -> tuple[int, Sequence[Fault]]:
    """Copy the packets that the rows name, in time order over all inputs; their number, and the faults met."""
    writer = PcapWriter(file) if kind == "pcap" else PcapngWriter(file)
    faults: list[Fault] = []
    streams = [_frames(path, settings, _rows_of(rows, path), faults) for path in inputs]
    packets = 0
    for frame, comment in _in_time_order(streams):
        writer.write(frame["ts_ns"], frame["link_type"], frame["origlen"], frame["frame"], comment, frame["fcs_len"])
        packets += 1
    return packets, faults


def _rows_of(rows: pa.Table, path: Path) -> pa.Table:
    """The rows of one capture, by packet number."""
    import pyarrow.compute as pc

    # The core names inputs in UTF-8; bytes that are none become replacement characters there.
    name = os.fsencode(path).decode("utf-8", "replace")
    return rows.filter(pc.equal(rows.column("source"), pa.scalar(name))).sort_by("number")


Frame = dict[str, Any]
"""A packet: number, ts_ns, link_type, fcs_len, origlen, frame."""


def _frames(path: Path, settings: ScanSettings, rows: pa.Table, faults: list[Fault]) -> Iterator[tuple[Frame, str]]:
    """Frames of one capture with their comments, in the order of the capture; faults that are met go to `faults`."""
    numbers = arrays.values(rows.column("number"))
    unique, first = np.unique(numbers, return_index=True)
    # All packets are counted, those too that a filter leaves out.
    reader, left = _core.Frames(path, unique.tolist(), settings.to_core(filters=None, trace=False)), len(unique)
    comments = {int(number): int(at) for number, at in zip(unique, first, strict=True)}
    while (batch := reader.next_batch()) is not None:
        for frame in pa.record_batch(batch).to_pylist():
            row = rows.slice(comments[frame["number"]], 1).to_pylist()[0]
            yield frame, _comment(row)
            left -= 1
    met = faults_from_json(reader.faults())
    faults.extend(met)
    if left:
        why = "".join(f" ({fault.message})" for fault in met)
        raise RefusedError(
            f"{path}: {left:,} of the {len(unique):,} packets were there at first and cannot be copied now{why}; carve "
            "again when nothing writes to the file"
        )


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
