"""What the commands say of alerts that were told, or not, and of how often rules were right."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from alerts.digests import Period
from alerts.incidents import Change, Step
from alerts.model import AlertEvent, Labels, Severity
from alerts.routing import Matcher
from alerts.silences import SilenceRequest
from monitor.bootstrap.app import open_app
from monitor.bootstrap.digest_parts import digest_parts
from monitor.bootstrap.incidents import marked_incidents
from monitor.bootstrap.telling import alert_service_of
from monitor.cli.main import driftline
from tests.unit.cli.test_holds import write_project

START = datetime(2026, 11, 1, tzinfo=UTC)
DRIFT = {"alertname": "drifted", "model": "price"}
JOB = {"alertname": "retraining", "model": "price", "rule": "drifted"}
ROLLBACK = {"alertname": "rollback-suggested", "model": "price"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration whose database has its tables; the working folder."""
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    run("db", "upgrade")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(driftline, arguments)


def test_alerts_about_retraining_jobs_are_no_rules_and_count_in_no_precision(project: Path) -> None:
    assert project.is_dir()
    with open_app(Path("configs"), {}) as app:
        service, now = alert_service_of(app), app.clock.now()
        for labels in (DRIFT, JOB, ROLLBACK):
            service.accept([AlertEvent(Labels.of(labels), {"title": "t"}, Severity.WARNING, START)])
        service.tick(now + timedelta(seconds=20))
        [case] = service.incidents.listed()
        service.incidents.take(case.incident.id, Step(Change.MARKED, "ann", value="confirmed"))
        marked = marked_incidents(app, "price")
        period = Period(now - timedelta(days=1), now + timedelta(days=1))
        [digest] = digest_parts(app)[0](period, lambda _: True)

    said = run("incidents", "precision")

    assert [row["rule"] for row in json.loads(run("incidents", "precision", "--json").stdout)] == ["drifted"]
    assert "alerts about retraining jobs are no rule's: left out" in said.stderr
    assert [row[0] for row in digest.rows] == ["drifted"]
    assert digest.title.endswith("(alerts about retraining jobs left out)")
    assert [one.rule for one in marked] == ["drifted"]


def test_why_not_answers_for_the_alert_that_was_asked_about_and_says_what_its_group_did(project: Path) -> None:
    assert project.is_dir()
    with open_app(Path("configs"), {}) as app:
        service, now = alert_service_of(app), app.clock.now()
        wanted = SilenceRequest((Matcher.parse("alertname=drifted"),), "ann", "known", now, now + timedelta(days=1))
        service.silences.add(wanted)
        service.accept([AlertEvent(Labels.of(labels), {}, Severity.WARNING, START) for labels in (DRIFT, JOB)])
        service.tick(now + timedelta(seconds=20))

    of_drift = json.loads(run("alerts", "why-not", "alertname=drifted", "--json").stdout)
    of_job = json.loads(run("alerts", "why-not", "alertname=retraining", "--json").stdout)
    table = run("alerts", "why-not", "alertname=drifted").stdout

    assert {row["reason"] for row in of_drift} == {row["reason"] for row in of_job} == {"first notification"}
    assert all(row["answer"].startswith("left out: silence ") for row in of_drift)
    assert {row["answer"] for row in of_job} == {"told (first notification)"}
    assert (of_drift[0]["alerts"], of_job[0]["alerts"], of_job[0]["muted"]) == ([DRIFT], [JOB], [])
    assert "its group" in table
