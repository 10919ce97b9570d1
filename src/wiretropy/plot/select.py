"""Which flows of a table to draw.

A flow-record table and a `Selection` go in; row numbers come out, those with most payload first. Conditions of one kind
widen the selection (this host or that one), different kinds narrow it (this host and that port). An unknown or
ambiguous flow id, a bad address or a missing column is a `ValueError` that says what to do; so is an empty result,
which names what the table holds.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wiretropy import arrays
from wiretropy.inert import inert

DEFAULT_TOP = 12
"""Flows drawn when nothing names them: as many as a legend shows without crowding."""

_NAMED = 5
"""Flows, ports or labels that an error message lists before it says how many more there are."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Conditions on the flows to draw; an empty one holds for every flow.

    Attributes
    ----------
    uids : sequence of str
        Flow ids, or prefixes that only one flow begins with.
    community_ids : sequence of str
        Community IDs (version 1).
    hosts : sequence of str
        Addresses or networks (``10.0.0.0/8``) of either side.
    ports : sequence of int
        Port numbers of either side.
    labels : sequence of str
        Values of the ``label`` column, which records carry once they were classified.
    """

    uids: Sequence[str] = ()
    community_ids: Sequence[str] = ()
    hosts: Sequence[str] = ()
    ports: Sequence[int] = ()
    labels: Sequence[str] = ()

    @property
    def is_empty(self) -> bool:
        """Whether no condition is set."""
        return not (self.uids or self.community_ids or self.hosts or self.ports or self.labels)


def select(table: pa.Table, selection: Selection) -> NDArray[np.int64]:
    """Rows that meet every condition, largest payload first.

    Parameters
    ----------
    table : pyarrow.Table
        Flow records.
    selection : Selection
        The conditions.

    Returns
    -------
    rows : ndarray of shape (n,), int64
        Row numbers, n >= 1, by payload of both directions in descending order, ties in table order.

    Raises
    ------
    ValueError
        If a condition cannot be understood or nothing is left; the message says what there is.
    """
    if table.num_rows == 0:
        raise ValueError("there is no flow to draw: the input holds none")
    mask = np.ones(table.num_rows, dtype=bool)
    if selection.uids:
        mask &= _uid_mask(table, selection.uids)
    if selection.community_ids:
        mask &= _value_mask(table, ("community_id",), selection.community_ids)
    if selection.hosts:
        mask &= _host_mask(table, selection.hosts)
    if selection.ports:
        mask &= _value_mask(table, ("orig_port", "resp_port"), selection.ports)
    if selection.labels:
        if "label" not in table.column_names:
            raise ValueError("the flow records have no 'label' column; select by flow id, host or port instead")
        mask &= _value_mask(table, ("label",), selection.labels)
    rows = np.flatnonzero(mask)
    if rows.size == 0:
        raise ValueError(f"no flow of {table.num_rows:,} meets the selection; {_inventory(table, selection)}")
    return rows[np.argsort(-payload_bytes(table)[rows], kind="stable")]


def payload_bytes(table: pa.Table) -> NDArray[np.int64]:
    """Payload of both directions, one number a flow, in bytes."""
    orig, resp = (arrays.values(table.column(f"{side}_payload_bytes")) for side in ("orig", "resp"))
    return np.asarray(orig + resp, dtype=np.int64)


def _uid_mask(table: pa.Table, wanted: Iterable[str]) -> NDArray[np.bool_]:
    """Flows with these ids or unique prefixes of ids."""
    uids = [str(uid) for uid in table.column("uid").to_pylist()]
    mask = np.zeros(len(uids), dtype=bool)
    for name in wanted:
        rows = [i for i, uid in enumerate(uids) if uid == name]
        if not rows and name:
            rows = [i for i, uid in enumerate(uids) if uid.startswith(name)]
        if not rows:
            raise ValueError(f"no flow has the id {inert(name)!r}; {_listed('the ids are', uids)}")
        if len({uids[i] for i in rows}) > 1:
            found = _listed("", [uids[i] for i in rows])
            raise ValueError(f"{len(rows)} flow ids begin with {inert(name)!r} ({found}); give more characters")
        mask[rows] = True
    return mask


def _value_mask(table: pa.Table, names: Sequence[str], wanted: Sequence[object]) -> NDArray[np.bool_]:
    """Flows with one of the values in one of the columns."""
    mask = np.zeros(table.num_rows, dtype=bool)
    for name in names:
        values = table.column(name).to_numpy(zero_copy_only=False)
        mask |= np.isin(values, np.asarray(wanted, dtype=values.dtype))
    return mask


def _host_mask(table: pa.Table, hosts: Iterable[str]) -> NDArray[np.bool_]:
    """Flows with an address inside one of the networks; each distinct address is looked at once."""
    networks = [_network(host) for host in hosts]
    mask = np.zeros(table.num_rows, dtype=bool)
    for name in ("orig_ip", "resp_ip"):
        column = table.column(name).combine_chunks().dictionary_encode()
        inside = np.array(
            [_is_inside(str(address), networks) for address in column.dictionary.to_pylist()], dtype=np.bool_
        )
        mask |= inside[arrays.values(column.indices)]
    return mask


def _network(host: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """An address or network as a network."""
    try:
        return ipaddress.ip_network(host, strict=False)
    except ValueError:
        raise ValueError(
            f"{inert(host)!r} is neither an address nor a network; write it as 10.0.0.5, 10.0.0.0/8 or 2001:db8::/32"
        ) from None


def _is_inside(address: str, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """Whether an address text lies in one of the networks."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def _inventory(table: pa.Table, selection: Selection) -> str:
    """What the table holds of the kind that was asked for."""
    top = table.take(np.argsort(-payload_bytes(table), kind="stable"))
    if selection.labels:
        return _listed("labels there are", top.column("label").to_pylist())
    if selection.ports:
        return _listed("responder ports there are", top.column("resp_port").to_pylist())
    if selection.hosts:
        return _listed("responders there are", top.column("resp_ip").to_pylist())
    if selection.community_ids:
        return _listed("Community IDs there are", top.column("community_id").to_pylist())
    return _listed("flow ids there are", top.column("uid").to_pylist())


def _listed(what: str, values: Iterable[object]) -> str:
    """The first few distinct values in words, and how many more there are."""
    distinct = list(dict.fromkeys(inert(str(value)) for value in values))
    more = f" and {len(distinct) - _NAMED:,} more" if len(distinct) > _NAMED else ""
    return f"{what} {', '.join(distinct[:_NAMED])}{more}".strip()
