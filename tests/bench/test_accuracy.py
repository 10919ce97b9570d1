"""Scores of verdicts against hand-made cases, and other methods on payloads whose answer is known."""

from __future__ import annotations

import random

import numpy as np
import pytest

from bench.accuracy import rules, scores
from bench.verdict.samples import Rows


def _rows(formats, sources=None):
    names = np.array(formats)
    n = len(names)
    return Rows(
        np.zeros((n, 1), np.float32), np.zeros((n, 1), np.float32), np.full(n, 512),
        names != "encrypted", np.zeros(n, bool), np.full(n, "plain"), names, names,
        np.array(sources if sources is not None else formats),
    )  # fmt: skip


def test_formats_count_alike_whatever_their_number():
    rows = _rows(["gzip"] * 9 + ["zstd"] + ["encrypted"] * 2)
    is_right = np.array([True] * 9 + [False] + [True, True])
    assert scores.balanced(is_right, rows) == pytest.approx((0.5 + 1) / 2)


def test_formats_that_are_reported_apart_do_not_count():
    rows = _rows(["gzip", "xz", "encrypted"])
    assert scores.balanced(np.array([True, False, True]), rows) == 1


def test_interval_is_wide_where_one_source_decides():
    rows = _rows(["gzip"] * 40 + ["encrypted"] * 40, ["a"] * 20 + ["b"] * 20 + ["c"] * 40)
    is_right = np.array([True] * 20 + [False] * 20 + [True] * 40)
    found = scores.balanced_share(is_right, rows)
    assert (found.low, found.value, found.high) == (0.5, 0.75, 1.0)


def test_probabilities_that_come_true_have_no_calibration_error():
    probability = np.repeat([0.8, 0.3], 10)
    is_coded = np.array([True] * 8 + [False] * 2 + [True] * 3 + [False] * 7)
    bins = scores.reliability(probability, is_coded, np.ones(20))
    assert scores.calibration_error(bins) == pytest.approx(0)


def test_certainty_that_is_wrong_half_the_time_is_half_off():
    bins = scores.reliability(np.full(10, 1.0), np.array([True, False] * 5), np.ones(10))
    assert scores.calibration_error(bins) == pytest.approx(0.5)


def test_area_is_one_where_scores_part_the_kinds():
    assert (
        scores.area(*scores.roc(np.array([4.0, 3.0, 2.0, 1.0]), np.array([True, True, False, False]), np.ones(4))) == 1
    )


def test_recall_is_taken_where_one_percent_of_ciphertext_is_called():
    rows = _rows(["encrypted"] * 100 + ["xz"] * 2)
    score = np.concatenate([np.arange(100.0), [50.0, 200.0]])
    assert scores.recall_at(score, rows, 0.01, "xz") == 0.5


def test_one_percent_of_random_bytes_fail_the_chi_square():
    draw = random.Random(2)
    found = rules.chi_square_one_percent([draw.randbytes(4096) for _ in range(2000)])
    assert 0.98 < found.mean() < 0.998


def test_text_is_below_every_threshold():
    text = b"It is a truth universally acknowledged, that a single man in possession of a good fortune " * 20
    assert not any(rule([text])[0] for rule in rules.RULES.values())
