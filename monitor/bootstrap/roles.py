"""The roles of a process, from the parts."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from alerts.service import AlertService
from monitor.adapters.alert_relay import AlertRelay
from monitor.bootstrap.alerting import Teller, alert_service
from monitor.bootstrap.app import App
from monitor.bootstrap.archiving import archive_compaction, forget_archived
from monitor.bootstrap.consuming import consume_role
from monitor.bootstrap.digest_parts import digest_parts
from monitor.bootstrap.evaluating import build_evaluate
from monitor.bootstrap.registry import watch_registry
from monitor.bootstrap.retraining import build_retraining
from monitor.bootstrap.submitting import sweep_log
from monitor.bootstrap.truth_sources import poll_knocks, sweep_polled, truth_states
from monitor.config.source_section import HttpSource
from monitor.domain.time import from_ms, to_ms
from monitor.schedule.closing import closes_until_ms
from monitor.schedule.staleness import lag_records, staleness_ms
from monitor.shells.workers import consume, dispatch, tick
from monitor.shells.workers.relay import relay_all
from monitor.shells.workers.run import Role
from monitor.shells.workers.tick import Knock
from monitor.usecases.relay import Relay
from monitor.usecases.retention import Retain, sweep
from monitor.usecases.retire import RetireRules
from monitor.usecases.retrain import Retrain

CONSUME, TICK, DISPATCH = consume.ROLE, tick.ROLE, dispatch.ROLE
ALL_ROLES = (CONSUME, TICK, DISPATCH)

_LEASE = "evaluate"


def build_roles(app: App, names: Iterable[str]) -> list[Role]:
    """The named roles; everything that can be wrong with the configuration is said here, before any of them runs."""
    makers: Mapping[str, Callable[[App], Role]] = {CONSUME: _consume, TICK: _tick, DISPATCH: _dispatch}
    return [makers[name](app) for name in names]


def _consume(app: App) -> Role:
    return Role(CONSUME, consume_role(app).run)


def _tick(app: App) -> Role:
    knocks = build_knocks(app)
    return Role(TICK, lambda stop: tick.tick(knocks, app.clock, stop, app.gauges))


def _dispatch(app: App) -> Role:
    service = alert_service(app.settings, app.engine, app.clock, app.owner, digest_parts(app))
    every = app.settings.monitor.schedule.dispatch_every
    return Role(DISPATCH, lambda stop: dispatch.dispatch(Teller(service, app.engine), every, stop, app.gauges))


def build_knocks(app: App) -> list[Knock]:
    """What the scheduler calls, and how often."""
    schedule, meter = app.settings.monitor.schedule, app.telemetry
    service = alert_service(app.settings, app.engine, app.clock, app.owner)
    relay = Relay(app.stores.outbox, AlertRelay(service))
    retraining = build_retraining(app)
    return [
        Knock("evaluate", schedule.evaluate_every, _leased(app, _evaluation(app), schedule.lease)),
        Knock("relay", schedule.relay_every, lambda: relay_all(relay.run_once, meter)),
        Knock("retrain", schedule.retrain_every, retraining.run_once),
        *_registry(app, retraining),
        *poll_knocks(app),
        Knock("archive", schedule.archive_every, archive_compaction(app)),
        Knock("retention", schedule.retention_every, lambda: _forget(app, service)),
        Knock("lag", schedule.lag_every, lambda: show_lag(app)),
    ]


def _registry(app: App, retraining: Retrain) -> list[Knock]:
    section = app.settings.monitor.retraining.registry
    if section is None:
        return []
    watch = watch_registry(app, section, retraining)
    return [Knock("registry", section.every, lambda: tick.show_registry(watch.run_once()))]


def _evaluation(app: App) -> Callable[[], None]:
    evaluate = build_evaluate(app, sweep_every=app.settings.monitor.schedule.sweep_every)
    models = app.settings.judged
    segments = {name: [segment.name for segment in model.segments] for name, model in models.items()}
    retire = RetireRules(models, app.settings.rules, app.stores.evaluations, segments)

    def run() -> None:
        tick.show_transitions(retire.run_once())
        tick.evaluate_once(lambda: evaluate.run_once(app.clock.now()), app.telemetry)

    return run


def _leased(app: App, call: Callable[[], None], term: timedelta) -> Callable[[], None]:
    """Do nothing while another process holds the lease; correctness never rests on it."""

    def run() -> None:
        if app.stores.lease.hold(_LEASE, app.owner, term.total_seconds()):
            call()

    return run


def _forget(app: App, service: AlertService) -> None:
    keep = app.settings.monitor.retention
    policy = Retain(records=keep.records, findings=keep.findings)
    # Ages count from the stream's own time when that is behind: a replay of old data must not vanish while it runs.
    reached = [p.watermark_ms for p in app.stores.windows.progress() if p.watermark_ms is not None]
    now = min([app.clock.now(), *([from_ms(max(reached))] if reached else [])])
    for table, number in sweep(app.stores.retention, app.settings.judged, policy, now).items():
        app.telemetry.count("retention_deleted_total", number, table=table)
    app.telemetry.count("retention_deleted_total", forget_archived(app, to_ms(now)), table="archive_files")
    section = app.settings.monitor.source
    if isinstance(section, HttpSource):
        for table, number in sweep_log(app, section, app.clock.now()).items():
            app.telemetry.count("retention_deleted_total", number, table=table)
    if app.settings.monitor.truth_sources:
        for table, number in sweep_polled(app, app.clock.now()).items():
            app.telemetry.count("retention_deleted_total", number, table=table)
    pruned = service.prune(app.clock.now() - keep.records, app.clock.now() - keep.findings)
    app.telemetry.count("retention_deleted_total", pruned, table="alerts")


def show_lag(app: App) -> None:
    """Lag and age of every partition's watermark, and the ledger of jobs, as gauges."""
    now_ms = to_ms(app.clock.now())
    everything = app.stores.windows.progress()
    for progress in everything:
        if progress.is_replay:
            continue
        labels = {"topic": progress.partition.topic, "partition": str(progress.partition.partition)}
        lag, stale_ms = lag_records(progress), staleness_ms(progress, now_ms)
        if lag is not None:
            app.telemetry.show("lag_records", lag, **labels)
        if stale_ms is not None:
            app.telemetry.show("staleness_seconds", stale_ms / 1000, **labels)
        if progress.watermark_ms is not None:
            app.telemetry.show("watermark_age_seconds", (now_ms - progress.watermark_ms) / 1000, **labels)
    for model in app.settings.models.values():
        closed_ms = closes_until_ms(model, everything)
        if closed_ms is not None:
            app.telemetry.show("model_behind_seconds", max(0.0, (now_ms - closed_ms) / 1000), model=model.name)
    _show_truth_sources(app, now_ms)
    phases: dict[str, int] = {}
    for job in app.stores.jobs.jobs():
        phases[job.phase.value] = phases.get(job.phase.value, 0) + 1
    for phase, number in phases.items():
        app.telemetry.show("retraining_jobs", number, phase=phase)


def _show_truth_sources(app: App, now_ms: int) -> None:
    for table in truth_states(app):
        if table.completed_at_ms:
            age_s = (now_ms - table.completed_at_ms) / 1000
            app.telemetry.show("truth_source_age_seconds", age_s, source=table.source)
