"""Unseen categories where the baseline has more of them than are kept: what to expect, and how surely."""

import numpy as np
import pytest

from monitor.stats.drift.unseen_category import UnseenCategory
from monitor.stats.profiles.categorical import CategoricalProfile
from monitor.testing.drift_tests import profile

TRIALS = 100
NEAR_EQUAL = {
    "the cut goes through names": (1_500, 45_000),
    "the cut leaves rare ones out": (2_000, 16_000),
    "a tenth is left out": (1_100, 33_000),
}
"""(categories, training rows): about 30, 8 and 30 rows a category, which differ by chance alone."""


def drawn(rng: np.random.Generator, categories: int, rows: int) -> list[str]:
    names = np.array([f"value {k}" for k in range(categories)], dtype=object)
    values: list[str] = np.repeat(names, rng.multinomial(rows, np.full(categories, 1 / categories))).tolist()
    return values


def p_value(rng: np.random.Generator, categories: int, rows: int, new: int = 0) -> float:
    """Of a window of 20,000 values without drift, but for so many that are new."""
    baseline = profile(drawn(rng, categories, rows))
    window = drawn(rng, categories, 20_000 - new) + ["new"] * new
    found = UnseenCategory().run(baseline, profile(window, baseline)).p_value
    assert found is not None
    return found


@pytest.mark.parametrize("name", NEAR_EQUAL)
def test_more_near_equal_categories_than_are_kept_alarm_at_the_nominal_rate(name: str) -> None:
    """Of 100 windows 5.0 are expected at the level 0.05, give or take 2.2; the band ends three of these above."""
    rng = np.random.default_rng(31)

    found = np.array([p_value(rng, *NEAR_EQUAL[name]) for _ in range(TRIALS)])

    assert 1 <= np.count_nonzero(found <= 0.05) <= 11
    assert np.count_nonzero(found <= 0.001) <= 1


@pytest.mark.parametrize("name", NEAR_EQUAL)
def test_new_values_are_still_seen_among_many_that_are_not_kept(name: str) -> None:
    rng = np.random.default_rng(32)

    found = [p_value(rng, *NEAR_EQUAL[name], new=4_000) for _ in range(10)]

    assert max(found) <= 0.001


def test_the_expected_share_is_that_of_the_categories_that_are_not_kept() -> None:
    """Without bias: 100 baselines of 1,500 equal categories keep 1,000 each, so a third is to be expected."""
    rng = np.random.default_rng(33)
    shares = []
    for _ in range(TRIALS):
        baseline = profile(drawn(rng, 1_500, 45_000))
        result = UnseenCategory().run(baseline, profile(["value 1"], baseline))
        shares.append(float(str(result.detail["expected_share"])))

    error = np.std(shares) / np.sqrt(TRIALS)
    assert abs(np.mean(shares) - 1 / 3) < 3 * error < 0.005


def test_values_that_are_not_kept_for_being_unstorable_leave_the_others_as_they_are() -> None:
    baseline = profile(["de"] * 900 + ["fr"] * 90 + ["long" * 99] * 10)

    result = UnseenCategory().run(baseline, profile(["de"] * 99 + ["new"], baseline))

    assert result.detail["expected_share"] == 0.01


def test_a_segment_expects_what_it_has_outside_the_kept_categories_and_what_it_saw_once() -> None:
    rng = np.random.default_rng(34)
    whole = profile(drawn(rng, 1_500, 45_000))
    segment = profile(drawn(rng, 1_500, 4_500), whole)
    assert isinstance(segment, CategoricalProfile)

    result = UnseenCategory().run(segment, profile(["value 1"], whole))

    once = int(np.count_nonzero(segment.counts == 1))
    assert result.detail["expected_share"] == (segment.unseen + once) / 4_500
