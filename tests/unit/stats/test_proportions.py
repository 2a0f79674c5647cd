"""Comparisons of proportions stay probabilities, grow with the evidence, and agree with exact tests."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from monitor.stats.proportions import excess_p, excess_ps, two_sided_p, two_sided_ps

SIZES = st.integers(1, 10_000_000)


@given(n_a=SIZES, n_b=SIZES, data=st.data())
def test_p_values_are_probabilities_for_any_counts(n_a: int, n_b: int, data: st.DataObject) -> None:
    hits_a, hits_b = data.draw(st.integers(0, n_a)), data.draw(st.integers(0, n_b))

    found = two_sided_p(hits_a, n_a, hits_b, n_b), excess_p(hits_a, n_a, hits_b, n_b)

    assert all(0.0 <= p <= 1.0 for p in found)


def test_more_hits_are_never_less_surprising() -> None:
    found = [excess_p(20, 10_000, hits, 1_000) for hits in range(200)]

    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize(("hits_a", "hits_b"), [(0, 1), (0, 4), (3, 2), (10, 3)])
def test_few_hits_have_nearly_the_p_value_of_fisher(hits_a: int, hits_b: int) -> None:
    n_a, n_b = 50_000, 1_000
    exact = stats.fisher_exact([[hits_b, n_b - hits_b], [hits_a, n_a - hits_a]], alternative="greater").pvalue

    assert excess_p(hits_a, n_a, hits_b, n_b) == pytest.approx(exact, rel=0.01)


def test_few_misses_are_as_good_as_few_hits() -> None:
    assert two_sided_p(0, 5_000, 3, 400) == two_sided_p(5_000, 5_000, 397, 400)
    assert excess_p(4_990, 5_000, 400, 400) == pytest.approx((5_000 / 5_400) ** 10)


def test_many_hits_have_the_p_value_of_the_two_by_two_table() -> None:
    exact = stats.chi2_contingency([[300, 700], [80, 120]], correction=False).pvalue

    assert two_sided_p(300, 1_000, 80, 200) == pytest.approx(exact)
    assert excess_p(300, 1_000, 80, 200) == pytest.approx(exact / 2)


def test_many_pairs_of_samples_have_the_p_values_that_each_has_alone() -> None:
    draw = np.random.default_rng(3)
    n_a, n_b = (10 ** draw.uniform(0, 6, size=(2, 400))).astype(np.int64)
    hits_a, hits_b = draw.binomial(n_a, draw.choice([0.0, 0.001, 0.3, 0.999, 1.0], 400)), draw.binomial(n_b, 0.3)

    for of_one, of_many in ((two_sided_p, two_sided_ps), (excess_p, excess_ps)):
        alone = [of_one(*samples) for samples in zip(*(x.tolist() for x in (hits_a, n_a, hits_b, n_b)), strict=True)]
        assert of_many(hits_a, n_a, hits_b, n_b).tolist() == alone


def test_billions_of_records_overflow_nothing() -> None:
    assert excess_p(1, 2_000_000_000, 5_000_000_000, 5_000_000_000) == 0.0
    assert two_sided_p(10**9, 4 * 10**9, 10**9, 4 * 10**9) == 1.0


@pytest.mark.parametrize(
    ("n_a", "n_b", "rate"), [(20_000, 5_000, 0.002), (1_000_000, 5_000, 0.01), (50_000, 50_000, 0.01)]
)
def test_a_rare_proportion_seems_larger_no_more_often_than_its_p_value_says(n_a: int, n_b: int, rate: float) -> None:
    """At 10, 50 and 500 hits; the z-test was below 0.05 in up to 7 of 100 pairs, below 0.001 in up to 2.5 of 1,000."""
    draw = np.random.default_rng(8)
    pairs = 100_000
    hits = draw.binomial(n_a, rate, pairs), draw.binomial(n_b, rate, pairs)

    p_values = excess_ps(hits[0], np.full(pairs, n_a), hits[1], np.full(pairs, n_b))

    for level in (0.05, 0.001):
        assert 0.4 * level <= np.mean(p_values <= level) <= level + 3 * np.sqrt(level / pairs)
