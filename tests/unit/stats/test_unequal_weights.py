"""Records that stand for unequal numbers of served ones: all errors are logged, and one in ten of the rest."""

import numpy as np
import pytest

from monitor.stats.drift import DRIFT_TESTS
from monitor.stats.profiles.layouts import Profile
from monitor.testing.drift_tests import alarms, profile

PAIRS = 250
AT_MOST_AT_5_PERCENT = 23
"""Binomial(250, 0.05) exceeds 23 with probability 0.3 %."""

OF_NUMBERS, OF_CATEGORIES = ("psi", "ks", "welch_t"), ("jensen_shannon", "chi_squared")

Rows = tuple[list[float], list[str]]
"""Scores and outcomes."""


def served(rng: np.random.Generator, n: int) -> Rows:
    """Scores, and outcomes of which a tenth are errors; the scores of errors are higher."""
    is_error = rng.random(n) < 0.1
    return (rng.normal(size=n) + 1.5 * is_error).tolist(), np.where(is_error, "error", "ok").tolist()


def logged(rng: np.random.Generator, n: int) -> Rows:
    """What is logged of so many: errors have the weight 1, all others 10."""
    scores, outcomes = served(rng, n)
    kept = [k for k, outcome in enumerate(outcomes) if outcome == "error" or rng.random() < 0.1]
    return [scores[k] for k in kept], [outcomes[k] for k in kept]


def pairs(
    before: tuple[list[float], list[str]], now: tuple[list[float], list[str]]
) -> dict[str, tuple[Profile, Profile]]:
    """Baseline and window, for each test."""
    scores, outcomes = profile(before[0]), profile(before[1])
    of_scores, of_outcomes = (scores, profile(now[0], scores)), (outcomes, profile(now[1], outcomes))
    return dict.fromkeys(OF_NUMBERS, of_scores) | dict.fromkeys(OF_CATEGORIES, of_outcomes)


def test_p_values_keep_their_level_where_the_training_rows_were_logged_the_same_way() -> None:
    rng, small = np.random.default_rng(7), dict.fromkeys([*OF_NUMBERS, *OF_CATEGORIES], 0)

    for _ in range(PAIRS):
        for name, (baseline, window) in pairs(logged(rng, 10_000), logged(rng, 2_000)).items():
            p_value = DRIFT_TESTS[name].run(baseline, window).p_value
            small[name] += p_value is not None and p_value <= 0.05

    assert max(small.values()) <= AT_MOST_AT_5_PERCENT, small


@pytest.mark.parametrize("name", ["psi", "ks", "jensen_shannon", "chi_squared"])
def test_training_rows_of_all_traffic_make_the_way_of_logging_a_difference(name: str) -> None:
    rng = np.random.default_rng(8)

    seen = DRIFT_TESTS[name].run(*pairs(served(rng, 20_000), logged(rng, 4_000))[name])

    assert alarms(DRIFT_TESTS[name].default_threshold, seen)


def test_within_one_way_of_logging_weights_are_equal_and_cancel() -> None:
    rng = np.random.default_rng(9)
    (before, outcomes), (now, outcomes_now) = served(rng, 20_000), logged(rng, 20_000)

    for one in ("error", "ok"):
        of_all = profile([score for score, outcome in zip(before, outcomes, strict=True) if outcome == one])
        of_logged = [score for score, outcome in zip(now, outcomes_now, strict=True) if outcome == one]
        seen = DRIFT_TESTS["ks"].run(of_all, profile(of_logged, of_all))
        assert (seen.p_value or 0.0) > 0.05, one
