"""Training of the models of compressed and encrypted bytes: weights, calibration, and what the shipped models say."""

from __future__ import annotations

import random
import zlib

import numpy as np
import pytest

from bench.accuracy import shipped
from bench.verdict import measuring, train_coding
from bench.verdict.samples import Rows


def _rows(families, formats, is_coded):
    n = len(formats)
    return Rows(
        np.zeros((n, 1), np.float32), np.full(n, 512), np.array(is_coded), np.array(families), np.array(formats),
        np.array(formats), np.array(formats),
    )  # fmt: skip


def test_both_kinds_weigh_the_same_and_formats_in_a_family_alike():
    formats = ["gzip"] * 8 + ["jpeg"] * 2 + ["encrypted"] * 30
    rows = _rows(["plain"] * 40, formats, [True] * 10 + [False] * 30)
    given = train_coding.weights(rows)
    assert given[rows.is_coded].sum() == pytest.approx(given[~rows.is_coded].sum())
    assert given[:8].sum() == pytest.approx(given[8:10].sum())
    assert given.mean() == pytest.approx(1)


def test_formats_that_do_not_count_weigh_half():
    rows = _rows(["plain"] * 3, ["gzip", "zstd19", "encrypted"], [True, True, False])
    given = train_coding.weights(rows)
    assert given[1] == pytest.approx(given[0] / 2)


def test_a_source_is_in_the_same_fold_in_every_run():
    names = np.array(["scipy", "numpy", "scipy", "emacs-common"])
    folds = train_coding.fold_of(names)
    assert folds[0] == folds[2]
    assert folds.tolist() == train_coding.fold_of(names).tolist()


def test_log_odds_that_are_twice_too_sure_are_halved():
    draw = np.random.default_rng(1)
    odds = draw.normal(0, 2, 60_000)
    is_coded = draw.random(len(odds)) < 1 / (1 + np.exp(-odds))
    lengths = np.full(len(odds), 2048)
    rows = _rows(["plain"] * len(odds), ["gzip"] * len(odds), is_coded)
    rows = Rows(rows.statistics, lengths, *(getattr(rows, name) for name in ("is_coded", "families", "formats")),
                rows.encoders, rows.sources)  # fmt: skip
    by = train_coding.calibration(rows, 2 * odds, np.ones(len(odds)))
    assert np.interp(11, by["log2_length"], by["scale"]) == pytest.approx(0.5, abs=0.03)
    found = train_coding.calibrated(2 * odds, lengths, by)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-odds)), atol=0.03)


def _deflated(length, seed):
    draw = random.Random(seed)
    words = [bytes(draw.choices(b"etaoinshrdlu", k=draw.randrange(2, 9))) for _ in range(3000)]
    text = b" ".join(draw.choices(words, k=60_000))
    return zlib.compress(text)[2000 : 2000 + length]


@pytest.mark.parametrize("which", shipped.SETS)
def test_shipped_models_tell_deflate_from_random_bytes(which):
    payloads = [random.Random(seed).randbytes(4096) for seed in range(50)]
    payloads += [_deflated(4096, seed) for seed in range(10)]
    truth = np.arange(60) >= 50
    rows = _rows(["plain"] * 60, ["any"] * 60, truth)
    measured = Rows(measuring.table(payloads), np.full(60, 4096), *(getattr(rows, name) for name in (
        "is_coded", "families", "formats", "encoders", "sources")))  # fmt: skip
    chance = shipped.probability(measured, which)
    assert (chance[truth] > 0.9).all()
    assert (chance[~truth] < 0.5).mean() > 0.9
