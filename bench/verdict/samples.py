"""Fragments that the model of encrypted and compressed bytes learns from and is tested on, measured.

Streams of `bench.coding.streams`, opaque parts of `traffic` and drawn bytes enter; a table of statistics leaves, one
row a fragment, with what each is. Lengths are drawn, or given. Within a format sources take turns, then encoders, so
that none outweighs the others by its number of streams. A table is kept in the cache while the data stay the same.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.coding import data, fetch, formats
from bench.coding.data import Stream
from bench.verdict import framing, measuring, sides, traffic
from bench.verdict.openings import Opening
from wiretropy.verdict.payload_statistics import payload_statistics

SHORTEST, LONGEST = 64, 65_536
"""Bounds of drawn lengths, in bytes: less says little, more is not measured by default."""

ANCHORS = (512, 2048, 8192, 65_536)
"""Lengths that accuracy is stated for, in bytes."""

ANCHOR_SHARE = 0.3
ANCHOR_CHANCES = (0.3, 0.3, 0.3, 0.1)
"""Share of drawn lengths that are anchors, and of these each; long fragments are easy, and dear to measure."""

BEND = 1.4
"""Drawn lengths are log-uniform but for this power, which makes short ones more frequent."""

LEARNT = (*formats.BASE, "brotli11", "zstd19")
"""Formats of compressed bytes that are learnt. LZMA is not: it looks like ciphertext, and would only blur it."""

START_SHARE = 0.25
"""Share of clear fragments that are taken from the first byte of a file on."""

PRINTABLE = np.array([*range(0x20, 0x7F), 9, 10, 13], np.uint8)
TEXT_SHARE = 0.9
"""Printable bytes, and the least share of them in a message that counts as text."""

CHUNK = 2000
"""Fragments held in memory at a time."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Measured fragments.

    Attributes
    ----------
    statistics : ndarray of shape (n, K), float32
        As `measuring.NAMES` says.
    shares : ndarray of shape (n, L), float32
        As `payload_statistics.STATISTICS` says.
    lengths : ndarray of shape (n,), int64
        Bytes of each fragment.
    is_coded : ndarray of shape (n,), bool
        Whether it is compressed or media, not encrypted.
    has_clear : ndarray of shape (n,), bool
        Whether it was cut out of a side that has cleartext too.
    families : ndarray of shape (n,), str
        `plain` bytes, those at the `start` of a stream, bytes `framed` into drawn records, real `traffic`, what the
        core cuts out of whole `session` sides, or `clear` material.
    formats, encoders, sources : ndarray of shape (n,), str
        Of plain fragments the format or `encrypted`, the encoder or cipher, and the source. Of framed ones the encoder
        is the kind of framing; of traffic the format is the protocol and the source the repository; of sessions the
        encoder is the protocol, and the format says that they were `captured` or `made`, or what was compressed; of
        clear material the format is `text` or `binary` and the encoder its kind.
    """

    statistics: NDArray[np.float32]
    shares: NDArray[np.float32]
    lengths: NDArray[np.int64]
    is_coded: NDArray[np.bool_]
    has_clear: NDArray[np.bool_]
    families: NDArray[np.str_]
    formats: NDArray[np.str_]
    encoders: NDArray[np.str_]
    sources: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def truth(self) -> NDArray[np.str_]:
        """The right verdict of each."""
        opaque = np.where(self.is_coded, "compressed", "encrypted")
        return np.where(self.families == "clear", self.formats, opaque)

    def where(self, chosen: NDArray[np.bool_]) -> Rows:
        """The rows that are chosen."""
        return Rows(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def save(self, path: Path) -> None:
        """Write to a file that is there only when it is complete."""
        partial = path.with_suffix(".partial.npz")
        np.savez_compressed(partial, **{field.name: getattr(self, field.name) for field in fields(self)})
        partial.rename(path)

    @classmethod
    def load(cls, path: Path) -> Rows:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(*(stored[field.name] for field in fields(cls)))


@dataclass(frozen=True, slots=True)
class Fragment:
    """Bytes and what they are; see `Rows`."""

    octets: bytes
    is_coded: bool
    family: str
    format: str
    encoder: str
    source: str
    has_clear: bool = False


def joined(tables: Sequence[Rows]) -> Rows:
    """All rows of several tables."""
    return Rows(*(np.concatenate([getattr(table, field.name) for table in tables]) for field in fields(Rows)))


def measured(name: str, fragments: Iterator[Fragment]) -> Rows:
    """Measure fragments, or read what was measured under this name from the same data."""
    path = fetch.folder("rows") / f"{name}-{_state():08x}.npz"
    if path.exists():
        return Rows.load(path)
    tables, waiting = [], []
    for fragment in fragments:
        waiting.append(fragment)
        if len(waiting) == CHUNK:
            tables.append(_rows(waiting))
            waiting = []
    if waiting:
        tables.append(_rows(waiting))
    rows = joined(tables)
    rows.save(path)
    return rows


@cache
def _state() -> int:
    """A number that changes with the streams and with what is measured, so that stale tables are not read."""
    folders = ("streams", "traffic", "sides", "clear", "openings")
    files = [path for name in folders for path in sorted(fetch.folder(name).glob("*/*~*"))]
    found = [f"{path.parent.name} {path.name} {path.stat().st_size}" for path in files]
    return zlib.crc32("\n".join([*measuring.NAMES, *found]).encode())


def _rows(fragments: Sequence[Fragment]) -> Rows:
    payloads = [fragment.octets for fragment in fragments]
    return Rows(
        measuring.table(payloads),
        payload_statistics(payloads),
        np.array([len(fragment.octets) for fragment in fragments]),
        np.array([fragment.is_coded for fragment in fragments]),
        np.array([fragment.has_clear for fragment in fragments]),
        *(np.array([getattr(one, name) for one in fragments]) for name in ("family", "format", "encoder", "source")),
    )


def drawn_length(draw: np.random.Generator) -> int:
    """A length to train on."""
    if draw.random() < ANCHOR_SHARE:
        return int(draw.choice(ANCHORS, p=ANCHOR_CHANCES))
    return int(SHORTEST * ((LONGEST + 1) / SHORTEST) ** (draw.random() ** BEND))


def coded(
    among: Sequence[Stream], names: Sequence[str], per_format: int, draw: np.random.Generator, *,
    length: int | None = None, frame: bool = False, at_start: bool = False,
) -> Iterator[Fragment]:  # fmt: skip
    """Fragments of compressed streams, at random offsets or at offset 0.

    Parameters
    ----------
    among : sequence of Stream
    names : sequence of str
        Formats to take.
    per_format : int
        Fragments of each format.
    draw : Generator
    length : int, optional
        Bytes of each; drawn if not given. Streams that are too short are passed over.
    frame : bool
        Put headers of records between the bytes.
    at_start : bool
        Cut at offset 0, where headers count.
    """
    for name in names:
        by_source: dict[str, dict[str, list[Stream]]] = {}
        for stream in among:
            if stream.format == name:
                by_source.setdefault(stream.source, {}).setdefault(stream.encoder, []).append(stream)
        sources = sorted(by_source)
        for number in range(per_format if sources else 0):
            wanted = length or drawn_length(draw)
            room = wanted + 2 * framing.LEAST_RECORD if frame else wanted
            for step in range(len(sources)):
                stream = _one_of(by_source[sources[(number + step) % len(sources)]], room, draw)
                if stream:
                    yield _cut(stream, wanted, draw, frame=frame, at_start=at_start)
                    break


def _one_of(by_encoder: dict[str, list[Stream]], room: int, draw: np.random.Generator) -> Stream | None:
    encoders = [name for name in sorted(by_encoder) if any(stream.size >= room for stream in by_encoder[name])]
    if not encoders:
        return None
    long_enough = [stream for stream in by_encoder[encoders[draw.integers(len(encoders))]] if stream.size >= room]
    return long_enough[draw.integers(len(long_enough))]


def _cut(stream: Stream, length: int, draw: np.random.Generator, *, frame: bool, at_start: bool) -> Fragment:
    taken = min(stream.size, length + 2 * framing.MOST_RECORD) if frame else length
    offset = 0 if at_start else int(draw.integers(stream.size - taken + 1))
    with stream.path.open("rb") as file:
        file.seek(offset)
        octets = file.read(taken)
    if not frame:
        return Fragment(octets, True, "start" if at_start else "plain", stream.format, stream.encoder, stream.source)
    kind = str(draw.choice(sorted(framing.CODED)))
    framed = framing.framed(octets, kind, draw, length)
    return Fragment(framed, True, "framed", stream.format, kind, stream.source)


def random_bytes(
    count: int, draw: np.random.Generator, *, length: int | None = None, frame: bool = False
) -> Iterator[Fragment]:
    """Uniformly random bytes, which is what ciphertext is to one without the key; framed on request."""
    for number in range(count):
        wanted = length or drawn_length(draw)
        if not frame:
            yield Fragment(draw.bytes(wanted), False, "plain", data.ENCRYPTED, "random", f"random{number % 40}")
            continue
        kind = str(draw.choice(sorted(framing.CIPHERTEXT)))
        framed = framing.framed(draw.bytes(wanted + 2 * framing.MOST_RECORD), kind, draw, wanted)
        yield Fragment(framed, False, "framed", data.ENCRYPTED, kind, f"random{number % 40}")


def ciphertext(length: int, count: int) -> Iterator[Fragment]:
    """Ciphertext of the test side's contents, the ciphers in turn."""
    made = data.encrypted(length, count, is_test=True)
    for octets, cipher, source in zip(made.octets, made.encoders, made.sources, strict=True):
        yield Fragment(octets.tobytes(), False, "plain", data.ENCRYPTED, str(cipher), str(source))


def real_traffic(
    count: int, draw: np.random.Generator, *, is_test: bool, length: int | None = None
) -> Iterator[Fragment]:
    """Fragments of opaque parts of real traffic, repositories and protocols in turn, half from the first byte on."""
    by_group: dict[tuple[str, str], list[Path]] = {}
    for path in sorted(fetch.folder("traffic").glob("*/*~*~*")):
        if (path.parent.name in traffic.TEST) == is_test:
            by_group.setdefault((path.parent.name, path.name.split("~")[0]), []).append(path)
    groups = sorted(by_group)
    for number in range(count if groups else 0):
        wanted = length or drawn_length(draw)
        for step in range(len(groups)):
            repository, protocol = groups[(number + step) % len(groups)]
            paths = [path for path in by_group[repository, protocol] if path.stat().st_size >= wanted]
            if paths:
                octets = paths[draw.integers(len(paths))].read_bytes()
                offset = 0 if draw.random() < 0.5 else int(draw.integers(len(octets) - wanted + 1))
                part = octets[offset : offset + wanted]
                yield Fragment(part, False, "traffic", protocol, protocol, repository)
                break


def sessions(
    among: Sequence[Stream], before: Sequence[Opening], count: int, draw: np.random.Generator, *, is_test: bool
) -> Iterator[Fragment]:
    """What the core measures of sides: all captured ones; of TLS, HTTP and other records `count` made ones each."""
    for repository, truth, label, one in sides.stored(is_test=is_test):
        is_coded = truth == "compressed"
        yield Fragment(one.octets, is_coded, "session", "captured", label, repository, one.has_clear)
    for number, one in enumerate(sides.made_tls(count, draw)):
        yield Fragment(one.octets, False, "session", "made", "tls", f"tls{number % 40}", one.has_clear)
    for stream, one in sides.made_http(among, count, draw):
        yield Fragment(one.octets, True, "session", stream.format, "http", stream.source, one.has_clear)
    clear = [opening.octets for opening in before if (opening.source in traffic.TEST) == is_test]
    for number, (coded, kind, one) in enumerate(sides.made_framed(among, clear, count, draw)):
        format_, source = (coded.format, coded.source) if coded else ("made-framed", f"framed{number % 40}")
        yield Fragment(one.octets, coded is not None, "session", format_, kind, source, one.has_clear)


def clear(
    verdicts: Sequence[str], per_kind: int, draw: np.random.Generator, *, is_test: bool, length: int | None = None
) -> Iterator[Fragment]:
    """Clear material of these verdicts, a quarter from its first byte on, sources in turn within a kind."""
    by_kind: dict[tuple[str, str], dict[str, list[bytes]]] = {}
    for path in sorted(fetch.folder("clear").glob("*/*~*~*")):
        verdict, kind, _ = path.name.split("~")
        if verdict in verdicts and (path.parent.name in fetch.TEST) == is_test:
            by_kind.setdefault((verdict, kind), {}).setdefault(path.parent.name, []).append(path.read_bytes())
    for (verdict, kind), of_kind in sorted(by_kind.items()):
        for number in range(per_kind):
            wanted = length or drawn_length(draw)
            fitting = [(name, one) for name in sorted(of_kind) for one in of_kind[name] if len(one) >= wanted]
            if not fitting:
                continue
            names = sorted({name for name, _ in fitting})
            name = names[number % len(names)]
            of_source = [one for source, one in fitting if source == name]
            octets = of_source[draw.integers(len(of_source))]
            offset = 0 if draw.random() < START_SHARE else int(draw.integers(len(octets) - wanted + 1))
            yield Fragment(octets[offset : offset + wanted], False, "clear", verdict, kind, name)


def messages(found: Sequence[Opening], *, is_test: bool, least: int = SHORTEST) -> Iterator[Fragment]:
    """Cleartext protocol messages that are surely that: text where nearly all of it is printable, else binary."""
    for one in found:
        if one.is_sure and len(one.octets) >= least and (one.source in traffic.TEST) == is_test:
            printable = np.isin(np.frombuffer(one.octets, np.uint8), PRINTABLE).mean()
            verdict = "text" if printable > TEXT_SHARE else "binary"
            yield Fragment(one.octets, False, "clear", verdict, "message", one.source)
