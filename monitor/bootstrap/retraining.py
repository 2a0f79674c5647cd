"""The parts of retraining: policies, triggers, how a candidate's baseline is built, and how it is verified."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from monitor.adapters.archive.members import ArchivedSegments
from monitor.adapters.score_files import ScoreTables
from monitor.bootstrap.app import App
from monitor.bootstrap.archiving import archive_location
from monitor.bootstrap.baselines import TrainingData, build_baseline
from monitor.bootstrap.exporting import absolute, training_set
from monitor.bootstrap.triggers import build_triggers
from monitor.config.directory import MONITOR
from monitor.domain.errors import BadRequest, BaselineError, ConfigError, MonitorError
from monitor.domain.models import ModelRef
from monitor.domain.ports import RetrainTrigger
from monitor.domain.retraining import BY_HAND, RetrainJob, RetrainPolicy, RetrainRequest
from monitor.domain.time import to_ms
from monitor.usecases.compare_candidate import CompareCandidate
from monitor.usecases.job_ledger import Ledger
from monitor.usecases.retrain import Retrain, RetrainParts
from monitor.usecases.retrain_facts import RetrainFacts
from monitor.usecases.verify_candidate import VerifyCandidate
from monitor.usecases.watch_promotion import WatchPromotion


def build_retraining(app: App) -> Retrain:
    """The use case, with the configured policies and triggers; ConfigError when a trigger cannot be built."""
    return _retraining(app, build_triggers(app.settings, app.environ, app.clock))


def build_decisions(app: App) -> Retrain:
    """The use case for whoever decides about jobs and starts none: without the triggers and their secrets.

    A job that only its trigger could move stays as it is, for `driftline run` to go on with.
    """
    return _retraining(app, _NotAtHand())


class _NotAtHand(Mapping[str, RetrainTrigger]):
    """The triggers where nobody has built them; to look for one is an error, lest one that exists be taken as gone."""

    def __getitem__(self, name: str) -> RetrainTrigger:
        raise MonitorError(f"trigger {name!r} is not at hand: `driftline run` goes on with the job")

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _retraining(app: App, triggers: Mapping[str, RetrainTrigger]) -> Retrain:
    stores, models = app.stores, app.settings.models
    compare = CompareCandidate(app.metrics)
    segments = ArchivedSegments(lambda: archive_location(app), stores.records)
    parts = RetrainParts(
        models=models,
        policies=policies_of(app),
        triggers=triggers,
        jobs=stores.jobs,
        holds=stores.holds,
        baselines=stores.baselines,
        build_candidate=lambda ref, place: build_candidate(app, ref, place),
        facts=retrain_facts(app),
        verification=VerifyCandidate(stores.evaluations, stores.pairs, compare, ScoreTables(), segments),
        watching=WatchPromotion(stores.evaluations, stores.pairs, compare),
        parameters=lambda request, policy: parameters(app, request, policy),
        clock=app.clock,
    )
    return Retrain(parts)


def build_ledger(app: App) -> Ledger:
    """The jobs alone: for whoever looks at them, without the triggers and their secrets."""
    return Ledger(app.stores.jobs, app.clock, retrain_facts(app).asking)


_MOST_EVIDENCE = 10


class RetrainingApi:
    """The ledger as the HTTP shell asks for it."""

    def __init__(self, app: App, retraining: Retrain) -> None:
        self._app, self._retrain = app, retraining
        self.finish, self.verify = self._retrain.finish, self._retrain.verify
        self.approve, self.decline = self._retrain.approve, self._retrain.decline
        self.promote, self.reject = self._retrain.promote, self._retrain.reject

    def ask(self, model: str, by: str, why: str, key: str) -> RetrainJob:
        """The job of a person's request; the same key is the same request, no key always a new one."""
        return self._retrain.ask(request_by_hand(self._app, model, by, why, asked_as=key))

    def callback(self, message_id: str, digest: str) -> str:
        """The digest with which a message of this id came first."""
        return self._app.stores.jobs.callback(message_id, digest, to_ms(self._app.clock.now()))

    def listed(self, model: str | None) -> list[RetrainJob]:
        """Every job, oldest first."""
        return self._app.stores.jobs.jobs(model)

    def history(self, key: str) -> list[RetrainJob]:
        """What a job has been; UnknownJob when there is none."""
        self._retrain.ledger.job(key)
        return self._app.stores.jobs.history(key)


def policies_of(app: App) -> dict[str, RetrainPolicy]:
    """The configured policies by name; ConfigError when one names a metric that there is not."""
    policies = {name: section.policy(name) for name, section in app.settings.monitor.retraining.policies.items()}
    for policy in policies.values():
        named = [*(policy.verify.metrics if policy.verify else ()), *([policy.cost.metric] if policy.cost else ())]
        unknown = [metric for metric in named if metric not in app.metrics]
        if unknown:
            where, hint = app.settings.directory / MONITOR, f"metrics: {', '.join(app.metrics)}"
            raise ConfigError(f"policy {policy.name}: {unknown[0]!r} is no performance metric", where, hint=hint)
    return policies


def retrain_facts(app: App) -> RetrainFacts:
    """What the guard looks at."""
    stores = app.stores
    return RetrainFacts(
        app.settings.models,
        app.settings.rules,
        app.metrics,
        stores.records,
        stores.evaluations,
        stores.windows,
        holds=stores.holds,
        clock=app.clock,
    )


def build_candidate(app: App, ref: ModelRef, place: str) -> str:
    """Build the baseline of a new version from files that this process can read, as the model's `training` says."""
    if "://" in place:
        raise BaselineError(f"training data at {place!r} cannot be read: name a file or folder that this machine has")
    data = TrainingData(Path(place), options=app.settings.training[ref.name])
    return build_baseline(app, ref, data).id


def request_by_hand(
    app: App, model: str, by: str, why: str, *, rule: str = BY_HAND, asked_as: str = ""
) -> RetrainRequest:
    """A person's request, about the version whose window was judged last; MonitorError when there is none.

    BadRequest when nobody knows the model.
    """
    if model not in app.settings.models:
        known = ", ".join(sorted(app.settings.models)) or "none"
        raise BadRequest(f"there is no model {model!r}; models: {known}")
    judged = [one for one in app.stores.evaluations.done({model: 0}) if one.model.version]
    if not judged:
        raise MonitorError(f"no window of {model} has been judged, so nobody knows which version to retrain")
    newest = max(judged, key=lambda one: (one.window.end, one.revision))
    return RetrainRequest(model, newest.model.version, rule, newest.window.end, why, by, asked_as)


def parameters(app: App, request: RetrainRequest, policy: RetrainPolicy) -> Mapping[str, object]:
    """What the pipeline is told beside the request: evidence, data to train on, where to call back, the hold-out."""
    address = app.settings.monitor.http.address
    said = {
        "policy": policy.name,
        "callback_url": f"{address}/v1/retraining/{request.key}/finished" if address else None,
        "holdout": absolute(policy.verify.holdout) if policy.verify and policy.verify.holdout else None,
        "training_set": training_set(app, request, policy) if policy.export else None,
        "evidence": evidence(app, request),
    }
    return {name: value for name, value in said.items() if value is not None}


def evidence(app: App, request: RetrainRequest) -> list[dict[str, object]]:
    """The bad findings of the window that the request is about, the first ten."""
    since = request.at - app.settings.models[request.model].windows.size
    found = app.stores.evaluations.findings(request.model, since, request.at)
    bad = [one for one in found if one.window.end == request.at and one.verdict.is_bad]
    return [
        {"check": one.check.name, "verdict": one.verdict.value, "window": str(one.window), "reason": one.reason}
        for one in bad[:_MOST_EVIDENCE]
    ]
