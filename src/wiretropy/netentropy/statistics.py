"""One ``.dat`` file a connection: how its entropy grew, ready for gnuplot.

A `Connection` goes in, a text file comes out: ``#`` lines that name the connection, then byte offset and entropy in two
columns, so that ``gnuplot> plot 'it.dat'`` draws it. A connection without payload has no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from wiretropy.capture.outputs import refuse_overwriting
from wiretropy.errors import RefusedError
from wiretropy.netentropy.connections import Connection

_NS = 1_000_000_000
"""Nanoseconds in a second."""


def file_name(connection: Connection) -> str:
    """Name of a connection's file: time of its first packet in seconds since 1970, addresses and ports.

    Colons of IPv6 addresses become underscores, since colons separate fields in many scripts.

    Examples
    --------
    ``1700000000.250000-10.0.0.5-40000-192.0.2.1-22.dat``
    """
    record = connection.record
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
    inputs : sequence of Path, optional
        Files that were read, and are not replaced.

    Raises
    ------
    RefusedError
        If there is a file of that name.
    """

    def __init__(self, path: Path, inputs: Sequence[Path] = ()) -> None:
        if path.exists() and not path.is_dir():
            raise RefusedError(f"{path}: statistics files need a folder, but this is a file; choose another name")
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._inputs = inputs
        self._taken: set[str] = set()

    def write(self, connection: Connection) -> Path | None:
        """Write a connection's file.

        Returns
        -------
        path : Path or None
            None when no payload was measured. A second connection of one name (the same endpoints in two VLANs) gets
            a number behind it.

        Raises
        ------
        RefusedError
            If the file is one that was read.
        """
        if connection.samples.offsets.size == 0:
            return None
        name = file_name(connection)
        number = 2
        while name in self._taken:
            name = f"{file_name(connection).removesuffix('.dat')}-{number}.dat"
            number += 1
        self._taken.add(name)
        path = self.path / name
        refuse_overwriting(self._inputs, [path])
        path.write_text(text(connection), encoding="utf-8")
        return path
