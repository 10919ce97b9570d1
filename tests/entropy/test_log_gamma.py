"""ln Gamma and digamma, against scipy."""

import numpy as np
import pytest
from scipy import special

from wiretropy.entropy.log_gamma import digamma, log_gamma

NUMBERS = np.concatenate([np.linspace(1e-3, 40, 4_001), 2.0 ** np.arange(6, 50)])


def test_log_gamma_equals_scipys() -> None:
    assert log_gamma(NUMBERS) == pytest.approx(special.gammaln(NUMBERS), rel=1e-13, abs=1e-13)


def test_digamma_equals_scipys() -> None:
    assert digamma(NUMBERS) == pytest.approx(special.digamma(NUMBERS), rel=1e-12, abs=1e-13)


def test_shapes_are_kept() -> None:
    assert log_gamma(np.ones((2, 3))).shape == digamma(np.ones((2, 3))).shape == (2, 3)
    assert log_gamma([]).shape == (0,)
