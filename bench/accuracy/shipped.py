"""The shipped model of compressed and encrypted bytes, asked for its probability even where no verdict is told."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.verdict import calibration
from bench.verdict.network import forward
from bench.verdict.samples import Rows
from bench.verdict.train_coding import OUT, seen

SETS = ("narrow", "wide")


@cache
def stored(path: Path = OUT) -> dict[str, Any]:
    """What the file holds."""
    return dict(json.loads(path.read_text(encoding="utf-8")))


def probability(rows: Rows, which: str) -> NDArray[np.float64]:
    """Probability that each row is compressed; of the model of payloads, where it is that or encrypted."""
    found = probabilities(rows, which)
    if found.ndim == 1:
        return found
    return np.asarray(found[:, 1] / np.maximum(found[:, 0] + found[:, 1], 1e-30))


def probabilities(rows: Rows, which: str) -> NDArray[np.float64]:
    """Probability of the second of two classes, of shape (n,), or of each of more."""
    model = stored()["models"][which]
    layers = [np.array(layer[part], np.float32) for layer in model["layers"] for part in ("weights", "bias")]
    outputs = forward(layers, seen(rows, which))[-1].astype(np.float64)
    return calibration.probability(
        outputs[:, 0] if outputs.shape[1] == 1 else outputs, rows.lengths, model["calibration"]
    )
