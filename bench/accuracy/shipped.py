"""The shipped model of compressed and encrypted bytes, asked for its probability even where no verdict is told."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.verdict import measuring
from bench.verdict.network import forward, inputs
from bench.verdict.samples import Rows
from bench.verdict.train_coding import OUT, calibrated

SETS = ("narrow", "wide")


@cache
def stored(path: Path = OUT) -> dict[str, Any]:
    """What the file holds."""
    return dict(json.loads(path.read_text(encoding="utf-8")))


def probability(rows: Rows, which: str) -> NDArray[np.float64]:
    """Probability that each row is compressed."""
    model = stored()["models"][which]
    places = [measuring.NAMES.index(name) for name in model["statistics"]]
    layers = [np.array(layer[part], np.float32) for layer in model["layers"] for part in ("weights", "bias")]
    scores = forward(layers, inputs(rows.statistics[:, places], rows.lengths))[-1][:, 0].astype(np.float64)
    return calibrated(scores, rows.lengths, model["calibration"])
