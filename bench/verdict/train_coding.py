"""Train the models that tell compressed, encrypted and other bytes apart; write `src/wiretropy/verdict/coding.json`.

    python -m bench.verdict.train_coding [--compare] [--only MODEL] [--share S]

Contents, streams and traffic of the training side only. A network serves all lengths up to 64 KiB. There are three:
`narrow`, of the statistics that flow records carry, and `wide`, of those of raw payloads, tell compressed from
encrypted; `payload` tells these, text and binary apart. Probabilities are calibrated on sources and encoders that the
network in question did not learn from: folds of sources are left out in turn. --compare measures LightGBM and
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

from bench.coding import data, fetch, formats
from bench.verdict import calibration, measuring, openings, samples
from bench.verdict.network import Network, inputs, stated
from bench.verdict.samples import Rows
from wiretropy.verdict import payload_statistics

OUT = Path(__file__).resolve().parents[2] / "src" / "wiretropy" / "verdict" / "coding.json"

FORMAT = 2
"""Version of the file's form."""

SEED = 20

PER_FORMAT = 4000
AT_START = 500
RANDOM = 60_000
FRAMED_PER_FORMAT = 800
FRAMED_RANDOM = 20_000
TRAFFIC = 10_000
SESSIONS = 6_000
CLEAR_PER_KIND = 1200
"""Fragments to train on: of each format, of its beginnings, of random bytes, the first and third framed, of real
traffic, of made sessions of TLS and of HTTP, and of each kind of clear material."""

SHARES = {"plain": 0.6, "start": 0.12, "framed": 0.2, "traffic": 0.08, "session": 0.15, "clear": 1.0}
"""What each family weighs in its class; where one is missing the others weigh more."""

EXTRA_WEIGHT = 0.5
"""Weight of a format that is learnt but does not count among the 17."""

FOLDS = 5

SHORTEST = {"narrow": 128, "wide": 64, "payload": 64}
"""Bytes from which on each model is asked."""

CLASSES = {
    "narrow": ("encrypted", "compressed"),
    "wide": ("encrypted", "compressed"),
    "payload": ("encrypted", "compressed", "text", "binary"),
}
"""By model, in the order of its outputs; of two classes the one output is the log-odds of the second."""

HIDDEN = {"narrow": (48, 24), "wide": (64, 32), "payload": (64, 32)}

TEACHERS = 4
"""Networks that learn from the rows, and whose mean the one that is shipped learns: as good as all of them, nearly."""

TEACHERS_HIDDEN = (64, 32)


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
        "sessions": samples.sessions(
            [one for one in streams if one.format in learnt],
            openings.ordinary(),
            some(SESSIONS),
            draw(8),
            is_test=False,
        ),
        "coded-start": samples.coded(streams, learnt, some(AT_START), draw(5), at_start=True),
        "clear": samples.clear(("text", "binary"), some(CLEAR_PER_KIND), draw(6), is_test=False),
        "messages": samples.messages(openings.ordinary(), is_test=False),
    }
    tables = [samples.measured(f"train-{name}-{share:g}", fragments) for name, fragments in parts.items()]
    return samples.joined(tables)


def weights(rows: Rows) -> NDArray[np.float64]:
    """Weight of each row, 1 on average: classes alike, in each the families by `SHARES`, in a family the formats.

    Of clear material kinds take the place of formats.
    """
    given = np.zeros(len(rows))
    truth = rows.truth
    for verdict in np.unique(truth):
        side = truth == verdict
        for family in np.unique(rows.families[side]):
            group = side & (rows.families == family)
            named = rows.encoders[group] if family == "clear" else rows.formats[group]
            names, places, counts = np.unique(named, return_inverse=True, return_counts=True)
            is_extra = np.isin(names, [name for name in samples.LEARNT if name not in formats.BASE])
            of_row = (np.where(is_extra, EXTRA_WEIGHT, 1.0) / counts)[places]
            given[group] = of_row / of_row.sum() * SHARES[str(family)]
        given[side] /= given[side].sum()
    return given / given.mean()


def fold_of(names: NDArray[np.str_]) -> NDArray[np.int64]:
    """A fold for each name, the same in every run."""
    found, places = np.unique(names, return_inverse=True)
    return np.array([zlib.crc32(str(name).encode()) % FOLDS for name in found])[places]


def columns(which: str) -> list[int]:
    """Places of the statistics of a model."""
    return [measuring.NAMES.index(name) for name in (measuring.NARROW if which == "narrow" else measuring.WIDE)]


def seen(rows: Rows, which: str) -> NDArray[np.float32]:
    """Inputs of a model: asinh of the statistics, what is the model's own, then log2 of the length."""
    found = inputs(rows.statistics[:, columns(which)], rows.lengths)
    own = {"narrow": rows.has_clear[:, None].astype(np.float32), "payload": rows.shares}
    return np.hstack([found[:, :-1], own[which], found[:, -1:]]) if which in own else found


def classes(rows: Rows, which: str) -> NDArray[np.int64]:
    """Number of the class of each row."""
    return (rows.truth[:, None] == np.array(CLASSES[which])).argmax(axis=1)


def used(rows: Rows, which: str) -> Rows:
    """The rows that a model is for: whole sides only concern flows."""
    is_for = (rows.families != "session") | (which == "narrow")
    return rows.where(is_for & np.isin(rows.truth, CLASSES[which]) & (rows.lengths >= SHORTEST[which]))


def left_out(rows: Rows, x: NDArray[np.float32], which: str, network: Network) -> NDArray[np.float64]:
    """Outputs for each row by a network that knows neither its source nor, for one encoder in `FOLDS`, its encoder.

    Encoders are left out too, because what is met later was written by encoders nobody trained on.
    """
    by_source = fold_of(rows.sources)
    by_encoder = fold_of(np.char.add(rows.formats, np.char.add("~", rows.encoders)))
    given, target = weights(rows), classes(rows, which)
    scores = np.zeros((len(rows), max(1, len(CLASSES[which]) - (len(CLASSES[which]) == 2))))
    for fold in range(FOLDS):
        test = by_source == fold
        is_encoder_out = rows.is_coded & (by_encoder == fold) & (rows.families == "plain")
        learn = ~test & ~is_encoder_out
        fitted = Network(network.hidden, max(4, network.epochs // 2), network.seed + fold)
        fitted.fit(x[learn], target[learn], given[learn])
        scores[test] = fitted.log_odds(x[test]).reshape(test.sum(), -1)
    return scores[:, 0] if scores.shape[1] == 1 else scores


def model(rows: Rows, which: str, epochs: int) -> dict[str, Any]:
    """Fit one network and its calibration."""
    rows = used(rows, which)
    x, given, target = seen(rows, which), weights(rows), classes(rows, which)
    network = Network(HIDDEN[which], epochs)
    by = calibration.fit(left_out(rows, x, which, network), target, rows.lengths, given * _is_stated(rows))
    network.fit(x, taught(x, target, given, epochs), given)
    written = {
        "statistics": [measuring.NAMES[place] for place in columns(which)],
        "payload_statistics": list(payload_statistics.STATISTICS) if which == "payload" else [],
        "transform": "asinh of each statistic; then, as they are, payload statistics, or of flows whether "
        "there is cleartext beside (1 or 0); then log2 of the length in bytes",
        "shortest": SHORTEST[which],
        "classes": list(CLASSES[which]),
        "activation": "relu",
        "layers": network.written(),
        "calibration": by,
    }
    print(f"{which}: {len(rows):,} rows", flush=True)
    return written


def taught(
    x: NDArray[np.float32], target: NDArray[np.int64], given: NDArray[np.float64], epochs: int
) -> NDArray[np.float64]:
    """What several networks state on average, which is smoother than the truth (Hinton et al., arXiv:1503.02531)."""
    outputs = [
        Network(TEACHERS_HIDDEN, epochs, SEED + number).fit(x, target, given).log_odds(x) for number in range(TEACHERS)
    ]
    return stated(np.mean(outputs, axis=0))


def _is_stated(rows: Rows) -> NDArray[np.bool_]:
    """Rows that probabilities are stated for: plain ciphertext, the 17 formats, sessions, and clear material."""
    is_known = np.isin(rows.formats, formats.BASE) | ~rows.is_coded
    return (np.isin(rows.families, ("plain", "session")) & is_known) | (rows.families == "clear")


def provenance(rows: Rows, share: float) -> dict[str, Any]:
    """What the models come from."""
    names, counts = np.unique(np.char.add(np.char.add(rows.families, " "), rows.formats), return_counts=True)
    encoders = np.unique(np.char.add(np.char.add(rows.formats, " "), rows.encoders)[rows.is_coded])
    return {
        "made_by": "make train-verdict (bench/verdict/train_coding.py)",
        "meaning": "equal odds of the classes; LZMA, which looks like ciphertext, left out",
        "seed": SEED,
        "share": share,
        "sources": sorted({*map(str, rows.sources[rows.families != "plain"]), *map(str, rows.sources[rows.is_coded])}),
        "rows": {str(name): int(count) for name, count in zip(names, counts, strict=True)},
        "encoders": list(map(str, encoders)),
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "downloads": sorted(path.name for path in fetch.folder("downloads").iterdir()),
    }


def accuracy(found: NDArray[np.bool_], rows: Rows) -> float:
    """Half the mean recall of the 17 formats, half the share of plain ciphertext that is let pass."""
    plain = rows.families == "plain"
    encrypted = plain & ~rows.is_coded
    chosen = [plain & (rows.formats == name) for name in formats.BASE]
    recall = [found[of_format].mean() for of_format in chosen if of_format.any()]
    return float(np.mean(recall) + 1 - found[encrypted].mean()) / 2


def compare(rows: Rows, epochs: int) -> None:
    """Print the accuracy at each anchor on two folds of sources that the methods did not learn from."""
    import lightgbm
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    rows = used(rows, "wide")
    test = fold_of(rows.sources) < 2
    given = weights(rows)[~test]
    learn, held = rows.where(~test), rows.where(test)
    for which in ("narrow", "wide"):
        x, z = seen(learn, which), seen(held, which)
        tried = {"network": Network(HIDDEN[which], epochs).fit(x, learn.is_coded, given).log_odds(z) > 0}
        trees = lightgbm.LGBMClassifier(
            n_estimators=500, learning_rate=0.06, num_leaves=63, min_child_samples=60, colsample_bytree=0.4,
            subsample=0.8, subsample_freq=1, reg_lambda=5, n_jobs=2, random_state=0, verbose=-1,
        ).fit(x, learn.is_coded, sample_weight=given)  # fmt: skip
        tried["lightgbm"] = trees.predict(z).astype(bool)
        scaler = StandardScaler().fit(np.hstack([x, np.abs(x)]))
        line = LogisticRegression(C=0.1, max_iter=300)
        line.fit(scaler.transform(np.hstack([x, np.abs(x)])), learn.is_coded, given)
        tried["logistic"] = line.predict(scaler.transform(np.hstack([z, np.abs(z)]))).astype(bool)
        for name, found in tried.items():
            shown = [accuracy(found[held.lengths == n], held.where(held.lengths == n)) for n in samples.ANCHORS]
            told = "  ".join(f"{n}: {value:.2%}" for n, value in zip(samples.ANCHORS, shown, strict=True))
            print(f"{which:7} {name:9} {told}", flush=True)


def main(words: Sequence[str]) -> int:
    """Read the command line; train and write, or compare."""
    parser = argparse.ArgumentParser(description="Train the models that tell compressed from encrypted bytes.")
    parser.add_argument("--compare", action="store_true", help="compare methods on left-out sources; writes nothing")
    parser.add_argument("--only", choices=list(CLASSES), help="train this model, and keep the others")
    parser.add_argument("--share", type=float, default=1.0, help="share of the full number of fragments (default 1)")
    parser.add_argument("--epochs", type=int, default=40, help="passes over the rows (default %(default)s)")
    chosen = parser.parse_args(words)
    rows = training_rows(chosen.share)
    if chosen.compare:
        compare(rows, chosen.epochs)
        return 0
    stored = {"format": FORMAT, "version": 3, "provenance": provenance(rows, chosen.share)}
    kept = json.loads(OUT.read_text(encoding="utf-8"))["models"] if chosen.only else {}
    wanted = [chosen.only] if chosen.only else list(CLASSES)
    stored["models"] = kept | {which: model(rows, which, chosen.epochs) for which in wanted}
    OUT.write_text(json.dumps(stored, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{OUT}: {OUT.stat().st_size:,} bytes, {len(rows):,} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
