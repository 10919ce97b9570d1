"""Draw the figures and write the tables of the pages on random bytes and on estimators.

    python docs/figures/make_law_figures.py

In: nothing but laws and pseudo-random numbers with fixed seeds. Out: `estimators.png`,
`estimators.md`, `random-rates.md` and `sequential-rates.md` in this folder. Some minutes.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from wiretropy.entropy import (
    anytime_p_value,
    chao_shen,
    entropy_of_counts,
    grassberger,
    james_stein,
    miller_madow,
    random_mean,
    random_quantile,
    random_sd,
    sequential_quantile,
    trajectory_grid,
)
from wiretropy.entropy.random_atoms import atoms
from wiretropy.entropy.random_curves import TAILS, Tail
from wiretropy.entropy.random_fourier import distribution

Floats = NDArray[np.float64]
FIGURES = Path(__file__).parent
SEED = 20_250_607

ATOMS_UP_TO_BYTES = 320
"""Longest length whose rates are taken from the atoms of the law (ten seconds), and above from its Fourier series."""

known_atoms = cache(atoms)

LEVELS = np.array([1e-2, 1e-3, 1e-4])
GRID = np.array([16, 24, *trajectory_grid(65_536), *(2**k for k in (17, 18, 20))])
"""The published grid: the points of trajectories, two shorter lengths and three longer ones."""

ESTIMATORS: dict[str, Callable[[ArrayLike], Floats]] = {
    "plug-in": entropy_of_counts,
    "Miller-Madow": miller_madow,
    "Chao-Shen": chao_shen,
    "Grassberger": grassberger,
    "James-Stein": james_stein,
}
LENGTHS = (32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 16_384)
TOLD = (64, 256, 1_024, 4_096)
"""Lengths in the table."""


def sources() -> dict[str, Floats]:
    """Probabilities of the bytes of three kinds of payload."""
    zipf = np.zeros(256)
    zipf[:96] = 1 / np.arange(1, 97)
    sparse = np.full(256, 0.2 / 240)
    sparse[:16] = 0.8 / 16
    return {
        "uniform": np.full(256, 1 / 256),
        "text-like (Zipf over 96 values)": zipf / zipf.sum(),
        "sparse (16 values hold 80 %)": sparse,
    }


def errors(p: Floats, n: int, trials: int = 1_000) -> dict[str, tuple[float, float]]:
    """Bias and root of the mean square error of each estimator."""
    counts = np.random.default_rng([SEED, n]).multinomial(n, p, size=trials)
    truth = float(-(p[p > 0] @ np.log2(p[p > 0])))
    result = {}
    for name, estimate in ESTIMATORS.items():
        error = estimate(counts) - truth
        result[name] = float(error.mean()), float(np.sqrt((error**2).mean()))
    return result


def draw_estimators(measured: dict[str, dict[int, dict[str, tuple[float, float]]]]) -> Figure:
    """Bias above, root mean square error below, one column for each source."""
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(10, 5.6), layout="constrained")
        axes = figure.subplots(2, len(measured), sharex=True, sharey="row")
    for column, (source, lengths) in enumerate(measured.items()):
        for name in ESTIMATORS:
            for row in range(2):
                values = [lengths[n][name][row] for n in LENGTHS]
                axes[row, column].plot(LENGTHS, values, marker=".", label=name)
        axes[0, column].set(title=source, xscale="log")
        axes[0, column].axhline(0, color="grey", linewidth=0.8)
        axes[1, column].set(yscale="log", xlabel="bytes")
    axes[0, 0].set(ylabel="bias, bits per byte", ylim=(-2, 2))
    axes[1, 0].set(ylabel="root mean square error, bits per byte")
    axes[0, -1].legend(loc="upper right", fontsize=8)
    return figure


def estimator_table(measured: dict[str, dict[int, dict[str, tuple[float, float]]]]) -> str:
    """Bias and root mean square error at a few lengths, in Markdown."""
    lines = [f"| source | bytes | {' | '.join(ESTIMATORS)} |", f"|---|---:|{'---:|' * len(ESTIMATORS)}"]
    for source, lengths in measured.items():
        for n in TOLD:
            cells = [f"{bias:+.3f} ({rmse:.3f})" for bias, rmse in lengths[n].values()]
            lines.append(f"| {source} | {n:,} | {' | '.join(cells)} |")
    return "\n".join(["<!-- written by docs/figures/make_law_figures.py -->", "", *lines, ""])


def realised(n: int, tail: Tail) -> tuple[Floats, Floats]:
    """False-alarm rates at `LEVELS` with ties by lot and by the plain rule, from the exact law."""
    found = random_quantile(n, LEVELS, tail=tail)
    if n > ATOMS_UP_TO_BYTES:
        z, below, above = distribution(n)
        rate = np.interp((found.quantile - random_mean(n)) / random_sd(n), z, below if tail == "low" else above)
        return rate, rate
    law = known_atoms(n)
    outwards = (math.log2(n) - law.bits / n) - found.quantile[:, None]
    outwards = outwards if tail == "high" else -outwards
    beyond = (outwards > 1e-4 / n) @ law.probability
    at = (np.abs(outwards) <= 1e-4 / n) @ law.probability
    return beyond + found.ties * at, beyond


def rate_table() -> str:
    """Realised rates over the whole grid, as shares of the nominal ones."""
    heads = [f"{tail}, {level:g}" for tail in TAILS for level in LEVELS]
    lines = [f"| bytes | {' | '.join(heads)} |", f"|---:|{'---:|' * len(heads)}"]
    worst = 0.0
    for n in GRID:
        cells = []
        for tail in TAILS:
            by_lot, plain = realised(int(n), tail)
            worst = max(worst, float(np.abs(by_lot / LEVELS - 1).max()))
            cells += [f"{lot:.3f} ({rule:.3f})" for lot, rule in zip(by_lot / LEVELS, plain / LEVELS, strict=True)]
        lines.append(f"| {n:,} | {' | '.join(cells)} |")
    summary = f"The largest departure from the nominal rate on this grid is {worst:.1%}."
    return "\n".join(["<!-- written by docs/figures/make_law_figures.py -->", "", summary, "", *lines, ""])


def sequential_table(streams: int = 20_000, alpha: float = 0.05) -> str:
    """Share of random streams that alarm at any of the looks up to 4,096 bytes."""
    looks = trajectory_grid(4_096)
    once, low, high = (
        random_quantile(looks, alpha).quantile,
        sequential_quantile(looks, alpha).quantile,
        sequential_quantile(looks, alpha, tail="high").quantile,
    )
    alarms = np.zeros(4)
    for part in range(streams // 200):
        generator = np.random.default_rng([SEED, part])
        steps = [generator.multinomial(k, np.full(256, 1 / 256), size=200) for k in np.diff(looks, prepend=0)]
        counts = np.cumsum(np.stack(steps, axis=1), axis=1)
        entropy = entropy_of_counts(counts)
        margin = 1e-4 / looks
        rules = [
            entropy < once - margin,
            entropy < low - margin,
            entropy > high + margin,
            anytime_p_value(counts) <= alpha,
        ]
        alarms += [rule.any(axis=1).sum() for rule in rules]
    names = (
        "quantile at 5 % at every look (wrong)",
        "alpha spending, low tail",
        "alpha spending, high tail",
        "betting",
    )
    lines = [f"| {name} | {share:.2%} |" for name, share in zip(names, alarms / streams, strict=True)]
    title = f"| rule, {alpha:.0%} overall | random streams that alarm at any of {len(looks)} looks |"
    return "\n".join(["<!-- written by docs/figures/make_law_figures.py -->", "", title, "|---|---:|", *lines, ""])


def main() -> None:
    """Write everything again."""
    measured = {source: {n: errors(p, n) for n in LENGTHS} for source, p in sources().items()}
    whole = io.BytesIO()
    draw_estimators(measured).savefig(whole, dpi=110)
    Image.open(whole).convert("RGB").quantize(96, dither=Image.Dither.NONE).save(
        FIGURES / "estimators.png", optimize=True
    )
    (FIGURES / "estimators.md").write_text(estimator_table(measured), encoding="utf-8")
    (FIGURES / "random-rates.md").write_text(rate_table(), encoding="utf-8")
    (FIGURES / "sequential-rates.md").write_text(sequential_table(), encoding="utf-8")


if __name__ == "__main__":
    main()
