"""A change of performance in parts: each kind of change is put down to itself, and the parts add up to the whole."""

import numpy as np
import pytest

from monitor.domain.models import ModelRef, Task
from monitor.stats.baseline import Baseline
from monitor.stats.columns import Column, NumericColumn
from monitor.stats.estimation.attribution import Change
from monitor.stats.estimation.changes import changes
from monitor.stats.estimation.learning import learn_outcomes, try_outcomes
from monitor.stats.performance import PERFORMANCE_METRICS
from monitor.stats.performance.metric import Judged
from monitor.stats.profiles.model import ModelProfile
from tests.unit.stats.odd_scores import Rows, learned, profile_of, realised, traffic, with_shares

BASELINE = learned(traffic(20_000, 1))


def explained(rows: Rows) -> dict[str, Change]:
    columns, truth = rows
    assert BASELINE.outcomes is not None
    assert BASELINE.tried is not None
    truths = [str(one) for one in truth]
    found = changes(BASELINE.outcomes, BASELINE.tried, profile_of(BASELINE, columns), truths, realised(rows))
    return {name: change for name, (_, change) in found.items()}


def test_nothing_is_explained_where_nothing_changed() -> None:
    assert explained(traffic(5_000, 2)) == {}


def test_a_drop_because_other_records_come_is_put_down_to_the_inputs_and_to_their_column() -> None:
    for name, change in explained(traffic(5_000, 3, odd=0.7)).items():
        assert change.total.high < 0, name
        assert change.covariate.value == pytest.approx(change.total.value, rel=0.25), name
        assert change.columns["kind"].value == pytest.approx(change.covariate.value, rel=0.35), name
        assert not change.rest.is_certain, name
        assert abs(change.label.value) < 0.005, name


def test_a_drop_because_the_same_inputs_have_other_outcomes_is_put_down_to_neither() -> None:
    found = explained(traffic(5_000, 3, concept=0.3))

    assert found.keys() == {"accuracy", "f1", "roc_auc"}
    for name, change in found.items():
        assert change.rest.high < 0, name
        assert change.rest.value == pytest.approx(change.total.value, rel=0.15), name
        assert abs(change.label.value) < 0.005, name


def test_both_at_once_are_told_apart() -> None:
    change = explained(traffic(5_000, 3, odd=0.7, concept=0.3))["accuracy"]

    assert change.covariate.high < 0
    assert change.rest.high < 0


def test_other_shares_of_classes_that_look_as_they_did_are_put_down_to_those() -> None:
    change = explained(with_shares(traffic(60_000, 9), yes=0.85, n=5_000))["f1"]

    assert change.label.value == pytest.approx(change.total.value, rel=0.2)
    assert not change.rest.is_certain


def test_the_parts_add_up_to_the_whole_and_the_columns_to_the_inputs() -> None:
    for rows in (traffic(3_000, 4, odd=0.6, moved=0.5, concept=0.2), with_shares(traffic(60_000, 9), 0.8, 3_000)):
        for change in explained(rows).values():
            parts = change.covariate.value + change.label.value + change.rest.value
            assert parts == pytest.approx(change.total.value, abs=1e-12)
            of_columns = sum(part.value for part in change.columns.values())
            assert of_columns == pytest.approx(change.covariate.value, abs=1e-12)


def test_errors_of_a_regression_that_grow_with_other_inputs_are_put_down_to_the_column_that_moved() -> None:
    def priced(n: int, seed: int, age: float, more: float = 1.0) -> Rows:
        random = np.random.default_rng(seed)
        ages, price = random.exponential(age, n), random.uniform(1, 10, n)
        truth = price + more * random.normal(0, 1, n) * (0.2 + 0.1 * ages)
        columns: dict[str, Column] = {"age": NumericColumn(ages), "prediction": NumericColumn(price)}
        return columns, [repr(float(one)) for one in truth]

    columns, truth = priced(20_000, 1, 4.0)
    outcomes, _ = learn_outcomes(columns, truth, Task.REGRESSION, None)
    assert outcomes is not None
    baseline = Baseline.build(ModelRef("m", "1"), columns, outcomes=outcomes)
    tried, _ = try_outcomes(outcomes, columns, truth, baseline.layouts)

    def change(rows: Rows) -> Change:
        said = rows[0]["prediction"]
        judged = Judged(tuple(map(str, said.values)), np.full(4_000, np.nan), tuple(map(str, rows[1])))
        result = PERFORMANCE_METRICS["mae"].run(judged, None)
        assert result is not None
        profile = ModelProfile.empty(baseline.layouts)
        profile.update(rows[0], 4_000)
        return changes(outcomes, tried, profile, [], {"mae": result})["mae"][1]

    older, worse = change(priced(4_000, 2, 6.0)), change(priced(4_000, 3, 4.0, more=1.5))

    # ages beyond the last decile count alike: what the very old ones add stays unexplained
    assert older.columns["age"].value > 0.6 * older.total.value > 0
    assert worse.rest.value > 0.8 * worse.total.value > 0
