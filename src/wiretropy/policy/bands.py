"""Bands: between which entropies the payload of a known kind of traffic stays, point by point of the trajectory grid.

Values only. `band_file` reads and writes them, `learn` makes them of captures, `band_rules` compares flow records with
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wiretropy.entropy.grid import trajectory_grid
from wiretropy.policy.protospec import Direction, Protospec, Range

GRID = tuple(trajectory_grid(1 << 40).tolist())
"""The trajectory grid as far as a terabyte."""

BandSide = Literal["orig", "resp", "both"]
Measure = Literal["cumulative", "block"]

SIDES_OF_DIRECTIONS: dict[Direction, BandSide] = {"src": "orig", "dst": "resp", "both": "both"}
"""What the directions of protospecs are called here."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Bounds of one measure of one side.

    Attributes
    ----------
    side : {'orig', 'resp', 'both'}
        Whose payload.
    measure : {'cumulative', 'block'}
        Entropy of everything so far, or of the bytes since the grid point before.
    points : tuple of int
        Points of the trajectory grid with bounds, by number from 0, ascending.
    low, high : tuple of float
        Bounds at each point, bits per byte, both allowed.
    flows : tuple of int
        Learned flows that reach each point; 0 where that is not known.
    """

    side: BandSide
    measure: Measure
    points: tuple[int, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    flows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """From where on a side sends no cleartext any more, or little.

    Attributes
    ----------
    side : {'orig', 'resp'}
        Whose payload.
    offset : int
        Payload bytes behind which cleartext is counted.
    at_most : int
        Bytes of text, binary and encoded segments that there are behind it.
    flows : int
        Learned flows that go on behind it.
    """

    side: BandSide
    offset: int
    at_most: int
    flows: int


@dataclass(frozen=True, slots=True)
class Bands:
    """What is normal for one kind of traffic.

    Attributes
    ----------
    name : str
        What alerts call it.
    ports : tuple of int
        Ports of either side, where they apply unless a policy says otherwise.
    curves : tuple of Curve
        Bounds on entropy.
    settled : tuple of Settled
        Bounds on cleartext.
    coverage : float or None
        Share of flows of this kind that stay within all bounds; None where that is not known.
    flows : int
        Flows that they were learned from; 0 where that is not known.
    """

    name: str
    ports: tuple[int, ...]
    curves: tuple[Curve, ...]
    settled: tuple[Settled, ...] = ()
    coverage: float | None = None
    flows: int = 0


def of_protospec(spec: Protospec, name: str) -> Bands:
    """The bands of a protospec at the points of the trajectory grid; points in none of its ranges have no bounds.

    Raises
    ------
    ValueError
        If its ranges count packets, which flow records do not have.
    """
    if spec.unit == "packets":
        raise ValueError("ranges that count packets are for net-entropy; here they count bytes, as RangeUnit: bytes")
    bounds: list[tuple[int, Range]] = []
    ranges = iter(spec.ranges)
    current = next(ranges, None)
    for number, offset in enumerate(GRID):
        while current is not None and current.end < offset:
            current = next(ranges, None)
        if current is not None and current.start <= offset:
            bounds.append((number, current))
    curve = Curve(
        side=SIDES_OF_DIRECTIONS[spec.direction],
        measure="cumulative" if spec.is_cumulative else "block",
        points=tuple(number for number, _ in bounds),
        low=tuple(each.low for _, each in bounds),
        high=tuple(each.high for _, each in bounds),
        flows=(0,) * len(bounds),
    )
    return Bands(name, spec.ports, (curve,))
