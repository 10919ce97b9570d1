"""Turning the outputs of a network into probabilities that come true, by the length of what was judged.

Outputs and truths of rows that the network did not learn from enter; scale and shift by length leave. Outputs are
multiplied by the scale and the shift of each class is added, then softmax. With one output, the log-odds of the second
of two classes, the first is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

KNOTS = (6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 16.0)
"""log2 of the lengths in bytes at which scale and shift are set; between them they are interpolated."""

BEND_PENALTY = 1e-3
"""Weight of squared differences between neighbouring knots, against a mean cross-entropy."""

Floats = NDArray[np.float64]


def fit(
    outputs: Floats, truth: NDArray[np.int64], lengths: NDArray[np.int64], weights: Floats
) -> dict[str, list[Any]]:  # fmt: skip
    """Find scale and shift of least cross-entropy.

    Parameters
    ----------
    outputs : ndarray of shape (n,) or (n, classes)
    truth : ndarray of shape (n,), int
        Number of the right class.
    lengths : ndarray of shape (n,)
        In bytes.
    weights : ndarray of shape (n,)

    Returns
    -------
    dict
        `log2_length`, `scale` and `shift`; shifts are numbers for one output, else one list of the classes a knot.
    """
    logits = _logits(outputs)
    classes = logits.shape[1]
    low, part = _places(lengths)
    w = weights / weights.sum()
    right = np.arange(classes) == truth[:, None]

    def loss(parameters: Floats) -> tuple[float, Floats]:
        scale, shift = np.exp(parameters[: len(KNOTS)]), parameters[len(KNOTS) :].reshape(len(KNOTS), classes)
        stated = _softmax(_between(scale, low, part)[:, None] * logits + _between(shift, low, part))
        slope = (stated - right) * w[:, None]
        of_scale, of_shift = np.zeros(len(KNOTS)), np.zeros((len(KNOTS), classes))
        for at, portion in ((low, 1 - part), (low + 1, part)):
            np.add.at(of_scale, at, portion * (slope * logits).sum(axis=1))
            np.add.at(of_shift, at, portion[:, None] * slope)
        value = -float(w @ np.log(np.maximum(stated[right], 1e-30)))
        gradient = np.concatenate([of_scale * scale, of_shift.ravel()])
        bends = np.diff(np.column_stack([parameters[: len(KNOTS)], shift]), axis=0)
        of_bends = np.zeros((len(KNOTS), classes + 1))
        of_bends[:-1] -= bends
        of_bends[1:] += bends
        gradient += 2 * BEND_PENALTY * np.concatenate([of_bends[:, 0], of_bends[:, 1:].ravel()])
        return value + BEND_PENALTY * float((bends**2).sum()), gradient

    found = minimize(loss, np.zeros(len(KNOTS) * (classes + 1)), jac=True, method="L-BFGS-B").x
    scale, shift = np.exp(found[: len(KNOTS)]), found[len(KNOTS) :].reshape(len(KNOTS), classes)
    shift -= shift[:, :1]
    told = shift[:, 1] if outputs.ndim == 1 else shift
    return {"log2_length": list(KNOTS), "scale": np.round(scale, 4).tolist(), "shift": np.round(told, 4).tolist()}


def probability(outputs: Floats, lengths: NDArray[np.int64], by: dict[str, list[Any]]) -> Floats:
    """Probability of the second class for one output, of shape (n,); else of every class."""
    low, part = _places(lengths)
    shift = np.array(by["shift"], float)
    if outputs.ndim == 1:
        shift = np.column_stack([np.zeros(len(shift)), shift])
    scale = _between(np.array(by["scale"], float), low, part)
    stated = _softmax(scale[:, None] * _logits(outputs) + _between(shift, low, part))
    return stated[:, 1] if outputs.ndim == 1 else stated


def _logits(outputs: Floats) -> Floats:
    return np.column_stack([np.zeros(len(outputs)), outputs]) if outputs.ndim == 1 else outputs


def _places(lengths: NDArray[np.int64]) -> tuple[NDArray[np.int64], Floats]:
    place = np.interp(np.log2(lengths), KNOTS, np.arange(len(KNOTS)))
    low = np.minimum(place.astype(np.int64), len(KNOTS) - 2)
    return low, place - low


def _between(values: Floats, low: NDArray[np.int64], part: Floats) -> Floats:
    share = part if values.ndim == 1 else part[:, None]
    return np.asarray(values[low] * (1 - share) + values[low + 1] * share)


def _softmax(logits: Floats) -> Floats:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
