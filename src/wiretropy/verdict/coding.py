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
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from wiretropy import _core

FORMAT = 1
"""Version of `coding.json`; raised when its meaning changes."""

SHORTEST = 64
"""Fewest bytes that the core measures."""

Extent = Literal["narrow", "wide"]
"""What is measured: of flows the first numbers, of payloads in memory all."""

_FILE = Path(__file__).with_name("coding.json")


@dataclass(frozen=True, slots=True)
class CodingModel:
    """A network with one output.

    Attributes
    ----------
    columns : ndarray of int
        Which of the core's numbers enter.
    weights, biases : tuple of ndarray
        Of each layer; all but the last are followed by max(0, x).
    log2_length, scale, shift : ndarray of shape (k,)
        Calibration: the output is multiplied by `scale` and raised by `shift`, interpolated at log2 of the length.
    """

    columns: NDArray[np.int64]
    weights: tuple[NDArray[np.float32], ...]
    biases: tuple[NDArray[np.float32], ...]
    log2_length: NDArray[np.float64]
    scale: NDArray[np.float64]
    shift: NDArray[np.float64]

    def log_odds(self, numbers: NDArray[np.float32], lengths: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
        """Natural logarithm of the odds that each row is compressed.

        Parameters
        ----------
        numbers : ndarray of shape (n, k), float32
            What the core measured.
        lengths : ndarray of shape (n,)
            Bytes that it rests on.

        Returns
        -------
        log_odds : ndarray of shape (n,), float64
        """
        log2_length = np.log2(np.maximum(lengths, SHORTEST)).astype(np.float32)
        values = np.concatenate([np.arcsinh(numbers[:, self.columns]), log2_length[:, None]], axis=1)
        for weights, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            values = np.maximum(0, values @ weights + bias)
        output = (values @ self.weights[-1] + self.biases[-1])[:, 0].astype(np.float64)
        scale = np.interp(log2_length, self.log2_length, self.scale)
        shift = np.interp(log2_length, self.log2_length, self.shift)
        log_odds: NDArray[np.float64] = output * scale + shift
        return log_odds


@cache
def model(extent: Extent) -> CodingModel:
    """The shipped model."""
    return parse(json.loads(_FILE.read_text(encoding="utf-8")), extent)


def parse(stored: dict[str, Any], extent: Extent) -> CodingModel:
    """Read one model as `coding.json` holds it.

    Raises
    ------
    ValueError
        If it is of a newer version, or rests on numbers that the core does not measure.
    """
    if stored.get("format") != FORMAT:
        raise ValueError(f"models of format {stored.get('format')}, but this wiretropy knows {FORMAT}")
    entry = stored["models"][extent]
    names = _core.coding_names(extent == "wide")
    unknown = sorted(set(entry["statistics"]) - set(names))
    if unknown:
        raise ValueError(f"no numbers of these names are measured: {', '.join(unknown)}")
    calibration = entry["calibration"]
    return CodingModel(
        columns=np.array([names.index(name) for name in entry["statistics"]]),
        weights=tuple(np.array(layer["weights"], np.float32) for layer in entry["layers"]),
        biases=tuple(np.array(layer["bias"], np.float32) for layer in entry["layers"]),
        log2_length=np.array(calibration["log2_length"], np.float64),
        scale=np.array(calibration["scale"], np.float64),
        shift=np.array(calibration["shift"], np.float64),
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
