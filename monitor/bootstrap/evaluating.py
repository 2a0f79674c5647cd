"""The parts of the evaluation."""

from collections.abc import Mapping
from datetime import timedelta

from monitor.adapters.evidently.metrics import EvidentlyMetrics
from monitor.adapters.raw_rows import ArchivedRows
from monitor.bootstrap.app import CODE_VERSION, App
from monitor.bootstrap.archiving import archive_location, archived_columns
from monitor.bootstrap.finding_segments import find_segments
from monitor.bootstrap.reporting import report_links
from monitor.domain.models import MonitoredModel
from monitor.domain.ports import EvaluationStore, WindowReads
from monitor.usecases.borrowed_predictions import BorrowedPredictions
from monitor.usecases.evaluate import Evaluate
from monitor.usecases.group_fairness import TruthByGroup
from monitor.usecases.judging import Judge


def window_reads(app: App, windows: WindowReads | None = None) -> WindowReads:
    """The reads (those of the database, unless told otherwise), that answer for further truths of models as well."""
    reads = windows or app.stores.windows
    lenders = {model.name: model.recorded_as for model in app.settings.further.values()}
    return BorrowedPredictions(reads, lenders) if lenders else reads


def build_evaluate(
    app: App,
    models: Mapping[str, MonitoredModel] | None = None,
    windows: WindowReads | None = None,
    store: EvaluationStore | None = None,
    sweep_every: timedelta = timedelta(0),
) -> Evaluate:
    """The use case: for all models on the database, unless told otherwise."""
    reads = window_reads(app, windows)
    evaluations = store or app.stores.evaluations
    judge = Judge(
        app.tests,
        app.metrics,
        reads,
        app.stores.baselines,
        CODE_VERSION,
        accounts=app.stores.accounts,
        findings=evaluations,
        fairness=TruthByGroup(app.stores.pairs, archived_columns(app)),
        rows=ArchivedRows(lambda: archive_location(app), app.stores.records),
        segments=find_segments(app),
        evidently=EvidentlyMetrics(),
    )
    models = app.settings.judged if models is None else models
    return Evaluate(
        models,
        app.settings.rules,
        judge,
        reads,
        evaluations,
        sweep_every=sweep_every,
        link=report_links(app),
        alarms=app.stores.alarms,
        jobs=app.stores.jobs,
    )
