"""Trying rules from the shell: tests of rules as files, the past as a picture, why a rule does not fire."""

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from alerts.incidents import Change, Mark, Step
from alerts.model import AlertEvent, Labels, Severity
from monitor.bootstrap.app import open_app
from monitor.bootstrap.telling import alert_service_of
from monitor.cli.main import driftline
from tests.unit.cli.test_commands import START, Call, call

__all__ = ["call"]

BY_SEGMENT = "{channels: {console: {kind: console}}, route: {channels: [console], group_by: [segment]}}"
CONFIGS = Path(__file__).parents[3] / "configs"

WRONG = """\
tests:
  - name: wrong in every way
    model: churn
    findings:
      psi(amount): "ok x2 drifted x5 ok x8"
      psi(country): "ok x2 drifted x5 ok x8"
    alerts:
      - {rule: many-features-drifted, begins: 2h, ends: 3h, severity: critical}
      - {rule: amount-goes-missing, begins: 2h, ends: 3h}
    notifications: []
"""


def run(*args: str) -> Result:
    return CliRunner().invoke(driftline, ["rules", "test", "--config", str(CONFIGS), *args])


def test_the_tests_of_the_example_configuration_pass() -> None:
    result = run(*map(str, sorted((CONFIGS / "tests").glob("*.yaml"))))

    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == f"{len(result.stdout.splitlines()) - 1} of 2 tests passed"


def test_what_is_not_as_expected_is_said_with_file_and_line_and_the_exit_code_is_1(tmp_path: Path) -> None:
    file, report = tmp_path / "wrong.yaml", tmp_path / "report.xml"
    file.write_text(WRONG)

    result = run(str(file), "--junit", str(report))

    assert result.exit_code == 1
    assert result.stdout.replace(f"{file}", "wrong.yaml").splitlines() == [
        "FAILED wrong in every way",
        (
            "  wrong.yaml:8: expected many-features-drifted critical from 2h to 3h; "
            "there is many-features-drifted critical from 2h to 3h45m"
        ),
        "  wrong.yaml:9: expected amount-goes-missing from 2h to 3h; there is none of this rule",
        (
            "  wrong.yaml:10: not expected: console at 2h5m10s: first notification "
            "(firing: many-features-drifted; resolved: none)"
        ),
        (
            "  wrong.yaml:10: not expected: console at 3h50m10s: all alerts resolved "
            "(firing: none; resolved: many-features-drifted)"
        ),
        "0 of 1 tests passed",
    ]
    suite = ET.fromstring(report.read_text())
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    assert json.loads(run(str(file), "--json").stdout)[0]["passed"] is False


@pytest.mark.parametrize(
    ("written", "instead", "line", "said"),
    [
        ("model: churn", "model: churm", 3, "unknown model 'churm' (hint: did you mean 'churn'?)"),
        ("psi(amount)", "psi amount", 5, "'psi amount' is no check"),
        ("ok x2 drifted", "okk x2 drifted", 5, "'okk' is no finding"),
        ("rule: amount-goes-missing", "rule: amount-goes-msising", 9, "no rule 'amount-goes-msising' watches churn"),
        ("begins: 2h, ends: 3h}", "begins: 2, ends: 3h}", 9, "2 has no unit"),
        ("alerts:", "alarms:", 7, "unknown key `alarms`"),
    ],
)
def test_a_mistake_in_the_file_is_no_failed_test(
    written: str, instead: str, line: int, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(WRONG.replace(written, instead, 1 if written != "rule: amount-goes-missing" else -1))

    result = run(str(file))

    assert f"{file}:{line}: " in str(result.exception)
    assert said in str(result.exception)


def test_a_model_without_rules_has_alerts_and_its_past_is_shown_without_touching_the_database(
    call: Call, tmp_path: Path
) -> None:
    (tmp_path / "configs/rules/r.yaml").unlink()
    call("baseline", "build", "--model", "price", "--version", "1", "train.csv")
    call("backfill", "data")
    before = _content(tmp_path / "monitor.db")

    picture = call("rules", "backtest", "--until", "2026-11-02T00:00:00Z")
    explained = call("rules", "explain", "price", "model-health")
    [row] = json.loads(call("rules", "backtest", "--until", "2026-11-02T00:00:00Z", "--json").stdout)
    rows = json.loads(call("rules", "explain", "price", "--json").stdout)

    assert "model-health: 1 alert, 0 flaps, firing 16.7% of the time" in picture.stdout
    assert picture.stdout.splitlines()[4].strip() == "." * 59 + "#" * 13
    assert (row["rule"], row["starts_at"], row["ends_at"]) == ("model-health", "2026-11-01T05:00:00Z", None)
    assert "model-health: firing (warning) since 2026-11-01T05:00:00Z" in explained.stdout
    assert "      yes model_drift(all_columns) drifted" in explained.stdout
    assert [one["rule"] for one in rows] == [
        "model-health",
        "model-performance",
        "stream-is-read",
        "records-have-changed",
    ]
    assert rows[0]["condition"]["holds"] is True
    assert _content(tmp_path / "monitor.db") == before


def test_a_rule_is_tried_before_it_is_configured_and_one_that_waits_says_how_far_it_is(
    call: Call, tmp_path: Path
) -> None:
    rule = "rules: [{name: slow, when: {value: {test: psi, column: x, above: 0.1}}, hold: 9h}]"
    (tmp_path / "new.yaml").write_text(rule)
    (tmp_path / "configs/rules/r.yaml").write_text(rule)
    call("baseline", "build", "--model", "price", "--version", "1", "train.csv")
    call("backfill", "data")

    tried = call("rules", "backtest", "--until", "2026-11-02T00:00:00Z", "--rules", "new.yaml")
    explained = call("rules", "explain", "price").stdout
    unknown = call("rules", "explain", "price", "slwo")

    assert "slow: 0 alerts, 0 flaps" in tried.stdout
    assert "slow: pending since 2026-11-01T05:00:00Z" in explained
    assert "held for 1h of 9h: fires when that is full" in explained
    assert "(high limit 0.1)" in explained
    assert "no rule 'slwo' watches 'price'" in str(unknown.exception)


def test_a_backtest_says_which_alerts_meet_marked_incidents_and_which_confirmed_ones_would_be_missed(
    call: Call,
) -> None:
    call("baseline", "build", "--model", "price", "--version", "1", "train.csv")
    call("backfill", "data")
    Path("configs/routes.yaml").write_text(BY_SEGMENT)
    with open_app(Path("configs"), {}) as app:
        service = alert_service_of(app)
        for hour, segment in ((5, ""), (1, "DE")):
            labels = Labels.of({"alertname": "drifted", "model": "price", "segment": segment})
            began = START + timedelta(hours=hour)
            service.accept([AlertEvent(labels, {"title": str(hour)}, Severity.WARNING, began)])
            service.tick(app.clock.now() + timedelta(seconds=20))
            [case] = service.incidents.listed()  # the one before is resolved
            service.incidents.take(case.incident.id, Step(Change.MARKED, "ann", value=Mark.CONFIRMED))
            service.incidents.take(case.incident.id, Step(Change.RESOLVED, "ann"))

    told = call("rules", "backtest", "--until", "2026-11-02T00:00:00Z").stdout
    [row] = json.loads(call("rules", "backtest", "--until", "2026-11-02T00:00:00Z", "--json").stdout)

    assert "1 match confirmed incidents, 0 match false positives, 0 match nothing that was marked" in told
    assert row["mark"] == "confirmed"
    assert "1 confirmed incident of this time would not have been told" in told


def test_a_backtest_takes_a_span_and_says_which_findings_it_used_and_which_are_stored(call: Call) -> None:
    call("baseline", "build", "--model", "price", "--version", "1", "train.csv")
    call("backfill", "data")
    early = ("rules", "backtest", "--since", "2026-11-01T01:00:00Z", "--until", "2026-11-01T04:00:00Z")

    part, as_json = call(*early), call(*early, "--json")
    other = call("rules", "backtest", "--since", "2020-01-01T00:00:00Z", "--until", "2020-02-01T00:00:00Z")
    both = call("rules", "backtest", "--since", "2026-11-01T00:00:00Z", "--last", "1d")
    backwards = call("rules", "backtest", "--since", "2026-11-01T01:00:00Z", "--until", "2026-11-01T00:00:00Z")

    asked = "of windows that start from 2026-11-01T01:00:00Z to 2026-11-01T04:00:00Z"
    stored = "findings are stored from 2026-11-01T00:00:00Z to 2026-11-01T06:00:00Z"
    assert "judged windows, 2026-11-01T01:00:00Z to 2026-11-01T04:00:00Z\n" in part.stdout
    assert f"  {asked}; {stored}\n" in part.stdout
    assert "drifted: 0 alerts" in part.stdout
    assert f"price: {asked}; {stored}\n" in as_json.stderr
    assert "price: no findings are stored of windows that start from 2020-01-01T00:00:00Z" in other.stdout
    assert f"{stored}: say --since and --until" in other.stdout
    assert "Give --last or --since, not both." in both.output
    assert "--until is not after --since." in backwards.output


def _content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_backtest_of_what_was_never_measured_says_why_nobody_can_know(call: Call, tmp_path: Path) -> None:
    rules = (
        "rules:\n"
        "  - {name: far, when: {evidently: {metric: ValueDrift, column: x, above: 0.1}}}\n"
        "  - {name: slow, when: {value: {test: psi, column: x, above: 100}}}\n"
    )
    (tmp_path / "new.yaml").write_text(rules)
    call("baseline", "build", "--model", "price", "--version", "1", "train.csv")
    call("backfill", "data")
    backtest = ("rules", "backtest", "--until", "2026-11-02T00:00:00Z", "--rules", "new.yaml")

    tried, as_json = call(*backtest), call(*backtest, "--json")

    assert (
        "far: nobody can know, for no finding of ValueDrift(x) is stored of this time: price does not ask Evidently for"
        " ValueDrift (`evidently` in its file); then `driftline backfill --model price` judges past windows"
    ) in tried.stdout
    assert "slow: 0 alerts, 0 flaps" in tried.stdout
    assert "price: far: nobody can know" in as_json.stderr
