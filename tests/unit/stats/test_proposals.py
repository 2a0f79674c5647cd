"""Checks are proposed from the baseline's schema and bound from configuration, mistakes told with a hint."""

import math

import numpy as np
import pytest

from monitor.domain.checks import CheckSpec, Threshold
from monitor.domain.errors import ConfigError
from monitor.domain.models import LATENCY, PREDICTION, ModelRef
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, NumericColumn
from monitor.stats.drift import DRIFT_TESTS
from monitor.stats.proposals import bind_checks, merged_checks, propose_checks

BASELINE = Baseline.build(
    ModelRef("churn", "3"),
    {
        "amount": NumericColumn(np.arange(100.0)),
        "country": CategoricalColumn(["de", "fr"] * 50),
        "never": NumericColumn(np.full(100, math.nan)),
        PREDICTION: CategoricalColumn(["yes", "no"] * 50),
        LATENCY: NumericColumn(np.arange(100.0)),
    },
)


def names(*specs: CheckSpec) -> set[str]:
    return {check.name for check in bind_checks(specs, BASELINE, DRIFT_TESTS, 100)}


def test_every_column_gets_one_distribution_test_and_what_guards_its_values() -> None:
    proposed = {check.name for check in propose_checks(BASELINE, DRIFT_TESTS, 100)}

    assert proposed == {
        "psi(amount)",
        "missing_rate(amount)",
        "out_of_range(amount)",
        "jensen_shannon(country)",
        "missing_rate(country)",
        "unseen_category(country)",
        "missing_rate(never)",
        "jensen_shannon(prediction)",
        "missing_rate(prediction)",
        "unseen_category(prediction)",
        "psi(latency_ms)",
    }


def test_proposals_are_repeated_for_each_segment() -> None:
    everything = propose_checks(BASELINE, DRIFT_TESTS, 100)

    segmented = propose_checks(BASELINE, DRIFT_TESTS, 100, ["germany"])

    assert len(segmented) == 2 * len(everything)
    assert "psi(amount)[germany]" in {check.name for check in segmented}


def test_proposed_checks_run_on_the_baseline_itself_and_find_nothing() -> None:
    profiles = BASELINE.profiles()

    for check in propose_checks(BASELINE, DRIFT_TESTS, 100):
        result = DRIFT_TESTS[check.test].run(profiles[check.column], profiles[check.column])

        assert result.statistic < check.threshold.drifted, check.name


def test_a_star_means_every_column_that_can_serve_the_test() -> None:
    assert names(CheckSpec("ks")) == {"ks(amount)", "ks(latency_ms)"}
    assert names(CheckSpec("chi_squared")) == {"chi_squared(country)", "chi_squared(prediction)"}


def test_a_spec_carries_its_threshold_parameters_and_least_records() -> None:
    spec = CheckSpec("psi", ("amount",), "germany", Threshold(0.5), {"pseudo_count": 1.0}, 7)

    (check,) = bind_checks([spec], BASELINE, DRIFT_TESTS, 100)

    assert (check.name, check.threshold, check.min_records) == ("psi(amount)[germany]", Threshold(0.5), 7)
    assert check.parameters == {"pseudo_count": 1.0}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (CheckSpec("pis"), "no drift test 'pis'.*did you mean 'psi'"),
        (CheckSpec("zzz"), "known: anderson_darling, chi_squared"),
        (CheckSpec("psi", ("amuont",)), "no column 'amuont' for psi.*did you mean 'amount'"),
        (CheckSpec("ks", ("country",)), "ks cannot check 'country': the column has no range"),
        (CheckSpec("psi", ("amount",), parameters={"bins": 20}), "psi has no parameter bins.*it knows: pseudo_count"),
        (CheckSpec("psi", ("amount",), parameters={"pseudo_count": -1.0}), "psi cannot take.*must be above 0"),
        (CheckSpec("ks", ("amount",), parameters={"alpha": 1}), "ks has no parameter alpha.*it has none"),
    ],
)
def test_mistakes_are_told_with_a_hint(spec: CheckSpec, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        names(spec)


def test_configured_checks_override_proposed_ones_of_the_same_name_and_join_the_rest() -> None:
    proposed = propose_checks(BASELINE, DRIFT_TESTS, 100)
    configured = bind_checks(
        [CheckSpec("psi", ("amount",), threshold=Threshold(9.0)), CheckSpec("ks", ("amount",))],
        BASELINE,
        DRIFT_TESTS,
        100,
    )

    merged = {check.name: check for check in merged_checks(proposed, configured)}

    assert len(merged) == len(proposed) + 1
    assert merged["psi(amount)"].threshold == Threshold(9.0)
