"""Training of the models of compressed and encrypted bytes: weights, calibration, and what the shipped models say."""

from __future__ import annotations

import random
import zlib

import numpy as np
import pytest

from bench.accuracy import shipped
from bench.verdict import measuring, train_coding
from bench.verdict.samples import Rows
from wiretropy.verdict.payload_statistics import payload_statistics


def _rows(families, formats, is_coded, payloads=None):
    n = len(formats)
    payloads = payloads or [bytes(512)] * n
    return Rows(
        measuring.table(payloads), payload_statistics(payloads), np.array([len(one) for one in payloads]),
        np.array(is_coded), np.zeros(n, bool), np.array(families), *[np.array(formats)] * 3,
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


def test_clear_material_is_a_class_of_its_own():
    rows = _rows(
        ["plain", "plain", "clear", "clear"], ["gzip", "encrypted", "text", "binary"], [True, False, False, False]
    )
    assert rows.truth.tolist() == ["compressed", "encrypted", "text", "binary"]
    assert train_coding.classes(rows, "payload").tolist() == [1, 0, 2, 3]
    assert len(train_coding.used(rows, "wide")) == 2


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
    chance = shipped.probability(_rows(["plain"] * 60, ["any"] * 60, truth, payloads), which)
    assert (chance[truth] > 0.9).all()
    assert (chance[~truth] < 0.5).mean() > 0.9


def test_shipped_model_of_payloads_knows_text():
    text = train_coding.OUT.with_name("flows.py").read_bytes()[:4000]
    found = shipped.probabilities(_rows(["clear"], ["text"], [False], [text]), "payload")
    assert found[0].argmax() == train_coding.CLASSES["payload"].index("text")
