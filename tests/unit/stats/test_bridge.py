"""Null laws of quadratic distances: those of the tables and of scipy, far into the tail."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from monitor.stats.bridge import bridge_p, weighted_chi_squared_p


@given(x=st.floats(1e-6, 1_400), degrees=st.integers(1, 40))
def test_equal_weights_give_the_chi_squared_law(x: float, degrees: int) -> None:
    found = weighted_chi_squared_p(x, np.ones(degrees))

    assert found == pytest.approx(stats.chi2.sf(x, degrees), rel=1e-7)


@given(scale=st.floats(1e-12, 1e12))
def test_the_scale_of_the_weights_does_not_matter(scale: float) -> None:
    weights = np.array([0.5, 0.3, 0.2])

    found = weighted_chi_squared_p(2.0 * scale, weights * scale)

    assert found == pytest.approx(weighted_chi_squared_p(2.0, weights), rel=1e-9)


@pytest.mark.parametrize("x", [0.0, 1e-300, 1e5, 1e300])
def test_what_is_beyond_floats_is_zero_or_one(x: float) -> None:
    assert weighted_chi_squared_p(x, np.array([1.0, 0.5])) == (0.0 if x > 1 else 1.0)


@pytest.mark.parametrize(("critical", "p_value"), [(0.34730, 0.10), (0.46136, 0.05), (0.74346, 0.01), (1.16786, 0.001)])
def test_uniform_weights_give_the_table_of_cramer_and_von_mises(critical: float, p_value: float) -> None:
    levels = (np.arange(470) + 0.5) / 470

    found = bridge_p(critical, levels, np.full(470, 1 / 470))

    assert found == pytest.approx(p_value, rel=0.02)


@pytest.mark.parametrize(("critical", "p_value"), [(1.933, 0.10), (2.492, 0.05), (3.878, 0.01)])
def test_weights_on_the_tails_give_the_table_of_anderson_and_darling(critical: float, p_value: float) -> None:
    levels = (np.arange(470) + 0.5) / 470

    found = bridge_p(critical, levels, 1 / 470 / (levels * (1 - levels)))

    assert found == pytest.approx(p_value, rel=0.02)


def test_a_single_level_gives_the_chi_squared_law_of_a_binary_column() -> None:
    found = bridge_p(0.9, np.array([0.3]), np.array([2.0]))

    assert found == pytest.approx(stats.chi2.sf(0.9 / (2.0 * 0.3 * 0.7), 1), rel=1e-9)


def test_simulated_bridges_exceed_the_statistic_as_often_as_the_law_says() -> None:
    rng, levels, weights = np.random.default_rng(3), np.array([0.1, 0.35, 0.8]), np.array([1.0, 4.0, 0.5])
    covariance = np.minimum.outer(levels, levels) - np.outer(levels, levels)
    drawn = rng.multivariate_normal(np.zeros(3), covariance, 100_000) ** 2 @ weights

    found = bridge_p(2.0, levels, weights)

    share = float(np.mean(drawn >= 2.0))
    assert abs(share - found) < 4 * math.sqrt(found / 100_000)
