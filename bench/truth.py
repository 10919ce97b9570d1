"""Compares flow records with what the generator knows of its captures.

Flows are joined on protocol, addresses, ports and VLAN. A tuple may serve several flows; those of one tuple are
put in order of their bytes and entropies on both sides before they are compared.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

HALF_DIGIT = 0.5e-6
"""Half a unit of the last of the six decimals in the truth file."""

_ROUNDING = 1e-12
"""Doubles near 8 that are added up in another order differ by less; matters only to a value right on the edge."""

_V6_PREFIX = 0x20010DB8 << 96
_COLUMNS = (
    "proto orig_ip orig_port resp_ip resp_port vlan orig_payload_bytes resp_payload_bytes orig_entropy resp_entropy"
)

Key = tuple[str, str, int, str, int, int]
"""Protocol, originator's address and port, responder's, VLAN or -1."""


class Flow(NamedTuple):
    """What is compared of a flow."""

    key: Key
    payload_bytes: tuple[int, int]
    entropy: tuple[float, float]


@dataclass(slots=True)
class Comparison:
    """How flow records and truth differ; all zero but the first and fourth when they do not.

    Attributes
    ----------
    flows, missing, invented : int
        Flows in truth; those without a record; records without one in truth.
    directions : int
        Directions compared: two for each flow found.
    wrong_bytes, wrong_entropies : int
        Directions whose number of payload bytes differs; whose entropy rounds to other digits.
    largest_difference : float
        Between entropy and its printed truth, in bits per byte; at most 5e-7 comes from printing.
    """

    flows: int = 0
    missing: int = 0
    invented: int = 0
    directions: int = 0
    wrong_bytes: int = 0
    wrong_entropies: int = 0
    largest_difference: float = 0.0


def compare(truth: Iterable[Flow], ours: Iterable[Flow]) -> Comparison:
    """Compare two collections of flows, in any order."""
    result = Comparison()
    known: defaultdict[Key, list[Flow]] = defaultdict(list)
    for flow in truth:
        known[flow.key].append(flow)
        result.flows += 1
    found: defaultdict[Key, list[Flow]] = defaultdict(list)
    for flow in ours:
        found[flow.key].append(flow)
    for key in known.keys() | found.keys():
        expected, got = sorted(known.get(key, ())), sorted(found.get(key, ()))
        result.missing += max(0, len(expected) - len(got))
        result.invented += max(0, len(got) - len(expected))
        for one, other in zip(expected, got, strict=False):
            _compare_flow(one, other, result)
    return result


def _compare_flow(expected: Flow, got: Flow, result: Comparison) -> None:
    """Add both directions of one flow."""
    for side in (0, 1):
        result.directions += 1
        result.wrong_bytes += expected.payload_bytes[side] != got.payload_bytes[side]
        difference = abs(expected.entropy[side] - got.entropy[side])
        result.wrong_entropies += difference > HALF_DIGIT + _ROUNDING
        result.largest_difference = max(result.largest_difference, difference)


def truth_flows(path: Path) -> Iterator[Flow]:
    """Read a truth file of the generator."""
    with path.open(encoding="ascii") as file:
        names = file.readline().split()
        for line in file:
            row = dict(zip(names, line.split(), strict=True))
            number, is_v6 = int(row["flow"]), row["v6"] == "1"
            yield Flow(
                (
                    {"6": "tcp", "17": "udp"}[row["proto"]],
                    address(int(row["caddr"]), is_v6=is_v6),
                    int(row["cport"]),
                    address(int(row["saddr"]), is_v6=is_v6),
                    int(row["sport"]),
                    100 + number % 50 if row["vlan"] == "1" else -1,
                ),
                (int(row["c_bytes"]), int(row["s_bytes"])),
                (float(row["c_entropy"]), float(row["s_entropy"])),
            )


@lru_cache(maxsize=1 << 17)
def address(number: int, *, is_v6: bool) -> str:
    """The generator's address in text; in IPv6 it is the last word below 2001:db8::/32."""
    return str(ipaddress.IPv6Address(_V6_PREFIX | number) if is_v6 else ipaddress.IPv4Address(number))


def recorded_flows(path: Path) -> Iterator[Flow]:
    """Read ``flows.parquet``; a direction without payload has entropy 0, as in the truth file."""
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=_COLUMNS.split()):
            columns = (batch.column(name).to_pylist() for name in _COLUMNS.split())
            for proto, orig, orig_port, resp, resp_port, vlan, sent, received, first, second in zip(
                *columns, strict=True
            ):
                key = (proto, orig, orig_port, resp, resp_port, -1 if vlan is None else vlan)
                yield Flow(key, (sent, received), (first or 0.0, second or 0.0))
