"""Train on one side's sources, test on the other's, and print a table for each length.

    python -m bench.coding.evaluate [--lengths N[,N...]] [--sets NAME[,NAME...]] [--share S]

A positive score means compressed. Accuracy is balanced: half the mean recall of the formats of `formats.BASE`, half the
share of ciphertext that is let pass. Intervals of 95 % come from resampling sources, each with all of its fragments.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.coding import data, formats, statistics
from bench.coding.data import Fragments

COUNTS = {
    512: (2000, 20_000, 700, 9000), 2048: (1300, 14_000, 600, 7000), 8192: (800, 9000, 400, 5000),
    65536: (200, 3500, 150, 2500),
}  # fmt: skip
"""By length in bytes: fragments to train on, per format and encrypted; to test with, per format and encrypted."""

ROUNDS = 220
RESAMPLES = 1000

SETTINGS: dict[str, Any] = {
    "objective": "binary", "learning_rate": 0.07, "num_leaves": 31, "min_data_in_leaf": 60, "feature_fraction": 0.5,
    "bagging_fraction": 0.8, "bagging_freq": 1, "lambda_l2": 5, "max_bin": 127, "seed": 0, "num_threads": 1,
    "deterministic": True, "verbose": -1,
}  # fmt: skip
"""Of LightGBM; one thread and a seed, so that a run can be repeated."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a model achieves on the test side.

    Attributes
    ----------
    accuracy, false_alarms : float
        Shares, 0 to 1.
    low, high : float
        Ends of the 95 % interval of the accuracy.
    recall : dict of str to float
        Share found of each format, the ones that were not learnt included.
    held_out : dict of str to float
        Share found of each encoder that training never saw.
    """

    accuracy: float
    false_alarms: float
    low: float
    high: float
    recall: dict[str, float]
    held_out: dict[str, float]


def measured(fragments: Fragments) -> NDArray[np.float32]:
    """Statistics of many fragments, on all processors; rows in order."""
    parts = np.array_split(fragments.octets, max(1, len(fragments.octets) // 200))
    with ProcessPoolExecutor() as pool:
        return np.concatenate(list(pool.map(statistics.table, parts)))


def weights(fragments: Fragments) -> NDArray[np.float64]:
    """Weight of each fragment: both kinds alike, each base format alike, formats that are not learnt 0."""
    given = np.zeros(len(fragments.formats))
    for format_ in formats.BASE:
        of_format = fragments.formats == format_
        given[of_format] = 1 / max(1, of_format.sum())
    given /= given.sum()
    is_encrypted = fragments.formats == data.ENCRYPTED
    given[is_encrypted] = 1 / is_encrypted.sum()
    return given * len(given) / 2


def train(table: NDArray[np.float32], fragments: Fragments) -> Any:
    """Fit LightGBM to the formats that are learnt."""
    import lightgbm

    given = weights(fragments)
    learnt = given > 0
    labels = (fragments.formats != data.ENCRYPTED).astype(int)
    examples = lightgbm.Dataset(table[learnt], labels[learnt], weight=given[learnt])
    return lightgbm.train(SETTINGS, examples, ROUNDS)


def judge(found: NDArray[np.bool_], fragments: Fragments) -> Outcome:
    """Sum up which fragments were called compressed."""
    is_encrypted = fragments.formats == data.ENCRYPTED
    alarms = found[is_encrypted]
    names = [name for name in (*formats.BASE, *formats.HARD, *formats.EXTRA) if (fragments.formats == name).any()]
    recall = {name: float(found[fragments.formats == name].mean()) for name in names}
    held_out = {}
    for format_, encoder in sorted(formats.HELD_OUT):
        of_encoder = (fragments.formats == format_) & (fragments.encoders == encoder)
        if of_encoder.any():
            held_out[f"{format_} by {encoder}"] = float(found[of_encoder].mean())
    base = [recall[name] for name in formats.BASE if name in recall]
    false_alarms = float(alarms.mean())
    low, high = interval(found, fragments)
    return Outcome(float(np.mean(base) + 1 - false_alarms) / 2, false_alarms, low, high, recall, held_out)


def interval(found: NDArray[np.bool_], fragments: Fragments) -> tuple[float, float]:
    """95 % interval of the accuracy over sources, resampled with all their formats, and over ciphertexts."""
    draw = np.random.default_rng(0)
    is_encrypted = fragments.formats == data.ENCRYPTED
    alarms = found[is_encrypted]
    sources, of_source = np.unique(fragments.sources[~is_encrypted], return_inverse=True)
    present = [name for name in formats.BASE if (fragments.formats == name).any()]
    hits, seen = np.zeros((2, len(present), len(sources)))
    for row, name in enumerate(present):
        of_format = fragments.formats[~is_encrypted] == name
        hits[row] = np.bincount(of_source[of_format], found[~is_encrypted][of_format], len(sources))
        seen[row] = np.bincount(of_source[of_format], minlength=len(sources))
    accuracies = []
    for _ in range(RESAMPLES):
        times = np.bincount(draw.integers(len(sources), size=len(sources)), minlength=len(sources))
        shown = seen @ times > 0
        recall = (hits @ times)[shown] / (seen @ times)[shown]
        accuracies.append((recall.mean() + 1 - draw.binomial(len(alarms), alarms.mean()) / len(alarms)) / 2)
    low, high = np.percentile(accuracies, [2.5, 97.5])
    return float(low), float(high)


def report(length: int, name: str, outcome: Outcome) -> str:
    """One set at one length, as lines of text."""
    lines = [
        f"{length} bytes, set {name}: accuracy {outcome.accuracy:.1%} [{outcome.low:.1%}, {outcome.high:.1%}], "
        f"false alarms {outcome.false_alarms:.2%}"
    ]
    lines += [f"    {format_:10} {share:6.1%}" for format_, share in outcome.recall.items()]
    lines += [f"    held out: {encoder:20} {share:6.1%}" for encoder, share in outcome.held_out.items()]
    return "\n".join(lines)


def evaluate(length: int, sets: Sequence[str], share: float) -> None:
    """Cut, measure, train and print."""
    counts = [max(50, int(count * share)) for count in COUNTS[length]]
    sides = []
    for is_test in (False, True):
        per_format, of_ciphertext = counts[2 * is_test : 2 * is_test + 2]
        coded = data.cut(data.streams(is_test=is_test), length, per_format)
        sides.append(data.joined(coded, data.encrypted(length, of_ciphertext, is_test=is_test)))
    tables = [measured(side) for side in sides]
    for name in sets:
        columns = [statistics.NAMES.index(column) for column in statistics.SETS[name]]
        model = train(tables[0][:, columns], sides[0])
        outcome = judge(model.predict(tables[1][:, columns]) > 0.5, sides[1])
        print(report(length, name, outcome), flush=True)


def main(words: Sequence[str]) -> int:
    """Read the command line and evaluate."""
    parser = argparse.ArgumentParser(description="Measure how well coded bytes are told from encrypted ones.")
    parser.add_argument(
        "--lengths", default=",".join(map(str, COUNTS)), help="bytes of a fragment (default: %(default)s)"
    )
    parser.add_argument("--sets", default=",".join(statistics.SETS), help="sets of statistics (default: %(default)s)")
    parser.add_argument("--share", type=float, default=1.0, help="share of the full number of fragments (default 1)")
    chosen = parser.parse_args(words)
    for length in chosen.lengths.split(","):
        evaluate(int(length), chosen.sets.split(","), chosen.share)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
