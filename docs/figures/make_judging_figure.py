"""Draw the figure of the page on judging.

    python docs/figures/make_judging_figure.py

In: pseudo-random bytes with a fixed seed, and deflate streams of this project's own documentation. Out: `judging.png`
in this folder: what the statistics see of both, by length.
"""

from __future__ import annotations

import io
import random
import zlib
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from wiretropy.entropy import entropy_of_counts, random_mean, random_sd
from wiretropy.verdict.coding import coding_names, coding_statistics

FOLDER = Path(__file__).parent
LENGTHS = (512, 2_048, 8_192)
COUNT = 300
"""Fragments of each kind and length."""


def deflate_stream() -> bytes:
    """Deflate of the documentation in an order that is drawn, many times over."""
    draw = random.Random(3)
    pages = [path.read_bytes() for path in sorted(FOLDER.parent.glob("*.md"))]
    words = [word for page in pages for word in page.split()]
    return zlib.compress(b" ".join(draw.choices(words, k=900_000)), 6)


def fragments(length: int) -> dict[str, list[bytes]]:
    """Fragments cut at random offsets."""
    draw = np.random.default_rng(length)
    stream = deflate_stream()
    starts = draw.integers(100, len(stream) - length - 100, COUNT)
    return {
        "random": [draw.bytes(length) for _ in range(COUNT)],
        "deflate": [stream[start : start + length] for start in starts.tolist()],
    }


def entropy_scores(payloads: list[bytes]) -> NDArray[np.float64]:
    """Standard deviations that the entropy of bytes lies above the mean of random bytes."""
    counts = np.stack([np.bincount(np.frombuffer(payload, np.uint8), minlength=256) for payload in payloads])
    length = len(payloads[0])
    scores: NDArray[np.float64] = (entropy_of_counts(counts) - random_mean(length)) / random_sd(length)
    return scores


def word_scores(payloads: list[bytes]) -> NDArray[np.float32]:
    """Chi-square of 8-bit words at every bit offset, least significant bit first, standardised."""
    scores: NDArray[np.float32] = coding_statistics(payloads)[:, coding_names().index("lsb_chi_8")]
    return scores


def main() -> None:
    """Draw."""
    mpl.rcParams.update({"font.size": 9, "font.family": "DejaVu Sans"})
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots(2, len(LENGTHS))
    rows = (
        ("entropy of bytes", entropy_scores, (-8, 5)),
        ("words of 8 bits at every bit offset", word_scores, (-5, 25)),
    )
    for column, length in enumerate(LENGTHS):
        payloads = fragments(length)
        for row, (title, scores, span) in enumerate(rows):
            axis = axes[row, column]
            edges = np.linspace(*span, 40)
            for kind, color in (("random", "#0072b2"), ("deflate", "#d55e00")):
                values = np.clip(scores(payloads[kind]), *span)
                axis.hist(values, edges, color=color, alpha=0.6, label=kind)
            axis.set_title(f"{title}, {length:,} bytes", fontsize=8)
            axis.set_yticks([])
            axis.set_xlabel("standard scores")
    axes[0, 0].legend(frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=110)
    image = Image.open(buffer).convert("RGB").quantize(64)
    image.save(FOLDER / "judging.png", optimize=True)


if __name__ == "__main__":
    main()
