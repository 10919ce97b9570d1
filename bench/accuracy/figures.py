"""The report's pictures: reliability, ROC, power curves; small SVG files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.accuracy.scores import Bin


def _axes(title: str) -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("svg")
    # Without a salt, ids in the file would differ from run to run.
    mpl.rcParams["svg.hashsalt"] = "wiretropy"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(4.2, 3.4), layout="constrained")
    axes.set_title(title, fontsize=9)
    axes.grid(alpha=0.3)
    return figure, axes


def _save(figure: Any, path: Path) -> None:
    from matplotlib import pyplot

    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def reliability(bins: Sequence[Bin], path: Path) -> None:
    """Found against stated, with the diagonal."""
    figure, axes = _axes("Probability of the verdict: stated and found")
    axes.plot([0.5, 1], [0.5, 1], color="0.6", linewidth=1)
    sizes = [20 + 400 * one.weight for one in bins]
    axes.scatter([one.stated for one in bins], [one.found for one in bins], s=sizes, color="#1f6f8b")
    axes.set(xlabel="stated", ylabel="found right", xlim=(0.48, 1.02), ylim=(0.48, 1.02))
    _save(figure, path)


def roc(curves: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]], path: Path) -> None:
    """Recall against false alarms, these on a logarithmic axis."""
    figure, axes = _axes("Compressed found, against ciphertext called compressed")
    for name, (alarms, recall) in curves.items():
        shown = np.unique(np.searchsorted(alarms, np.geomspace(1e-4, 1, 120)).clip(0, len(alarms) - 1))
        axes.plot(np.maximum(alarms[shown], 1e-4), recall[shown], label=name, linewidth=1.2)
    axes.set(xscale="log", xlabel="false alarms", ylabel="mean recall of 17 formats", ylim=(0, 1.02))
    axes.legend(fontsize=7, loc="lower right")
    _save(figure, path)


def power(lengths: Sequence[int], curves: Mapping[str, Sequence[float]], path: Path) -> None:
    """Recall at 1 % false alarms against length."""
    figure, axes = _axes("Recall at 1 % false alarms")
    for number, (name, curve) in enumerate(curves.items()):
        axes.plot(lengths, curve, label=name, linewidth=1.2, linestyle=("-", "--", ":")[number // 5 % 3])
    axes.set(xscale="log", xlabel="bytes", ylim=(0, 1.02))
    axes.set_xscale("log", base=2)
    axes.legend(fontsize=6, ncol=2)
    _save(figure, path)
