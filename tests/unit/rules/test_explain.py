"""Alert events: identity in labels, everything that changes in annotations."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.domain.findings import Verdict
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.retraining import Candidate, HoldReason, JobEnd, JobPhase, RetrainJob, RetrainRequest
from monitor.domain.rules import CheckIsBad, Phase, Rule, RuleState, Severity
from monitor.domain.windows import WindowSpec
from monitor.rules.explain import Occasion, firing_event, resolved_event
from monitor.rules.job_events import job_event, job_events, job_words
from monitor.rules.outcome import Outcome
from tests.unit.rules.making import MINUTE, NOON, finding, minute

RULE = Rule(
    "drift",
    CheckIsBad(),
    severity=Severity.CRITICAL,
    summary="Inputs drifted",
    runbook="https://example.com/drift",
    labels={"team": "risk", "window": "of the year"},
)
MODEL = MonitoredModel("churn", WindowSpec(MINUTE, MINUTE), MINUTE, MINUTE, labels={"env": "prod", "version": "3"})
STATE = RuleState(Phase.FIRING, minute(0).end, minute(0).end, None, minute(0).end)


def occasion(number: int, count: int = 1) -> Occasion:
    causes = tuple(finding(Verdict.DRIFTED, f"column_{n}") for n in range(count))
    return Occasion(ModelRef("churn", "3"), minute(number), Outcome(holds=True, because="why", causes=causes))


def test_an_alert_keeps_its_identity_over_windows_versions_and_values() -> None:
    first = firing_event(RULE, MODEL, STATE, occasion(0))
    later = firing_event(RULE, MODEL, STATE, replace(occasion(7, 3), ref=ModelRef("churn", "4")))
    over = resolved_event(RULE, MODEL, STATE, occasion(8))

    assert first.labels == later.labels == over.labels
    assert first.labels == {
        "alertname": "drift",
        "model": "churn",
        "severity": "critical",
        "team": "risk",
        "env": "prod",
    }
    assert first.starts_at == later.starts_at == over.starts_at == minute(0).end
    assert (first.ends_at, over.ends_at) == (None, minute(8).end)


def test_annotations_say_what_why_where_and_what_to_do() -> None:
    event = firing_event(RULE, MODEL, STATE, replace(occasion(0), link="https://example.com/r", retraining="requested"))

    assert event.annotations == {
        "summary": "Inputs drifted: churn (why)",
        "description": "Version 3 of churn, window from 2026-11-01T12:00:00Z to 2026-11-01T12:01:00Z: why. "
        "Cause: column_0: psi of column_0 is drifted.",
        "reason": "why",
        "top": "column_0: psi of column_0 is drifted",
        "window": "2026-11-01T12:00:00Z/2026-11-01T12:01:00Z",
        "version": "3",
        "runbook": "https://example.com/drift",
        "retraining": "requested",
        "report": "driftline report --model churn --version 3 --window 2026-11-01T12:00:00Z",
        "report_url": "https://example.com/r",
    }


def test_forty_causes_are_ten_lines_and_a_count() -> None:
    lines = firing_event(RULE, MODEL, STATE, occasion(0, 40)).annotations["top"].splitlines()

    assert len(lines) == 11
    assert lines[-1] == "and 30 more"


def test_the_end_of_an_alert_says_how_long_it_lasted() -> None:
    event = resolved_event(RULE, MODEL, STATE, occasion(90))

    assert event.annotations["summary"] == "Inputs drifted: over for churn after 1h30m"


def test_a_job_is_one_alert_a_model_and_rule_from_its_request_to_its_end() -> None:
    request = RetrainRequest("churn", "3", "drift", NOON, "why")
    running = RetrainJob(request, JobPhase.RUNNING, NOON + MINUTE, NOON, external_id="run-7")
    done = replace(running, phase=JobPhase.SETTLED, end=JobEnd.HELPED, changed_at=NOON + 9 * MINUTE)
    done = replace(done, candidate=Candidate("4"))

    start, end = job_event(running), job_event(done)

    assert start.labels == end.labels == {"alertname": "retraining", "model": "churn", "rule": "drift"}
    assert start.annotations["summary"] == "Retraining of churn: running as run-7 since 2026-11-01T12:01:00Z"
    assert (start.ends_at, end.ends_at) == (None, NOON + 9 * MINUTE)
    assert end.annotations["candidate_version"] == "4"


def test_trouble_with_a_job_is_a_warning_and_a_lost_one_stays_until_somebody_says() -> None:
    request = RetrainRequest("churn", "3", "drift", NOON, "why")
    lost = job_event(RetrainJob(request, JobPhase.LOST, NOON, NOON))
    failed = job_event(RetrainJob(request, JobPhase.SETTLED, NOON, NOON, end=JobEnd.FAILED, detail="exit code 1"))

    assert (lost.severity, lost.ends_at) == (Severity.WARNING, None)
    assert (failed.severity, failed.ends_at) == (Severity.WARNING, NOON + timedelta(days=1))
    assert failed.annotations["description"] == "Failed. Exit code 1."


def test_a_suggested_rollback_is_an_alert_of_its_own_that_the_next_job_of_the_rule_leaves_alone() -> None:
    request = RetrainRequest("churn", "3", "drift", NOON, "why")
    worse = RetrainJob(request, JobPhase.SETTLED, NOON, NOON, end=JobEnd.WORSE, detail="rollback suggested: f1 fell")
    worse = replace(worse, candidate=Candidate("4"))

    rollback, about_the_job = job_events(worse)

    assert rollback.labels == {"alertname": "rollback-suggested", "model": "churn"}
    assert rollback.annotations["summary"] == "Rollback of churn suggested: version 4 is worse than 3"
    assert (rollback.severity, rollback.ends_at) == (Severity.WARNING, NOON + timedelta(days=1))
    assert about_the_job == job_event(worse)
    assert about_the_job.ends_at == NOON


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"phase": JobPhase.HELD, "hold_reason": HoldReason.COOLDOWN, "detail": "3h of the cooldown are left"},
            "held back (cooldown). 3h of the cooldown are left.",
        ),
        (
            {"phase": JobPhase.PROMOTED, "promoted_at": NOON, "candidate": Candidate("7"), "detail": "by hand"},
            "promoted version 7 at 2026-11-01T12:00:00Z. By hand.",
        ),
        (
            {"phase": JobPhase.SETTLED, "end": JobEnd.REJECTED, "candidate": Candidate("7"), "detail": "it is worse"},
            "settled: version 7 was rejected. It is worse.",
        ),
        ({"phase": JobPhase.LOST, "detail": "no call-back for 6h"}, "lost: whether it runs is unknown. No call-back"),
    ],
)
def test_the_words_of_an_alert_about_its_job_say_how_that_stands(changes: dict[str, Any], words: str) -> None:
    request = RetrainRequest("churn", "3", "drift", NOON, "why")
    job = replace(RetrainJob(request, JobPhase.REQUESTED, NOON, NOON), **changes)

    assert job_words(job).startswith(f"Job {request.key} of rule drift: {words}")


def test_a_job_that_waits_for_approval_is_shown_until_it_has_it_and_other_holds_pass() -> None:
    request = RetrainRequest("churn", "3", "drift", NOON, "why")
    job = RetrainJob(request, JobPhase.HELD, NOON, NOON, HoldReason.NEEDS_APPROVAL, "ask")

    assert job_event(job).ends_at is None
    assert job_event(replace(job, hold_reason=HoldReason.COOLDOWN)).ends_at == NOON + timedelta(hours=1)
