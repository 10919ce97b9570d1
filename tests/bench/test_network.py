"""The network of compressed and encrypted bytes: it learns, and what is written down gives the same answers."""

from __future__ import annotations

import numpy as np

from bench.verdict.network import Network, forward, inputs


def _rings(count, seed):
    """Points in and around a circle: no straight line parts them."""
    draw = np.random.default_rng(seed)
    x = draw.standard_normal((count, 3)).astype(np.float32)
    return x, (x[:, 0] ** 2 + x[:, 1] ** 2) > 1.4


def test_network_learns_what_no_line_parts():
    x, target = _rings(6000, 1)
    fitted = Network(hidden=(16, 8), epochs=200).fit(x, target, np.ones(len(x)))
    z, truth = _rings(2000, 2)
    assert ((fitted.log_odds(z) > 0) == truth).mean() > 0.95


def test_written_layers_give_the_same_log_odds():
    x, target = _rings(3000, 1)
    fitted = Network(hidden=(8,), epochs=3).fit(x * 50 + 7, target, np.ones(len(x)))
    layers = [np.array(layer[part], np.float32) for layer in fitted.written() for part in ("weights", "bias")]
    again = forward(layers, x * 50 + 7)[-1][:, 0]
    np.testing.assert_allclose(again, fitted.log_odds(x * 50 + 7), atol=2e-3)


def test_equal_seeds_give_equal_networks():
    x, target = _rings(2048, 1)
    one, two = (Network(hidden=(8,), epochs=2, seed=3).fit(x, target, np.ones(len(x))) for _ in range(2))
    assert one.written() == two.written()


def test_rows_without_weight_are_not_learnt():
    x, target = _rings(4000, 1)
    wrong = np.concatenate([target, ~target])
    weights = np.concatenate([np.ones(len(x)), np.zeros(len(x))])
    fitted = Network(hidden=(16, 8), epochs=200).fit(np.concatenate([x, x]), wrong, weights)
    assert ((fitted.log_odds(x) > 0) == target).mean() > 0.95


def test_last_input_is_the_logarithm_of_the_length():
    x = inputs(np.zeros((2, 3), np.float32), np.array([128, 65_536]))
    assert x[:, -1].tolist() == [7.0, 16.0]
