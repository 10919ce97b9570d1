"""Sides of the flows of the public captures, with what the corpus says of them."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wiretropy.errors import WiretropyError
from wiretropy.flows import Flows, read_flows


@dataclass(frozen=True, slots=True)
class Side:
    """One side of one flow.

    Attributes
    ----------
    flow : str
        Capture and flow; both sides have the same.
    repository, label, coarse, detail : str
        Where the capture comes from, and what the corpus says of the flow: protocol, and kind of contents.
    printable_share : float
    segments : tuple of list of int and list of str
        Ends and kinds.
    counts : ndarray of shape (256,), float64
        How often each byte value occurs; empty if it was not asked for.
    """

    flow: str
    repository: str
    label: str
    coarse: str
    detail: str
    printable_share: float
    segments: tuple[list[int], list[str]]
    counts: NDArray[np.float64]


def corpus() -> Path:
    """The folder of the public captures (`WIRETROPY_CORPUS`, or beside the repository)."""
    named = os.environ.get("WIRETROPY_CORPUS")
    return (Path(named) if named else Path(__file__).resolve().parents[3] / "shared/corpus") / "traffic"


def labels_of_flows() -> dict[str, dict[tuple[str, ...], dict[str, str]]]:
    """What the corpus says of each capture's flows, by addresses and ports of both ends, in either order."""
    labels: dict[str, dict[tuple[str, ...], dict[str, str]]] = {}
    with (corpus() / "flows.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            client, server = (row["client_ip"], row["client_port"]), (row["server_ip"], row["server_port"])
            labels.setdefault(row["file"], {})[*client, *server] = row
            labels[row["file"]][*server, *client] = row
    return labels


def flows(*, counts: bool = False) -> Iterator[tuple[str, Flows, list[dict[str, str] | None]]]:
    """Each capture of the corpus: its path, its flows, and the row of the corpus on each flow, if it has one."""
    for name, rows in labels_of_flows().items():
        try:
            found = read_flows(corpus() / name, counts=counts)
        except WiretropyError:
            # Some captures hold nothing that can be read.
            continue
        ends = zip(*(found[column] for column in ("orig_ip", "orig_port", "resp_ip", "resp_port")), strict=True)
        yield name, found, [rows.get(tuple(map(str, one))) for one in ends]


def sides(*, counts: bool = False, least_bytes: int = 16) -> Iterator[Side]:
    """Sides that sent so many bytes, of the flows that the corpus has labels for."""
    for name, found, labels in flows(counts=counts):
        for flow, label in zip(found.to_arrow().to_pylist(), labels, strict=True):
            if label is None:
                continue
            for side in ("orig", "resp"):
                if flow[f"{side}_measured_bytes"] >= least_bytes:
                    yield Side(
                        f"{name} {flow['uid']} {flow['first_packet']}",
                        name.split("/", 1)[0],
                        label["label"],
                        label["coarse"],
                        label["coarse_detail"],
                        flow[f"{side}_printable_share"],
                        (flow[f"{side}_segment_ends"], flow[f"{side}_segment_kinds"]),
                        np.array(flow[f"{side}_counts"] if counts else [], np.float64),
                    )
