"""Item by item: a bad column in training rows or records has a verdict with a reason, and stops no other column.

The whole way of the service: training rows and JSON records, decoder, shares, database, evaluation. The same items in
tables that are compared stand in tests/unit/compare/test_tables.py and tests/unit/cli/test_compare.py.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from monitor.domain.findings import Finding, Verdict
from tests.unit.stats.blindness_rig import ABSENT, Seen, Table, seen

TRAINED, CAME = 4_000, 500
Values = Sequence[object]

NUMBERS: Values = np.random.default_rng(1).normal(size=TRAINED).tolist()
LATER: Values = np.random.default_rng(2).normal(size=CAME).tolist()
CODES = [f"c{k}" for k in np.random.default_rng(3).integers(0, 1_000_000, TRAINED) // 300]


def mixed(n: int) -> Values:
    return [(1, "a", True, None, 2.5)[k % 5] for k in range(n)]


ITEMS: dict[str, tuple[Values, Values, str, Verdict, str]] = {
    "constant": ([7] * TRAINED, [7] * CAME, "psi(bad)", Verdict.OK, "psi(bad) = 0"),
    "another constant": ([7] * TRAINED, [8] * CAME, "psi(bad)", Verdict.DRIFTED, "limit 0.2"),
    "newly constant": (NUMBERS, [0.5] * CAME, "psi(bad)", Verdict.DRIFTED, "limit 0.2"),
    "all missing": (NUMBERS, [None] * CAME, "missing_rate(bad)", Verdict.DRIFTED, "= 100"),
    "never there": ([None] * TRAINED, [None] * CAME, "missing_rate(bad)", Verdict.OK, "= 0"),
    "not there any more": (NUMBERS, [ABSENT] * CAME, "missing_rate(bad)", Verdict.DRIFTED, "= 100"),
    "infinite": (NUMBERS, [math.inf, -math.inf] * (CAME // 2), "psi(bad)", Verdict.DRIFTED, "limit 0.2"),
    "infinite in training": ([math.inf, 1.0] * (TRAINED // 2), LATER, "psi(bad)", Verdict.DRIFTED, "limit 0.2"),
    "mixed types": (mixed(TRAINED), mixed(CAME), "jensen_shannon(bad)", Verdict.OK, "limit 0.2"),
    "numbers turned text": (NUMBERS, ["1.5"] * CAME, "missing_rate(bad)", Verdict.DRIFTED, "= 100"),
    "lists": (NUMBERS, [[1, 2]] * CAME, "missing_rate(bad)", Verdict.DRIFTED, "= 100"),
    "objects": (NUMBERS, [{"a": 1}] * CAME, "missing_rate(bad)", Verdict.DRIFTED, "= 100"),
    "times as text": (NUMBERS, ["2026-11-01T10:00:00"] * CAME, "missing_rate(bad)", Verdict.DRIFTED, "= 100"),
    "new categories alone": (
        ["a", "b"] * (TRAINED // 2),
        CODES[:CAME],
        "unseen_category(bad)",
        Verdict.DRIFTED,
        "= 100",
    ),
    "thousands of categories": (CODES, CODES[:CAME], "unseen_category(bad)", Verdict.OK, "limit 1"),
}


def with_bad(before: Values, now: Values) -> tuple[Table, Table]:
    shifted = np.random.default_rng(4).normal(1, 1, CAME).tolist()
    return {"good": NUMBERS, "quiet": NUMBERS, "bad": before}, {"good": shifted, "quiet": LATER, "bad": now}


def of_column(found: Seen, column: str) -> list[Finding]:
    return [one for one in found.findings.values() if one.check.column == column]


@pytest.mark.parametrize(("before", "now", "check", "verdict", "why"), ITEMS.values(), ids=ITEMS)
def test_a_bad_column_has_its_own_verdict_and_reason_and_stops_no_other(
    before: Values, now: Values, check: str, verdict: Verdict, why: str
) -> None:
    found = seen(*with_bad(before, now))

    assert found.verdict(check) is verdict, found.findings[check].reason
    assert why in found.findings[check].reason
    assert found.verdict("psi(good)") is Verdict.DRIFTED
    assert found.verdict("psi(quiet)") is Verdict.OK
    assert Verdict.FAILED not in {one.verdict for one in found.history}
    assert all(one.reason for one in of_column(found, "bad"))


def lists(n: int) -> Values:
    return [[1.0, 2.0]] * n


@pytest.mark.parametrize(
    "values", [lists, lambda n: [{"a": 1}] * n, lambda n: [b"raw"] * n], ids=["list", "dict", "bytes"]
)
def test_training_values_that_nobody_profiles_are_left_out_in_so_many_words(values: Callable[[int], Values]) -> None:
    window: Values = lists(CAME)

    found = seen(*with_bad(values(TRAINED), window))

    assert "bad holds " in found.notes[0]
    assert "is left out: only numbers, text and booleans are profiled" in found.notes[0]
    assert "extra: bad" in found.findings["schema(records)"].reason
    assert found.verdict("psi(good)") is Verdict.DRIFTED


@pytest.mark.parametrize(("trained", "came"), [(10, 500), (10, 10), (200, 5_000), (5_000, 200), (500, 500), (4_000, 1)])
def test_baselines_and_windows_of_any_size_raise_no_alarm_without_a_cause(trained: int, came: int) -> None:
    rng = np.random.default_rng(trained + came)

    def table(n: int) -> Table:
        return {"x": rng.normal(size=n).tolist(), "c": rng.choice(["a", "b", "c"], n).tolist()}

    found = seen(table(trained), table(came))

    assert found.bad() == set()
    assert all(one.verdict in {Verdict.OK, Verdict.INSUFFICIENT_DATA} for one in found.findings.values())
    assert all(one.reason for one in found.findings.values())


def test_a_window_of_one_row_says_for_every_column_that_it_is_too_few() -> None:
    before, now = with_bad(NUMBERS, LATER)

    found = seen(before, {name: values[:1] for name, values in now.items()})

    reasons = [one.reason for name in ("good", "bad", "quiet") for one in of_column(found, name)]
    assert reasons
    assert all("1 record in the window, at least 100 are needed" in reason for reason in reasons)
