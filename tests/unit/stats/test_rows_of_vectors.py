"""Tests of raw rows on the columns that are made of one vector: quiet where nothing moved, and blind to the others."""

from dataclasses import replace

import numpy as np
import pytest

from monitor.domain.derived import VectorColumn
from monitor.stats.columns import Column, NumericColumn
from monitor.stats.derived.derive import derive
from monitor.stats.row_test import JointRows, RawRows, RowTest
from monitor.stats.row_tests import ROW_TESTS
from monitor.testing.drift_tests import alarms

SPEC = VectorColumn("embedding", 48)
MIXED = np.random.default_rng(0).normal(size=(48, 48)) / 48**0.5 + np.eye(48)
"""What the dimensions of a vector have in common."""

OF_VECTORS = ["domain_classifier", "frechet_distance"]
COMPARISONS, AT_MOST_AT_20_PERCENT = 40, 15
"""Binomial(40, 0.2) exceeds 15 with probability 0.3 %."""


def rows(
    seed: int,
    n: int,
    *,
    shift: float = 0.0,
    spread: float = 1.0,
    mixed: bool = True,
    beside: float = 0.0,
    window_of: int = 0,
) -> RawRows:
    """Vectors, and a number `beside` them; with `window_of` rows a window, whose vectors have an offset in common."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, 48)) @ (MIXED if mixed else np.eye(48)) * spread + shift
    number = np.arange(n) // (window_of or n)
    vectors += 0.3 * bool(window_of) * rng.normal(size=(int(number[-1]) + 1, 48))[number]
    columns: dict[str, Column] = {**derive(SPEC, list(vectors)), "amount": NumericColumn(rng.normal(beside, 1.0, n))}
    return RawRows(columns, number if window_of else None)


def quick(name: str) -> RowTest:
    """With fewer permutations, which changes nothing else."""
    test: RowTest = replace(ROW_TESTS[name], permutations=59)  # type: ignore[type-var]  # a dataclass
    return test


@pytest.mark.parametrize("name", OF_VECTORS)
@pytest.mark.parametrize("by_windows", [False, True])
def test_a_fifth_of_quiet_windows_has_a_p_value_below_one_fifth(name: str, *, by_windows: bool) -> None:
    n, each = (50 * 40, 40) if by_windows else (300, 0)
    compared = [
        JointRows(rows(2 * seed, n, window_of=each), rows(2 * seed + 1, 150, window_of=150 * by_windows), seed)
        for seed in range(COMPARISONS)
    ]

    p_values = [quick(name).run_rows(one.of("embedding")).p_value or 0.0 for one in compared]

    assert sum(p <= 0.2 for p in p_values) <= AT_MOST_AT_20_PERCENT, sorted(p_values)
    assert sum(p > 0.5 for p in p_values) >= COMPARISONS / 3, sorted(p_values)


@pytest.mark.parametrize("name", OF_VECTORS)
@pytest.mark.parametrize("seed", range(3))
def test_means_spreads_and_covariances_that_moved_are_seen_by_the_default_limit(name: str, seed: int) -> None:
    before, test = rows(seed, 2_000), ROW_TESTS[name]
    moved = [
        rows(seed + 100, 1_000, shift=0.3),
        rows(seed + 100, 1_000, spread=1.3),
        rows(seed + 100, 1_000, mixed=False),
    ]

    found = [test.run_rows(JointRows(before, now, seed).of("embedding")) for now in moved]

    assert all(alarms(test.default_threshold, one) for one in found), found


@pytest.mark.parametrize("name", OF_VECTORS)
def test_what_moves_beside_the_vector_is_not_its_drift(name: str) -> None:
    both = JointRows(rows(1, 1_000), rows(2, 500, beside=3.0), 3)

    whole, alone = (quick(name).run_rows(one) for one in (both, both.of("embedding")))

    assert alarms(ROW_TESTS[name].default_threshold, whole)
    assert not alarms(ROW_TESTS[name].default_threshold, alone)
