"""The parts of retraining: policies, triggers, and how a candidate's baseline is built."""

from dataclasses import replace
from pathlib import Path

from monitor.bootstrap.app import App
from monitor.bootstrap.baselines import TrainingData, build_baseline
from monitor.bootstrap.triggers import build_triggers
from monitor.domain.errors import BaselineError, MonitorError
from monitor.domain.models import ModelRef
from monitor.domain.retraining import HoldReason, JobPhase, RetrainJob
from monitor.rules.guard import fault_in_data
from monitor.rules.job_events import job_event
from monitor.usecases.retrain import Retrain


def build_retraining(app: App) -> Retrain:
    """The use case, with the configured policies and triggers; ConfigError when a trigger cannot be built."""
    policies = app.settings.monitor.retraining.policies
    return Retrain(
        models=app.settings.models,
        policies={name: section.policy(name) for name, section in policies.items()},
        triggers=build_triggers(app.settings, app.environ, app.clock),
        jobs=app.stores.jobs,
        records=app.stores.records,
        baselines=app.stores.baselines,
        build_candidate=lambda ref, place: build_candidate(app, ref, place),
        clock=app.clock,
        data_fault=lambda model: fault_in_data(app.settings.rules, app.stores.evaluations.rule_states(model), model),
    )


def build_candidate(app: App, ref: ModelRef, place: str) -> str:
    """Build the baseline of a new version from files that this process can read, as the model's `training` says."""
    if "://" in place:
        raise BaselineError(f"training data at {place!r} cannot be read: name a file or folder that this machine has")
    data = TrainingData(Path(place), options=app.settings.training[ref.name])
    return build_baseline(app, ref, data).id


def hold_job(app: App, key: str) -> RetrainJob:
    """Keep a job from being started until somebody approves it; MonitorError when it was started, or is unknown."""
    job = app.stores.jobs.get(key)
    if job is None:
        raise MonitorError(f"there is no retraining job {key!r}: see `driftline retraining list`")
    if job.phase is not JobPhase.REQUESTED:
        raise MonitorError(f"job {key} is {job.phase}: only a job that waits to be started can be held")
    held = replace(
        job,
        phase=JobPhase.HELD,
        hold_reason=HoldReason.NEEDS_APPROVAL,
        changed_at=app.clock.now(),
        detail="held by hand",
    )
    app.stores.jobs.update(held, [job_event(held)])
    return held
