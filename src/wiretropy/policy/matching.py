"""Which flows a policy's traffic means, for whole columns.

Flow records and `Traffic` go in, truth values come out. Addresses are turned into numbers once for each that occurs,
and looked up in sorted networks, so cost grows neither with flows times networks nor with the size of a network.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from ipaddress import collapse_addresses
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wiretropy import arrays
from wiretropy.policy.model import Network, Traffic

Mask = NDArray[np.bool_]


class TrafficMatcher:
    """Compares flow records with traffic.

    Parameters
    ----------
    names : mapping of str to Traffic
        What the names stand for that traffic has.
    """

    def __init__(self, names: Mapping[str, Traffic]) -> None:
        self._names = names
        self._ports: dict[tuple[tuple[int, int], ...], Mask] = {}
        self._networks: dict[tuple[Network, ...], _Networks] = {}

    def any_of(self, batch: pa.RecordBatch, traffic: Iterable[Traffic]) -> Mask:
        """Which flows one of these means, of shape (n,)."""
        found = np.zeros(batch.num_rows, dtype=np.bool_)
        for each in traffic:
            found |= self.rows(batch, each)
        return found

    def rows(self, batch: pa.RecordBatch, traffic: Traffic) -> Mask:
        """Which flows this means, of shape (n,)."""
        found = np.ones(batch.num_rows, dtype=np.bool_)
        if traffic.ports:
            allowed = self._port_table(traffic.ports)
            found &= allowed[_numbers(batch, "orig_port")] | allowed[_numbers(batch, "resp_port")]
        if traffic.networks:
            found &= self._in(batch, "orig_ip", traffic.networks) | self._in(batch, "resp_ip", traffic.networks)
        if traffic.originators:
            found &= self._in(batch, "orig_ip", traffic.originators)
        if traffic.responders:
            found &= self._in(batch, "resp_ip", traffic.responders)
        if traffic.protocols:
            found &= is_one_of(batch.column("proto"), traffic.protocols)
        if traffic.community_ids:
            found &= is_one_of(batch.column("community_id"), traffic.community_ids)
        if traffic.names:
            found &= self.any_of(batch, (self._names[name] for name in traffic.names))
        return found

    def _port_table(self, ranges: tuple[tuple[int, int], ...]) -> Mask:
        if ranges not in self._ports:
            table = np.zeros(65_536, dtype=np.bool_)
            for low, high in ranges:
                table[low : high + 1] = True
            self._ports[ranges] = table
        return self._ports[ranges]

    def _in(self, batch: pa.RecordBatch, column: str, networks: tuple[Network, ...]) -> Mask:
        if networks not in self._networks:
            self._networks[networks] = _Networks(networks)
        codes, addresses = arrays.coded(batch.column(column))
        return self._networks[networks].contain(addresses)[codes]


class _Networks:
    """Networks as sorted ranges of addresses that do not overlap."""

    def __init__(self, networks: tuple[Network, ...]) -> None:
        merged = [
            net
            for version in (4, 6)
            for net in collapse_addresses(net for net in networks if net.version == version)  # type: ignore[type-var]
        ]
        firsts = [_sortable(net.network_address.packed) for net in merged]
        self._firsts = np.array(firsts, dtype=_ADDRESS)
        self._lasts = np.array([_sortable(net.broadcast_address.packed) for net in merged], dtype=_ADDRESS)

    def contain(self, addresses: list[str]) -> Mask:
        """Which addresses lie in one of the networks; what is no address lies in none."""
        keys = np.array([_sortable(_packed(address)) for address in addresses], dtype=_ADDRESS)
        at = np.searchsorted(self._firsts, keys, side="right") - 1
        contained: Mask = (at >= 0) & (keys <= self._lasts[at])
        return contained


_ADDRESS = "S17"
"""Family and address as bytes, which sort as addresses do."""


def _sortable(packed: bytes) -> bytes:
    return (b"4" if len(packed) == 4 else b"6") + packed if packed else b""


def _packed(address: str) -> bytes:
    try:
        return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    except OSError:
        return b""


def _numbers(batch: pa.RecordBatch, column: str) -> NDArray[Any]:
    return arrays.values(batch.column(column))


def is_one_of(column: Any, words: Iterable[str]) -> Mask:
    """Which texts of a column are one of these words."""
    wanted = frozenset(words)
    codes, known = arrays.coded(column)
    return np.array([word in wanted for word in known], dtype=np.bool_)[codes]
