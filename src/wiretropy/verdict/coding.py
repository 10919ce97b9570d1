"""Encrypted or compressed: what the statistics of opaque bytes say.

In: the numbers that the core measures of opaque bytes, and how many bytes they were. Out: log-odds that the bytes are
compressed (or coded media) and not encrypted, at equal odds before. LZMA, whose bytes look like ciphertext, is not told
from it by any of these numbers (docs/decisions/0014-encrypted-or-compressed.md).

The models are data (`coding.json`, with where they come from): small networks whose inputs are asinh of the numbers
and log2 of the length; ``make train-verdict`` makes them again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from wiretropy import _core

FORMAT = 2
"""Version of `coding.json`; raised when its meaning changes."""

SHORTEST = 64
"""Fewest bytes that the core measures."""

Extent = Literal["narrow", "wide"]
"""What is measured: of flows the first numbers, and these again without cleartext; of payloads in memory all."""

_FILE = Path(__file__).with_name("coding.json")


def asinh(numbers: NDArray[np.float32]) -> NDArray[np.float32]:
    """Draw in long tails: the inverse hyperbolic sine, to 1e-6. `numpy.arcsinh` takes ten times as long."""
    sizes = np.abs(numbers)
    logarithms: NDArray[np.float32] = np.copysign(np.log(sizes + np.sqrt(sizes * sizes + 1)), numbers)
    return logarithms


@dataclass(frozen=True, slots=True)
class Network:
    """Layers of weights; all but the last are followed by max(0, x).

    Attributes
    ----------
    columns : ndarray of int
        Which of the core's numbers enter.
    weights, biases : tuple of ndarray
        Of each layer.
    log2_length : ndarray of shape (k,)
        Knots of the calibration, which is interpolated at log2 of the length.
    scale : ndarray of shape (k,)
        What outputs are multiplied by.
    shift : ndarray of shape (k, outputs)
        What they are raised by afterwards.
    """

    columns: NDArray[np.int64]
    weights: tuple[NDArray[np.float32], ...]
    biases: tuple[NDArray[np.float32], ...]
    log2_length: NDArray[np.float64]
    scale: NDArray[np.float64]
    shift: NDArray[np.float64]

    def outputs(
        self,
        numbers: NDArray[np.float32],
        lengths: NDArray[np.integer[Any]],
        others: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float64]:
        """Calibrated outputs.

        Parameters
        ----------
        numbers : ndarray of shape (n, k), float32
            What the core measured.
        lengths : ndarray of shape (n,)
            Bytes that it rests on.
        others : ndarray of shape (n, m), float32, optional
            Inputs that enter as they are.

        Returns
        -------
        outputs : ndarray of shape (n, outputs), float64
        """
        log2_length = np.log2(np.maximum(lengths, SHORTEST)).astype(np.float32)
        between = [] if others is None else [others]
        values = np.concatenate([asinh(numbers[:, self.columns]), *between, log2_length[:, None]], axis=1)
        for weights, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            values = np.maximum(0, _product(values, weights) + bias)
        scale = np.interp(log2_length, self.log2_length, self.scale)
        shift = [np.interp(log2_length, self.log2_length, column) for column in self.shift.T]
        outputs: NDArray[np.float64] = (_product(values, self.weights[-1]) + self.biases[-1]) * scale[:, None]
        outputs += np.stack(shift, axis=1)
        return outputs


def _product(values: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Matrix product whose rows do not depend on the rows beside them, as those of BLAS do in their last digits."""
    product: NDArray[np.float32] = np.einsum("ij,jk->ik", values, weights)
    return product


@dataclass(frozen=True, slots=True)
class CodingModel:
    """Tells compressed from encrypted.

    Attributes
    ----------
    network : Network
    halved : Network, optional
        Of flows: what `network` is for rows whose numbers without cleartext are those with it, as most are.
    """

    network: Network
    halved: Network | None = None

    def log_odds(
        self,
        numbers: NDArray[np.float32],
        lengths: NDArray[np.integer[Any]],
        has_clear: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float64]:
        """Natural logarithm of the odds that each row is compressed.

        Parameters
        ----------
        numbers, lengths : ndarray
            As for `Network.outputs`.
        has_clear : ndarray of shape (n,), bool, optional
            Of flows: whether the side has cleartext too, remains of which may be among the bytes.
        """
        others = None if has_clear is None else has_clear[:, None].astype(np.float32)
        if self.halved is None:
            return self.network.outputs(numbers, lengths, others)[:, 0]
        half = numbers.shape[1] // 2
        is_alike = (numbers[:, :half] == numbers[:, half:]).all(axis=1)
        log_odds = np.empty(len(numbers))
        for network, rows in ((self.halved, is_alike), (self.network, ~is_alike)):
            log_odds[rows] = network.outputs(numbers[rows], lengths[rows], None if others is None else others[rows])[
                :, 0
            ]
        return log_odds


@dataclass(frozen=True, slots=True)
class PayloadModel:
    """Tells encrypted, compressed, text and binary payloads apart.

    Attributes
    ----------
    network : Network
        One output a class.
    places : ndarray of int
        Which of the `payload_statistics` enter.
    classes : tuple of str
        In the order of the outputs.
    """

    network: Network
    places: NDArray[np.int64]
    classes: tuple[str, ...]

    def probabilities(
        self, numbers: NDArray[np.float32], shares: NDArray[np.float32], lengths: NDArray[np.integer[Any]]
    ) -> NDArray[np.float64]:
        """Probability of each class.

        Parameters
        ----------
        numbers : ndarray of shape (n, k), float32
            All that the core measures.
        shares : ndarray of shape (n, m), float32
            The `payload_statistics`.
        lengths : ndarray of shape (n,)
            Bytes of each payload.

        Returns
        -------
        probabilities : ndarray of shape (n, classes), float64
            Each row sums to 1.
        """
        outputs = self.network.outputs(numbers, lengths, shares[:, self.places])
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        probabilities: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
        return probabilities


@cache
def _stored() -> dict[str, Any]:
    return dict(json.loads(_FILE.read_text(encoding="utf-8")))


@cache
def model(extent: Extent) -> CodingModel:
    """The shipped model of compressed and encrypted bytes."""
    network = parse(_stored(), extent)
    return CodingModel(network, halved(network) if extent == "narrow" else None)


def halved(network: Network) -> Network:
    """What a network is where the second half of the numbers equals the first: with half the inputs, it says the same.

    Raises
    ------
    ValueError
        If its inputs are not all numbers in their order.
    """
    count = len(network.columns)
    half = count // 2
    if network.columns.tolist() != list(range(2 * half)):
        raise ValueError("the numbers of flows are not in the order in which they are measured")
    first = network.weights[0]
    together = np.concatenate([first[:half] + first[half:count], first[count:]])
    return replace(network, columns=network.columns[:half], weights=(together, *network.weights[1:]))


@cache
def payload_model() -> PayloadModel:
    """The shipped model of payloads."""
    from wiretropy.verdict.payload_statistics import STATISTICS

    entry = _stored()["models"]["payload"]
    places = np.array([STATISTICS.index(name) for name in entry["payload_statistics"]])
    return PayloadModel(parse(_stored(), "payload"), places, tuple(entry["classes"]))


def parse(stored: dict[str, Any], name: str) -> Network:
    """Read one network as `coding.json` holds it.

    Raises
    ------
    ValueError
        If it is of a newer version, or rests on numbers that the core does not measure.
    """
    if stored.get("format") != FORMAT:
        raise ValueError(f"models of format {stored.get('format')}, but this wiretropy knows {FORMAT}")
    entry = stored["models"][name]
    names = _core.coding_names(name != "narrow")
    unknown = sorted(set(entry["statistics"]) - set(names))
    if unknown:
        raise ValueError(f"no numbers of these names are measured: {', '.join(unknown)}")
    calibration = entry["calibration"]
    shift = np.array(calibration["shift"], np.float64)
    return Network(
        columns=np.array([names.index(each) for each in entry["statistics"]]),
        weights=tuple(np.array(layer["weights"], np.float32) for layer in entry["layers"]),
        biases=tuple(np.array(layer["bias"], np.float32) for layer in entry["layers"]),
        log2_length=np.array(calibration["log2_length"], np.float64),
        scale=np.array(calibration["scale"], np.float64),
        shift=shift.reshape(len(shift), -1),
    )


def coding_statistics(payloads: Sequence[bytes], extent: Extent = "wide") -> NDArray[np.float32]:
    """Measure how payloads are coded.

    Parameters
    ----------
    payloads : sequence of n bytes
        At least `SHORTEST` bytes each; the first 65,536 are measured.
    extent : {'wide', 'narrow'}
        All numbers, or those that flows have.

    Returns
    -------
    numbers : ndarray of shape (n, k), float32
        Columns named by `coding_names`.

    Raises
    ------
    ValueError
        If a payload is too short.
    """
    numbers = np.frombuffer(_core.coding_statistics(list(payloads), extent == "wide"), np.float32)
    return numbers.reshape(len(payloads), len(coding_names(extent)))


def coding_names(extent: Extent = "wide") -> list[str]:
    """Names of the columns of `coding_statistics`."""
    return _core.coding_names(extent == "wide")


def segments_of_payload(payload: bytes) -> list[tuple[int, int, str]]:
    """Cut a payload into segments, as the core cuts each side of a flow.

    Returns
    -------
    list of tuple
        Start, end and kind of each, in order; at most 64, of which the last reaches to the end.

    Examples
    --------
    >>> segments_of_payload(b"GET / HTTP/1.1")
    [(0, 14, 'text')]
    """
    found = _core.payload_segments(payload)
    ends = [*(start for start, _ in found[1:]), len(payload)]
    return [(start, end, kind) for (start, kind), end in zip(found, ends, strict=False)]
