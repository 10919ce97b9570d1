"""Train the models that tell compressed from encrypted bytes, and write `src/wiretropy/verdict/coding.json`.

    python -m bench.verdict.train_coding [--compare] [--share S]

Contents, streams and traffic of the training side only. One network serves all lengths from 128 bytes to 64 KiB; there
are two, one of the narrow statistics that flow records carry and one of the wide ones of raw payloads. Probabilities
are calibrated on sources and encoders that the network in question did not learn from: folds of sources are left out
in turn, and log-odds are scaled and shifted, by length, to what was then found. --compare measures LightGBM and
logistic regression on the same rows, trained on some sources and tested on the others. Needs what
bench/coding/README.md names.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from bench.coding import data, fetch, formats
from bench.verdict import measuring, samples
from bench.verdict.network import Network, inputs
from bench.verdict.samples import Rows

OUT = Path(__file__).resolve().parents[2] / "src" / "wiretropy" / "verdict" / "coding.json"

FORMAT = 1
"""Version of the file's form."""

SEED = 20

PER_FORMAT = 4000
RANDOM = 60_000
FRAMED_PER_FORMAT = 800
FRAMED_RANDOM = 20_000
TRAFFIC = 10_000
"""Fragments to train on: of each format, of random bytes, the same framed, and of real traffic."""

SHARES = {"plain": 0.72, "framed": 0.2, "traffic": 0.08}
"""What each family weighs on its side; without traffic the others weigh more."""

EXTRA_WEIGHT = 0.5
"""Weight of a format that is learnt but does not count among the 17."""

FOLDS = 5

KNOTS = (7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 16.0)
"""log2 of the lengths at which scale and shift of the log-odds are set; between them they are interpolated."""

SETS = ("narrow", "wide")


def training_rows(share: float) -> Rows:
    """Everything to train on, measured."""
    streams = data.streams(is_test=False)

    def some(count: int) -> int:
        return max(10, int(count * share))

    def draw(number: int) -> np.random.Generator:
        # Each table has numbers of its own, so that one that was kept changes nothing in the others.
        return np.random.default_rng([SEED, number, int(1e6 * share)])

    learnt = samples.LEARNT
    parts = {
        "coded": samples.coded(streams, learnt, some(PER_FORMAT), draw(0)),
        "random": samples.random_bytes(some(RANDOM), draw(1)),
        "coded-framed": samples.coded(streams, learnt, some(FRAMED_PER_FORMAT), draw(2), frame=True),
        "random-framed": samples.random_bytes(some(FRAMED_RANDOM), draw(3), frame=True),
        "traffic": samples.real_traffic(some(TRAFFIC), draw(4), is_test=False),
    }
    tables = [samples.measured(f"train-{name}-{share:g}", fragments) for name, fragments in parts.items()]
    return samples.joined(tables)


def weights(rows: Rows) -> NDArray[np.float64]:
    """Weight of each row: both kinds alike; on each the families by `SHARES`, and in a family the formats alike."""
    given = np.zeros(len(rows))
    for is_coded in (False, True):
        side = rows.is_coded == is_coded
        for family in np.unique(rows.families[side]):
            group = side & (rows.families == family)
            names, places, counts = np.unique(rows.formats[group], return_inverse=True, return_counts=True)
            of_format = np.where(np.isin(names, formats.BASE) | (not is_coded), 1.0, EXTRA_WEIGHT)
            of_row = (of_format / counts)[places]
            given[group] = of_row / of_row.sum() * SHARES[str(family)]
        given[side] /= given[side].sum()
    return given * len(rows) / 2


def fold_of(names: NDArray[np.str_]) -> NDArray[np.int64]:
    """A fold for each name, the same in every run."""
    found, places = np.unique(names, return_inverse=True)
    return np.array([zlib.crc32(str(name).encode()) % FOLDS for name in found])[places]


def columns(which: str) -> list[int]:
    """Places of the statistics of a set."""
    return [measuring.NAMES.index(name) for name in (measuring.NARROW if which == "narrow" else measuring.NAMES)]


def left_out(rows: Rows, x: NDArray[np.float32], network: Network) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which rows can be judged by a network that knows neither their source nor, for one in `FOLDS`, their encoder.

    Encoders are left out too, because what is met later was written by encoders nobody trained on.
    """
    by_source = fold_of(rows.sources)
    by_encoder = fold_of(np.char.add(rows.formats, np.char.add("~", rows.encoders)))
    given = weights(rows)
    scores, judged = np.zeros(len(rows)), np.zeros(len(rows), bool)
    for fold in range(FOLDS):
        test = by_source == fold
        is_encoder_out = rows.is_coded & (by_encoder == fold) & (rows.families == "plain")
        learn = ~test & ~is_encoder_out
        fitted = Network(network.hidden, max(4, network.epochs // 2), network.seed + fold)
        fitted.fit(x[learn], rows.is_coded[learn], given[learn])
        scores[test] = fitted.log_odds(x[test])
        judged |= test
    return judged, scores


def calibration(rows: Rows, scores: NDArray[np.float64], given: NDArray[np.float64]) -> dict[str, list[float]]:
    """Scale and shift of log-odds at `KNOTS`, by least cross-entropy with a small penalty on bends."""
    place = np.interp(np.log2(rows.lengths), KNOTS, np.arange(len(KNOTS)))
    low = np.minimum(place.astype(int), len(KNOTS) - 2)
    part = place - low
    sign = np.where(rows.is_coded, 1.0, -1.0)
    w = given / given.sum()

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scale, shift = np.exp(parameters[: len(KNOTS)]), parameters[len(KNOTS) :]
        a = scale[low] * (1 - part) + scale[low + 1] * part
        b = shift[low] * (1 - part) + shift[low + 1] * part
        margin = sign * (a * scores + b)
        slope = -sign * w / (1 + np.exp(np.clip(margin, -60, 60)))
        gradient = np.zeros_like(parameters)
        for at, portion in ((low, 1 - part), (low + 1, part)):
            np.add.at(gradient, at, slope * portion * scores * scale[at])
            np.add.at(gradient, at + len(KNOTS), slope * portion)
        bends = [np.diff(parameters[: len(KNOTS)]), np.diff(parameters[len(KNOTS) :])]
        for offset, bend in zip((0, len(KNOTS)), bends, strict=True):
            gradient[offset : offset + len(KNOTS) - 1] -= 2e-3 * bend
            gradient[offset + 1 : offset + len(KNOTS)] += 2e-3 * bend
        penalty = 1e-3 * sum(float(bend @ bend) for bend in bends)
        return float(w @ np.logaddexp(0, -margin)) + penalty, gradient

    found = minimize(loss, np.zeros(2 * len(KNOTS)), jac=True, method="L-BFGS-B").x
    scale, shift = np.exp(found[: len(KNOTS)]), found[len(KNOTS) :]
    return {
        "log2_length": list(KNOTS),
        "scale": [round(float(value), 4) for value in scale],
        "shift": [round(float(value), 4) for value in shift],
    }


def calibrated(
    scores: NDArray[np.float64], lengths: NDArray[np.int64], by: dict[str, list[float]]
) -> NDArray[np.float64]:
    """Probability that bytes are compressed, if that was as likely as not."""
    at = np.log2(lengths)
    odds = np.interp(at, by["log2_length"], by["scale"]) * scores + np.interp(at, by["log2_length"], by["shift"])
    return 1 / (1 + np.exp(-np.clip(odds, -60, 60)))


def accuracy(found: NDArray[np.bool_], rows: Rows) -> float:
    """Half the mean recall of the 17 formats, half the share of plain ciphertext that is let pass."""
    plain = rows.families == "plain"
    encrypted = plain & ~rows.is_coded
    recall = [found[plain & (rows.formats == name)].mean() for name in formats.BASE if (rows.formats == name).any()]
    return float(np.mean(recall) + 1 - found[encrypted].mean()) / 2


def model(rows: Rows, which: str, network: Network) -> dict[str, Any]:
    """Fit one network and its calibration."""
    x = inputs(rows.statistics[:, columns(which)], rows.lengths)
    given = weights(rows)
    judged, scores = left_out(rows, x, network)
    by = calibration(rows.where(judged), scores[judged], given[judged])
    network.fit(x, rows.is_coded, given)
    return {
        "statistics": [measuring.NAMES[place] for place in columns(which)],
        "transform": "asinh of each statistic, then log2 of the length in bytes",
        "activation": "relu",
        "layers": network.written(),
        "calibration": by,
    }


def provenance(rows: Rows, share: float) -> dict[str, Any]:
    """What the models come from."""
    names, counts = np.unique(np.char.add(np.char.add(rows.families, " "), rows.formats), return_counts=True)
    return {
        "made_by": "make train-verdict (bench/verdict/train_coding.py)",
        "meaning": "log-odds of compressed to encrypted at equal odds; LZMA, which looks like ciphertext, left out",
        "seed": SEED,
        "share": share,
        "sources": sorted(
            {*map(str, rows.sources[rows.is_coded]), *map(str, rows.sources[rows.families == "traffic"])}
        ),
        "rows": {str(name): int(count) for name, count in zip(names, counts, strict=True)},
        "encoders": sorted(
            {f"{f} {e}" for f, e in zip(rows.formats, rows.encoders, strict=True)} - {"encrypted random"}
        ),
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "downloads": sorted(path.name for path in fetch.folder("downloads").iterdir()),
    }


def compare(rows: Rows, network: Network) -> None:
    """Print the accuracy at each anchor on two folds of sources that the methods did not learn from."""
    import lightgbm
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    test = fold_of(rows.sources) < 2
    # Random rows have sources of their own, so they are split alike.
    given = weights(rows)[~test]
    learn, held = rows.where(~test), rows.where(test)
    for which in SETS:
        x, z = (inputs(part.statistics[:, columns(which)], part.lengths) for part in (learn, held))
        tried: dict[str, NDArray[np.bool_]] = {}
        network.fit(x, learn.is_coded, given)
        tried["network"] = network.log_odds(z) > 0
        trees = lightgbm.LGBMClassifier(
            n_estimators=500, learning_rate=0.06, num_leaves=63, min_child_samples=60, colsample_bytree=0.4,
            subsample=0.8, subsample_freq=1, reg_lambda=5, n_jobs=2, random_state=0, verbose=-1,
        ).fit(x, learn.is_coded, sample_weight=given)  # fmt: skip
        tried["lightgbm"] = trees.predict(z).astype(bool)
        scaler = StandardScaler().fit(np.hstack([x, np.abs(x)]))
        line = LogisticRegression(C=0.1, max_iter=300).fit(
            scaler.transform(np.hstack([x, np.abs(x)])), learn.is_coded, given
        )
        tried["logistic"] = line.predict(scaler.transform(np.hstack([z, np.abs(z)]))).astype(bool)
        for name, found in tried.items():
            shown = [accuracy(found[held.lengths == n], held.where(held.lengths == n)) for n in samples.ANCHORS]
            print(
                f"{which:7} {name:9} " + "  ".join(f"{n}: {v:.3%}" for n, v in zip(samples.ANCHORS, shown, strict=True))
            )


def main(words: Sequence[str]) -> int:
    """Read the command line; train and write, or compare."""
    parser = argparse.ArgumentParser(description="Train the models that tell compressed from encrypted bytes.")
    parser.add_argument("--compare", action="store_true", help="compare methods on left-out sources; writes nothing")
    parser.add_argument("--share", type=float, default=1.0, help="share of the full number of fragments (default 1)")
    parser.add_argument("--epochs", type=int, default=40, help="passes over the rows (default %(default)s)")
    chosen = parser.parse_args(words)
    rows = training_rows(chosen.share)
    if chosen.compare:
        compare(rows, Network(epochs=chosen.epochs))
        return 0
    stored = {"format": FORMAT, "version": 1, "provenance": provenance(rows, chosen.share)}
    stored["models"] = {which: model(rows, which, Network(epochs=chosen.epochs)) for which in SETS}
    OUT.write_text(json.dumps(stored, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{OUT}: {OUT.stat().st_size:,} bytes, {len(rows):,} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
