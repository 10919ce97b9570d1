"""A small network that tells what bytes are, fitted and run with NumPy.

Statistics and lengths enter, log-odds leave. Inputs are asinh of the statistics, which are scores with a long tail, and
log2 of the length; scale and shift of the inputs are folded into the first layer when it is written down, so that
whoever reads the file needs `x -> asinh(x)`, matrices and max(0, x) only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wiretropy.verdict.coding import asinh

Floats = NDArray[np.float32]

BATCH = 1024
DECAY = 1e-4
"""Share of each weight that is taken away in a step, times the rate (AdamW)."""
RATE = 2e-3
BETAS = (0.9, 0.999)
EPSILON = 1e-8


def inputs(statistics: NDArray[np.float32], lengths: NDArray[np.int64]) -> Floats:
    """What the network sees: asinh of each statistic, then log2 of the length."""
    length = np.log2(lengths).astype(np.float32)[:, None]
    return np.concatenate([asinh(statistics), length], axis=1).astype(np.float32)


@dataclass
class Network:
    """Layers of weights and biases; all but the last are followed by max(0, x).

    Parameters
    ----------
    hidden : sequence of int
        Units of the hidden layers.
    epochs : int
        Passes over the rows.
    seed : int
        Of the first weights and the order of the rows.
    """

    hidden: Sequence[int] = (48, 24)
    epochs: int = 40
    seed: int = 0

    def fit(self, x: Floats, target: NDArray[Any], weights: NDArray[np.float64]) -> Network:
        """Minimise the weighted cross-entropy; weights are rescaled to mean 1.

        Two classes have one output, the log-odds of the second; more have one each, up to a constant.

        Parameters
        ----------
        x : ndarray of shape (n, inputs)
        target : ndarray of shape (n,), bool or int, or of shape (n, outputs), float
            Number of the class of each row, from 0; or what the outputs are to state, as probabilities.
        weights : ndarray of shape (n,)
        """
        draw = np.random.default_rng(self.seed)
        mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-3
        scaled = (x - mean) / spread
        y = target.astype(np.float32) if target.ndim == 2 else _indicators(target)
        w = (weights / weights.mean()).astype(np.float32)[:, None]
        sizes = [x.shape[1], *self.hidden, y.shape[1]]
        layers = []
        for before, after in pairwise(sizes):
            layers += [(draw.standard_normal((before, after)) * np.sqrt(2 / before)).astype(np.float32)]
            layers += [np.zeros(after, np.float32)]
        self._descend(layers, scaled, y, w, draw)
        # The first layer takes inputs as they come.
        layers[1] = layers[1] - (mean / spread) @ layers[0]
        layers[0] = layers[0] / spread[:, None]
        self.layers_ = layers
        return self

    def _descend(self, layers: list[Floats], x: Floats, y: Floats, w: Floats, draw: np.random.Generator) -> None:
        """Adam with decoupled decay (Loshchilov and Hutter, 2019), the rate falling to zero as a half cosine."""
        first, second = [np.zeros_like(part) for part in layers], [np.zeros_like(part) for part in layers]
        steps = self.epochs * (len(x) // BATCH)
        step = 0
        for _ in range(self.epochs):
            order = draw.permutation(len(x))
            for start in range(0, len(x) - BATCH + 1, BATCH):
                chosen = order[start : start + BATCH]
                slopes = _slopes(layers, x[chosen], y[chosen], w[chosen])
                rate = RATE * (1 + np.cos(np.pi * step / steps)) / 2
                step += 1
                for place, slope in enumerate(slopes):
                    first[place] += (1 - BETAS[0]) * (slope - first[place])
                    second[place] += (1 - BETAS[1]) * (slope * slope - second[place])
                    spread = np.sqrt(second[place] / (1 - BETAS[1] ** step)) + EPSILON
                    moved = first[place] / (1 - BETAS[0] ** step) / spread
                    # Biases, at odd places, do not decay.
                    layers[place] -= np.float32(rate) * (moved + (0 if place % 2 else DECAY * layers[place]))

    def log_odds(self, x: Floats) -> NDArray[np.float64]:
        """Outputs before calibration: of shape (n,) for two classes, else (n, classes)."""
        found = np.concatenate([forward(self.layers_, part)[-1] for part in _parts(x)]).astype(np.float64)
        return found[:, 0] if found.shape[1] == 1 else found

    def written(self) -> list[dict[str, Any]]:
        """Layers as lists of numbers of six digits; `weights` has a row for each input."""
        return [
            {"weights": [[_short(value) for value in row] for row in weight], "bias": [_short(value) for value in bias]}
            for weight, bias in zip(self.layers_[::2], self.layers_[1::2], strict=True)
        ]


def _indicators(target: NDArray[Any]) -> Floats:
    """One column a class; of two classes the second alone."""
    classes = int(target.max()) + 1
    return (target[:, None] == np.arange(classes)).astype(np.float32)[:, -1 if classes == 2 else None :]


def stated(outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of shape (n, outputs) from outputs of shape (n,) or (n, classes)."""
    if outputs.ndim == 1:
        return np.asarray(1 / (1 + np.exp(-outputs)))[:, None]
    raised = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def forward(layers: Sequence[Floats], x: Floats) -> list[Floats]:
    """The outputs of every layer."""
    found = []
    for weight, bias in zip(layers[::2], layers[1::2], strict=True):
        x = x @ weight + bias
        if len(found) < len(layers) // 2 - 1:
            x = np.maximum(x, 0)
        found.append(x)
    return found


def _slopes(layers: Sequence[Floats], x: Floats, y: Floats, w: Floats) -> list[Floats]:
    outputs = forward(layers, x)
    last = outputs[-1][:, 0] if y.shape[1] == 1 else outputs[-1]
    slope = (stated(last) - y) * w / len(x)
    found: list[Floats] = []
    for place in range(len(outputs) - 1, -1, -1):
        before = outputs[place - 1] if place else x
        found = [before.T @ slope, slope.sum(axis=0), *found]
        if place:
            slope = (slope @ layers[2 * place].T) * (before > 0)
    return found


def _parts(x: Floats) -> list[Floats]:
    return np.array_split(x, max(1, len(x) // 20_000))


def _short(value: np.float32) -> float:
    return float(f"{value:.6g}")
