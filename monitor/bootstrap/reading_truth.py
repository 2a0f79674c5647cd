"""Tables of ground truth read once, to their end, and folded: what a command does, beside a daemon or without one."""

from collections.abc import Sequence

from monitor.bootstrap.app import App
from monitor.bootstrap.consuming import build_ingest
from monitor.bootstrap.truth_sources import build_poll, polled_backlog, polled_source
from monitor.domain.errors import SourceUnavailable
from monitor.domain.progress import ProgressTask
from monitor.usecases.backfill import ReadTotals

_WAIT_S = 0.2


def read_truth(app: App, names: Sequence[str], bar: ProgressTask) -> ReadTotals:
    """Read what is new in these tables and fold it, or wait for whoever does; ConfigError, SourceUnavailable."""
    for poll in [build_poll(app, name) for name in names]:
        report = poll.run_once()
        if report.error:
            raise SourceUnavailable(f"truth source {poll.source}: {report.error}")
        bar.advance(report.read)
    return _fold(app) if names else ReadTotals()


def _fold(app: App) -> ReadTotals:
    totals, source = ReadTotals(), polled_source(app)
    ingest = build_ingest(app, source)
    try:
        while polled_backlog(app):
            totals.add(ingest.step(_WAIT_S))
    finally:
        ingest.close()
    return totals
