"""Categories watched record by record: run lengths, delays, and what is said of a change."""

from functools import cache

import numpy as np
import pytest

from monitor.domain.sequential import DETECTORS, FalseAlarmRate, SequentialSpec
from monitor.stats.columns import CategoricalColumn, Floats, Ints
from monitor.stats.profiles.categorical import CategoricalLayout, CategoricalProfile
from monitor.stats.sequential import CannotWatch, make_detector
from monitor.stats.sequential.bets import bets_on
from monitor.stats.sequential.categories import Categories
from monitor.stats.sequential.detector import Alarm
from monitor.stats.texts import MISSING, CodedTexts
from tests.unit.stats.test_sequential_detectors import raised

ARL = 5_000
PLANS = np.array([0.5, 0.3, 0.15, 0.05])
MANY = 1 / np.arange(1, 31) / np.sum(1 / np.arange(1, 31))


def texts(codes: Ints) -> CodedTexts:
    return CodedTexts(codes.astype(np.int32), [f"v{code}" for code in range(int(codes.max()) + 1)])


def drawn(shares: Floats, n: int, seed: int) -> Ints:
    return np.random.default_rng(seed).choice(len(shares), size=n, p=shares)


@cache
def law_of(kind: str, n: int = 100_000) -> Categories:
    values = texts(drawn({"plans": PLANS, "many": MANY}[kind], n, 1))
    layout = CategoricalLayout.of(values)
    profile = CategoricalProfile.empty(layout)
    profile.update(CategoricalColumn(values))
    found = Categories.of(layout, profile)
    assert found is not None
    return found


def alarms(law: Categories, values: CodedTexts, portion: int = 4_096) -> list[tuple[int, Alarm]]:
    """(position among the values that there are, alarm)."""
    of = make_detector(SequentialSpec("conformal", "plan", FalseAlarmRate(1, ARL)), law, ARL)
    return raised(of, law.code(values)[0], portion)


# What is proven is a bound. A small baseline makes it loose: three standard errors of each share are no gain.
@pytest.mark.parametrize(("kind", "n", "most"), [("plans", 100_000, 5), ("many", 100_000, 6), ("plans", 2_000, 61)])
def test_false_alarms_are_as_seldom_as_stated(kind: str, n: int, most: float) -> None:
    values = texts(drawn({"plans": PLANS, "many": MANY}[kind], 60 * ARL, 5))

    found = alarms(law_of(kind, n), values)

    assert 1 <= 60 / max(1, len(found)) <= most


@pytest.mark.parametrize("kind", ["plans", "many"])
def test_no_bet_gains_under_the_baseline_or_next_to_it(kind: str) -> None:
    law = law_of(kind)
    factors = bets_on(law).factors  # the last on what is unknown: of no record among 100,000 little is known
    near = law.masses * (1 + 2 / np.sqrt(law.counts + 4.0))

    assert (factors @ law.masses <= 1).all()
    assert (factors @ (near / near.sum()) < 1.01).all()
    assert (factors[:-1] @ law.masses > 0.95).all()


def test_a_plan_that_half_as_many_take_is_found_within_a_hundred_records_and_named() -> None:
    fewer = np.array([0.65, 0.15, 0.15, 0.05])
    took, said = [], []
    for seed in range(12):
        values = texts(np.concatenate((drawn(PLANS, 2_000, seed), drawn(fewer, 2_000, 100 + seed))))
        at, alarm = next(one for one in alarms(law_of("plans"), values) if one[0] >= 2_000)
        took.append(at - 2_000)
        said.append(alarm.what)
        assert abs(alarm.since_ms - 2_000) < 300

    assert np.median(took) <= 110
    assert sum(what in {"less of 'v1'", "more of 'v0'"} for what in said) >= 10


def test_one_value_in_twenty_that_the_baseline_does_not_know_is_found_after_two_of_them() -> None:
    codes = drawn(PLANS, 3_000, 3)
    codes[2_000::20] = 7

    at, alarm = next(one for one in alarms(law_of("plans"), texts(codes)) if one[0] >= 2_000)

    assert at <= 2_100
    assert alarm.what == "more of values that the baseline does not know"


def test_missing_values_are_left_out_whatever_holds_the_texts() -> None:
    codes = np.array([0, MISSING, 3, 1, MISSING, 9], np.int32)
    coded = CodedTexts(codes, [f"v{code}" for code in range(10)])

    groups, present = law_of("plans").code(coded)
    same, also = law_of("plans").code(list(coded))

    assert groups.tolist() == same.tolist() == [0, 3, 1, 4]
    assert present.tolist() == also.tolist() == [True, False, True, True, False, True]


def test_a_tail_of_values_that_came_once_stands_for_those_that_never_came() -> None:
    ids = np.concatenate((drawn(PLANS, 4_000, 1), np.arange(10, 510)))
    layout = CategoricalLayout.of(texts(ids))
    profile = CategoricalProfile.empty(layout)
    profile.update(CategoricalColumn(texts(ids)))
    law = Categories.of(layout, profile)
    assert law is not None
    newer = np.concatenate((drawn(PLANS, 40_000, 2), np.arange(1_000, 6_000)))

    found = alarms(law, texts(np.random.default_rng(3).permutation(newer)))

    assert law.counts[-1] == 500
    assert len(found) <= 9


def test_values_beyond_counting_and_few_values_are_no_law() -> None:
    for values in (texts(np.arange(5_000)), texts(drawn(PLANS, 400, 1))):
        layout = CategoricalLayout.of(values)
        profile = CategoricalProfile.empty(layout)
        profile.update(CategoricalColumn(values))

        assert Categories.of(layout, profile) is None


@pytest.mark.parametrize("name", sorted(set(DETECTORS) - {"conformal"}))
def test_a_detector_that_needs_an_order_refuses_categories(name: str) -> None:
    with pytest.raises(CannotWatch, match=f"categorical, and {name} needs numbers: take conformal"):
        make_detector(SequentialSpec(name, "plan", FalseAlarmRate(1, ARL)), law_of("plans"), ARL)
