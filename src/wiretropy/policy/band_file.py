"""Files of bands: the JSON that `wiretropy policy learn` writes, and protospecs.

A path goes in, `Bands` come out, and the other way round. Every fault is reported, with file and line where the text
is no JSON or no protospec, else with the name of what is wrong. A file is at most `MAX_FILE_BYTES` long.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

from wiretropy.inert import inert
from wiretropy.policy import protospec
from wiretropy.policy.bands import GRID, SIDES_OF_DIRECTIONS, Bands, BandSide, Curve, Measure, Settled, of_protospec
from wiretropy.policy.faults import FaultsError, read_bytes

FORMAT = "wiretropy-bands"
VERSION = 1
"""What a file begins with; the version is raised when a key changes its meaning."""

MAX_FILE_BYTES = 16 << 20
"""Bands of 104 points take 30 KB, of a depth of 4 GiB 100 KB."""


MAX_NAME = 255
"""Characters of a name, which stands in every alert: as long as a file's may be."""


class BandsError(FaultsError):
    """One or more faults in a file of bands."""


def read_bands(path: Path) -> Bands:
    """Read a file of bands.

    Raises
    ------
    BandsError
        With every fault in it.
    OSError
        If it cannot be read.
    """
    content = read_bytes(path, MAX_FILE_BYTES, BandsError, "file of bands")
    if content.lstrip()[:1] == b"{":
        return _of_json(content, str(path))
    try:
        [spec] = protospec.read(path)
        return of_protospec(spec, path.name)
    except protospec.ProtospecError as error:
        raise BandsError(error.faults) from None
    except ValueError as error:
        raise BandsError([f"{path}: {error}"]) from None


def is_name(value: Any) -> bool:
    """Whether bands can be called so: alerts carry the name, in every format."""
    # JSON can hold halves of surrogate pairs, which no encoding takes.
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME and not any("\ud800" <= c <= "\udfff" for c in value)


def bands_json(bands: Bands) -> str:
    """The text of a file of bands; numbers are rounded to six digits, outwards."""
    record = {
        "format": FORMAT,
        "version": VERSION,
        "name": bands.name,
        "ports": list(bands.ports),
        "coverage": bands.coverage,
        "flows": bands.flows,
        "settled": [asdict(each) for each in bands.settled],
        "curves": [
            {
                "side": curve.side,
                "measure": curve.measure,
                "offsets": [GRID[point] for point in curve.points],
                "low": [math.floor(value * 1e6) / 1e6 for value in curve.low],
                "high": [math.ceil(value * 1e6) / 1e6 for value in curve.high],
                "flows": list(curve.flows),
            }
            for curve in bands.curves
        ],
    }
    return json.dumps(record, indent=1, allow_nan=False) + "\n"


_RANGE_STARTS = (32, 64, 128, 256, 512, 1_024, 1_536, 2_048, 3_072, 4_096, 8_192, 16_384, 32_768)
"""Where the ranges of a protospec begin: those of net-entropy's own, which end at 65,536, in smaller steps behind."""


def protospec_text(bands: Bands, side: BandSide) -> str | None:
    """Bands of one side as a protospec for net-entropy, cumulative; None where there are none.

    Each range has the lowest and the highest bound of its grid points, and of the points next to it, since net-entropy
    looks at every packet, between those points too.
    """
    curve = next((each for each in bands.curves if (each.side, each.measure) == (side, "cumulative")), None)
    if curve is None or not curve.points:
        return None
    direction = next(word for word, named in SIDES_OF_DIRECTIONS.items() if named == side)
    coverage = "" if bands.coverage is None else f"; {bands.coverage:.2%} of such flows stay within all bounds learned"
    lines = [
        f"# {inert(bands.name)}: learned from {bands.flows:,} flows{coverage}",
        f"Port: {' '.join(map(str, bands.ports))}",
        f"Direction: {direction}",
        "Cumulative: yes",
        "RangeUnit: bytes",
        *_ranges(curve),
    ]
    return "\n".join(lines) + "\n"


def _ranges(curve: Curve) -> Iterable[str]:
    offsets = [GRID[point] for point in curve.points]
    for start, following in zip(_RANGE_STARTS, (*_RANGE_STARTS[1:], offsets[-1] + 1), strict=True):
        end = min(following - 1, offsets[-1])
        inside = [i for i, offset in enumerate(offsets) if start <= offset <= end]
        if inside:
            near = slice(max(0, inside[0] - 1), inside[-1] + 2)
            low, high = math.floor(min(curve.low[near]) * 1e6), math.ceil(max(curve.high[near]) * 1e6)
            yield f"Range: {start} {end} {low / 1e6:.6f} {high / 1e6:.6f}  # {min(curve.flows[near])} flows"


def _of_json(content: bytes, name: str) -> Bands:
    try:
        record = json.loads(content, parse_constant=_refuse_constant, object_pairs_hook=_without_repeats)
    except json.JSONDecodeError as error:
        raise BandsError([f"{name}:{error.lineno}: is no JSON ({error.msg})"]) from None
    except (ValueError, RecursionError) as error:
        raise BandsError([f"{name}: is no file of bands ({inert(str(error), max_length=80)})"]) from None
    reader = _Reader(name)
    bands = reader.bands(record)
    if reader.faults:
        raise BandsError(reader.faults)
    return bands


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return record


class _Reader:
    """Gathers the faults of one file."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.faults: list[str] = []

    def bands(self, record: dict[str, Any]) -> Bands:
        """Understand a whole file."""
        if record.get("format") != FORMAT or not _is_version(record.get("version")):
            self._fault("format", f'"{FORMAT}" of version {VERSION}')
            return Bands("", (), ())
        return Bands(
            name=self._of(record, "name", f"a text of 1 to {MAX_NAME} characters", is_name, ""),
            ports=tuple(self._of(record, "ports", "ports from 0 to 65535", _are_ports, [])),
            curves=tuple(self._curve(each, f"curves[{i}]") for i, each in enumerate(self._list(record, "curves"))),
            settled=tuple(self._settled(each, f"settled[{i}]") for i, each in enumerate(self._list(record, "settled"))),
            coverage=self._of(record, "coverage", "null or a share between 0 and 1", _is_share, None),
            flows=self._of(record, "flows", "a count", _is_count, 0),
        )

    def _fault(self, where: str, what: str) -> None:
        self.faults.append(f"{self._name}: {where} needs {what}; learn the bands again with wiretropy policy learn")

    def _of(
        self, record: Any, key: str, what: str, is_right: Callable[[Any], bool], default: Any, where: str = ""
    ) -> Any:
        value = record.get(key) if isinstance(record, dict) else None
        if is_right(value):
            return value
        self._fault(f"{where}{key}", what)
        return default

    def _list(self, record: dict[str, Any], key: str) -> list[Any]:
        values: list[Any] = self._of(record, key, "a list", lambda v: isinstance(v, list), [])
        return values

    def _curve(self, record: Any, where: str) -> Curve:
        at = f"{where}."
        side: BandSide = self._of(record, "side", "orig, resp or both", lambda v: v in get_args(BandSide), "both", at)
        measure: Measure = self._of(
            record, "measure", "cumulative or block", lambda v: v in get_args(Measure), "block", at
        )
        offsets = self._of(record, "offsets", "ascending points of the trajectory grid", _are_grid_points, [], at)
        n = len(offsets)
        numbers = f"{n} numbers from 0 to 8"
        low = self._of(record, "low", numbers, lambda v: _are_entropies(v, n), [], at)
        high = self._of(record, "high", numbers, lambda v: _are_entropies(v, n), [], at)
        flows = self._of(record, "flows", f"{n} counts", lambda v: _are_counts(v, n), [], at)
        if any(a > b for a, b in zip(low, high, strict=False)):
            self._fault(f"{at}low", "numbers that are not above those of high")
        points = tuple(_POINTS[offset] for offset in offsets)
        return Curve(side, measure, points, tuple(map(float, low)), tuple(map(float, high)), tuple(flows))

    def _settled(self, record: Any, where: str) -> Settled:
        at = f"{where}."
        return Settled(
            self._of(record, "side", "orig or resp", lambda v: v in ("orig", "resp"), "orig", at),
            self._of(record, "offset", "a number of bytes", _is_count, 0, at),
            self._of(record, "at_most", "a number of bytes", _is_count, 0, at),
            self._of(record, "flows", "a count", _is_count, 0, at),
        )


_POINTS = {offset: number for number, offset in enumerate(GRID)}


def _is_version(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value == VERSION


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _is_share(value: Any) -> bool:
    return value is None or (isinstance(value, float) and 0 < value < 1)


def _are_ports(value: Any) -> bool:
    return isinstance(value, list) and all(_is_count(port) and port <= 65_535 for port in value)


def _are_counts(value: Any, n: int) -> bool:
    return isinstance(value, list) and len(value) == n and all(map(_is_count, value))


def _are_entropies(value: Any, n: int) -> bool:
    is_list = isinstance(value, list) and len(value) == n
    return is_list and all(isinstance(v, int | float) and not isinstance(v, bool) and 0 <= v <= 8 for v in value)


def _are_grid_points(value: Any) -> bool:
    is_list = isinstance(value, list) and all(isinstance(v, int) and v in _POINTS for v in value)
    return is_list and all(a < b for a, b in pairwise(value))
