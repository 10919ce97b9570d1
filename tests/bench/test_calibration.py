"""Probabilities after calibration come true, for two classes and for more, at every length."""

from __future__ import annotations

import numpy as np
import pytest

from bench.verdict import calibration


def _softmax(logits):
    raised = np.exp(logits)
    return raised / raised.sum(axis=1, keepdims=True)


def test_log_odds_that_are_twice_too_sure_are_halved():
    draw = np.random.default_rng(1)
    odds = draw.normal(0, 2, 60_000)
    truth = (draw.random(len(odds)) < 1 / (1 + np.exp(-odds))).astype(int)
    lengths = np.full(len(odds), 2048)
    by = calibration.fit(2 * odds, truth, lengths, np.ones(len(odds)))
    assert np.interp(11, by["log2_length"], by["scale"]) == pytest.approx(0.5, abs=0.03)
    np.testing.assert_allclose(calibration.probability(2 * odds, lengths, by), 1 / (1 + np.exp(-odds)), atol=0.03)


def test_scale_follows_the_length():
    draw = np.random.default_rng(2)
    odds = draw.normal(0, 2, 80_000)
    truth = (draw.random(len(odds)) < 1 / (1 + np.exp(-odds))).astype(int)
    lengths = np.where(np.arange(len(odds)) % 2, 256, 16_384)
    by = calibration.fit(np.where(lengths == 256, 3 * odds, odds), truth, lengths, np.ones(len(odds)))
    short, long = np.interp([8, 14], by["log2_length"], by["scale"])
    assert (short, long) == (pytest.approx(1 / 3, abs=0.05), pytest.approx(1, abs=0.1))


def test_more_classes_are_calibrated_together():
    draw = np.random.default_rng(3)
    logits = draw.normal(0, 1.5, (60_000, 4))
    true = _softmax(logits)
    truth = (draw.random((len(true), 1)) > true.cumsum(axis=1)).sum(axis=1).clip(0, 3)
    lengths = np.full(len(true), 1024)
    shown = 2 * logits + [0, 1, 0, -1]
    by = calibration.fit(shown, truth, lengths, np.ones(len(true)))
    found = calibration.probability(shown, lengths, by)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert np.abs(found - true).max() < 0.06


def test_rows_without_weight_do_not_count():
    draw = np.random.default_rng(4)
    odds = draw.normal(0, 2, 20_000)
    truth = (draw.random(len(odds)) < 1 / (1 + np.exp(-odds))).astype(int)
    lengths = np.full(len(odds), 512)
    one = calibration.fit(odds, truth, lengths, np.ones(len(odds)))
    two = calibration.fit(
        np.tile(odds, 2), np.r_[truth, 1 - truth], np.tile(lengths, 2), np.repeat([1.0, 0.0], len(odds))
    )
    np.testing.assert_allclose(one["scale"], two["scale"], atol=0.01)
