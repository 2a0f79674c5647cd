"""Tests of rules about drops and directions: what findings alone do not say is stated beside them."""

import shutil
from pathlib import Path

import pytest

from monitor.bootstrap.rule_testing import run_rule_tests
from monitor.config.mistakes import ConfigMistakes

CONFIGS = Path(__file__).parents[3] / "configs"
RULES = """\
rules:
  - {name: below-training, models: [churn], when: {drop: {metric: f1, against: baseline, by: 0.03}}}
  - {name: below-champion, models: [churn], when: {drop: {metric: f1, against: version, version: "2", by: 0.03}}}
  - name: rises
    models: [churn]
    when: {value: {test: wasserstein, column: amount, above: 0.3, direction: up}}
"""
TESTS = """\
tests:
  - name: it
    model: churn
    findings: {%s}
    %s
    alerts: [%s]
"""
NOTHING = "start: 2026-11-02T00:00:00Z"
F1 = 'f1(ground_truth): "0.90+-0.02 x2 0.80+-0.02 x2 0.90+-0.02"'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(CONFIGS, tmp_path / "configs")
    (tmp_path / "configs" / "rules" / "drift.yaml").write_text(RULES)
    model = tmp_path / "configs" / "models" / "churn.yaml"
    model.write_text(model.read_text().replace("  slide: 15m", "  # slide: 15m"))
    return tmp_path / "configs"


def failures(folder: Path, findings: str, alerts: str, rest: str = NOTHING) -> tuple[str, ...]:
    file = folder / "it.yaml"
    file.write_text(TESTS % (findings, rest, alerts))
    [result] = run_rule_tests(folder, [file])
    return result.failures


def test_a_drop_against_the_training_data_is_judged_by_what_is_stated_of_it(folder: Path) -> None:
    alert = "{rule: below-training, begins: 3h, ends: 5h}"

    assert failures(folder, F1, alert, "on_training_data: {f1: 0.91}") == ()
    assert failures(folder, F1, "") == ()


def test_an_interval_that_does_not_exclude_chance_is_no_drop(folder: Path) -> None:
    wide = F1.replace("0.80+-0.02", "0.80+-0.15")

    assert failures(folder, wide, "", "on_training_data: {f1: 0.91}") == ()


def test_a_drop_against_another_version_is_judged_by_what_that_had_in_the_same_windows(folder: Path) -> None:
    champion = 'f1(ground_truth) of version 2: "0.90+-0.01 x4 0.80+-0.01"'
    alert = "{rule: below-champion, begins: 3h, ends: 5h}"

    assert failures(folder, f"{F1}, {champion}", alert, 'versions: "3"') == ()


def test_an_estimate_drops_against_the_training_data_as_well(folder: Path) -> None:
    rules = folder / "rules" / "drift.yaml"
    rules.write_text(RULES.replace("metric: f1, against: baseline", "metric: estimated_f1, against: baseline"))
    estimate = F1.replace("f1(ground_truth)", "estimated_f1(estimate)")
    alert = "{rule: below-training, begins: 3h, ends: 5h}"

    assert failures(folder, estimate, alert, "on_training_data: {estimated_f1: 0.91}") == ()


def test_a_direction_is_stated_beside_the_number(folder: Path) -> None:
    series = 'wasserstein(amount): "0.1 0.5down 0.5 0.5up 0.5down"'

    assert failures(folder, series, "{rule: rises, begins: 4h, ends: 5h}") == ()


def test_the_limit_of_a_metric_is_on_the_side_where_it_is_bad_without_saying_below(folder: Path) -> None:
    model = folder / "models" / "churn.yaml"
    model.write_text(
        model.read_text().replace("checks:\n", "checks:\n  - {test: mcc, threshold: {drifted: -0.2, warning: 0.1}}\n")
    )
    (folder / "rules" / "drift.yaml").write_text("rules: [{name: bad, models: [churn], when: {bad: {test: mcc}}}]")

    assert failures(folder, 'mcc(ground_truth): "0.3 -0.1 -0.3 0.3"', "{rule: bad, begins: 3h, ends: 4h}") == ()


@pytest.mark.parametrize(
    ("findings", "rest", "said"),
    [
        ('psi(amount): "0.5up"', NOTHING, r":4: psi tells no direction"),
        ('pis(amount): "0.1 0.5"', NOTHING, r":4: unknown test 'pis' .*did you mean 'psi'"),
        (F1, "on_training_data: {acuracy: 0.9}", r":5: unknown metric 'acuracy' .*did you mean 'accuracy'"),
        ('psi(amount): "0.5sideways"', NOTHING, r"'0.5sideways' is no finding"),
    ],
)
def test_what_cannot_be_stated_is_a_mistake_with_its_line(folder: Path, findings: str, rest: str, said: str) -> None:
    with pytest.raises(ConfigMistakes, match=said):
        failures(folder, findings, "", rest)
