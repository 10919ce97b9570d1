"""One ``.dat`` file a connection: how its entropy grew, ready for gnuplot.

A `Connection` goes in, a text file comes out: ``#`` lines that name the connection, then byte offset and entropy in two
columns, so that ``gnuplot> plot 'it.dat'`` draws it. A connection without payload has no file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

import pyarrow as pa

from wiretropy.capture.outputs import refuse_overwriting
from wiretropy.errors import RefusedError
from wiretropy.netentropy.connections import Connection

_NS = 1_000_000_000
"""Nanoseconds in a second."""

_NAMING = ["ts_first_ns", "orig_ip", "orig_port", "resp_ip", "resp_port"]
"""Columns that the name of a file is made of."""


def file_name(connection: Connection) -> str:
    """Name of a connection's file: time of its first packet in seconds since 1970, addresses and ports.

    Colons of IPv6 addresses become underscores, since colons separate fields in many scripts.

    Examples
    --------
    ``1700000000.250000-10.0.0.5-40000-192.0.2.1-22.dat``
    """
    return _file_name(connection.record)


def _file_name(record: Mapping[str, object]) -> str:
    first = cast(int, record["ts_first_ns"])
    addresses = [
        part.replace(":", "_").replace("/", "_")
        for side in ("orig", "resp")
        for part in (str(record[f"{side}_ip"]), str(record[f"{side}_port"]))
    ]
    return f"{first // _NS}.{first % _NS // 1_000:06d}-{'-'.join(addresses)}.dat"


def text(connection: Connection) -> str:
    """Content of a connection's file."""
    whose = "both" if connection.spec is None else connection.spec.direction
    head = (
        f"# {connection.source} -> {connection.destination}\n"
        f"# flow {ascii(connection.record['uid'])[1:-1]}, direction {whose}\n"
        "# offset_bytes entropy_bits_per_byte\n"
    )
    pairs = zip(connection.samples.offsets, connection.samples.entropy, strict=True)
    return head + "".join(f"{offset} {entropy:.8f}\n" for offset, entropy in pairs)


class StatisticsFolder:
    """A folder that gets one file for each connection.

    Parameters
    ----------
    path : Path
        Made when it does not exist. Files of an earlier run with the same names are replaced.
    records : pyarrow.Table, optional
        Flow records of all connections that may be written; needed if there are `inputs`.
    inputs : sequence of Path, optional
        Files that were read, which none of their files may replace.

    Raises
    ------
    RefusedError
        If there is a file of that name, or a connection's file would be one that was read. Nothing is written then.
    """

    def __init__(self, path: Path, records: pa.Table | None = None, inputs: Sequence[Path] = ()) -> None:
        if path.exists() and not path.is_dir():
            raise RefusedError(f"{path}: statistics files need a folder, but this is a file; choose another name")
        if records is None and inputs:
            raise ValueError("what may not be replaced needs the records of what may be written")
        if records is not None:
            refuse_overwriting(inputs, (path / name for name in _possible_names(records)))
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._taken: dict[str, int] = {}

    def write(self, connection: Connection) -> Path | None:
        """Write a connection's file.

        Returns
        -------
        path : Path or None
            None when no payload was measured. A second connection of one name (the same endpoints in two VLANs) gets
            a number behind it.
        """
        if connection.samples.offsets.size == 0:
            return None
        path = self.path / _take_name(file_name(connection), self._taken)
        path.write_text(text(connection), encoding="utf-8")
        return path


def _take_name(name: str, taken: dict[str, int]) -> str:
    """Choose this name, or, if it was taken before, with the next number behind it."""
    number = taken[name] = taken.get(name, 0) + 1
    return name if number == 1 else f"{name.removesuffix('.dat')}-{number}.dat"


def _possible_names(records: pa.Table) -> Iterator[str]:
    """Every name that a file of these connections may get; those without payload, which get none, only make it more."""
    taken: dict[str, int] = {}
    for batch in records.select(_NAMING).to_batches():
        for record in batch.to_pylist():
            yield _take_name(_file_name(record), taken)
