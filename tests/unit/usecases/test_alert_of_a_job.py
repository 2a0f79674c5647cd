"""An alert whose rule asked for retraining says at every window how the job stands by then."""

from dataclasses import replace

from monitor.domain.retraining import Candidate, JobPhase, RetrainJob
from monitor.domain.rules import Phase, RuleState
from monitor.rules.job_events import job_words
from tests.unit.usecases.retrain_rig import Rig as RetrainRig
from tests.unit.usecases.test_evaluate import DRIFT, HOUR, MODEL, NOW, START, Rig, rows, started


def test_what_an_alert_says_about_its_job_follows_the_job_from_window_to_window() -> None:
    rig = started(models={"churn": replace(MODEL, retraining="careful")}, rules=[replace(DRIFT, retrain=True)])
    _judge(rig, 0, 0.0)
    _judge(rig, 1, 2.0)
    job = _decided(rig, JobPhase.HELD, "policy careful asks a person")
    _judge(rig, 2, 2.0)
    promoted = replace(job, phase=JobPhase.PROMOTED, promoted_at=NOW, candidate=Candidate("7"), detail="it is better")
    rig.stores.jobs.update(promoted)
    _judge(rig, 3, 0.0)

    told = [event.annotations["retraining"] for _, event in rig.stores.outbox.pending(100)]

    about = f"Job {job.request.key} of rule drift: "
    assert told[0] == "A retraining job is requested; the model's policy decides."
    assert told[1] == f"{about}held back (by hand). Policy careful asks a person."
    assert told[2].startswith(f"{about}promoted version 7 at ")
    assert told[2].endswith(". It is better.")


def test_the_end_of_an_alert_asks_nobody_to_approve_the_job_that_it_no_longer_needs() -> None:
    rig = started(models={"churn": replace(MODEL, retraining="careful")}, rules=[replace(DRIFT, retrain=True)])
    _judge(rig, 0, 2.0)
    job = _decided(rig, JobPhase.HELD, "policy careful asks a person: approve the job")
    _judge(rig, 1, 0.0)

    ended = [event for _, event in rig.stores.outbox.pending(100) if event.ends_at is not None]

    said = f"Job {job.request.key} of rule drift was held back, and is no longer needed."
    assert [event.annotations["retraining"] for event in ended] == [said]


def test_the_job_of_an_earlier_time_says_nothing_about_an_alert_that_fires_anew() -> None:
    rig = started(models={"churn": replace(MODEL, retraining="careful")}, rules=[replace(DRIFT, retrain=True)])
    _judge(rig, 0, 2.0)
    _decided(rig, JobPhase.REJECTED, "it is worse")
    for hour, shift in ((1, 0.0), (2, 2.0), (3, 2.0)):
        _judge(rig, hour, shift)

    told = [event for _, event in rig.stores.outbox.pending(100) if event.starts_at >= START + 3 * HOUR]

    assert {event.annotations["retraining"] for event in told} == {
        "A retraining job is requested; the model's policy decides."
    }


def test_the_alert_of_the_rule_that_asked_is_amended_with_every_step_of_the_job_and_others_are_not() -> None:
    rig = RetrainRig()
    labels = {"alertname": "drift", "model": "churn", "severity": "warning"}
    fires = RuleState(Phase.FIRING, fired_at=START, labels=labels)
    rig.facts.rule_states = [fires, replace(fires, phase=Phase.INACTIVE), replace(fires, fired_at=START + 9 * HOUR)]

    request = rig.running()

    told = [event for event in rig.events() if event.amends]
    assert [event.labels for event in told] == [labels] * 3  # approved, sending, running
    assert told[-1].annotations == {"retraining": job_words(rig.job(request))}


def _judge(rig: Rig, hour: int, shift: float) -> None:
    rig.hour(hour, rows(hour, shift))
    rig.run()


def _decided(rig: Rig, phase: JobPhase, detail: str) -> RetrainJob:
    """What the guard made of the request that waits for it."""
    [(sequence, request)] = rig.stores.jobs.pending_requests(10)
    job = RetrainJob(request, phase, NOW, NOW, detail=detail)
    assert rig.stores.jobs.settle_request(sequence, job)
    return job
