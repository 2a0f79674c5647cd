"""A fleet of models in a SQLite file with one window due each: what a whole knock costs, and how often it reads."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine, event

from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.sql.stores import SqlStores
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.partitions import PartitionId
from monitor.domain.rules import Rule, ShareDrifted
from monitor.domain.stream import Flush, Share, ShareKey, TopicKind
from monitor.domain.windows import Window
from monitor.stats.baseline import Baseline
from monitor.stats.drift import DRIFT_TESTS
from monitor.stats.performance import PERFORMANCE_METRICS
from monitor.usecases.evaluate import Evaluate
from monitor.usecases.judging import Judge

RULES = [Rule("drift", ShareDrifted(0.3))]


def judge_fleet(  # noqa: PLR0917 - whom, when, on what, with what, of how many rows
    models: Sequence[MonitoredModel],
    window: Window,
    baselines: Sequence[Baseline],
    payloads: Sequence[Sequence[bytes]],
    window_rows: int,
    progress: Callable[[str], object],
) -> dict[str, float]:
    """Seconds (by the wall) and statements a model of one run over every model.

    A window before it is judged first, so that baselines and bound checks are at hand, as in a process that has run
    for an hour. Model n is on baseline n and has the payloads n, one a partition, both counted round.
    """
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{Path(folder, 'fleet.db')}")
        migrate(engine)
        stores = SqlStores.of(engine)
        ids = [_promote(stores, model.name, baselines[n % len(baselines)]) for n, model in enumerate(models)]
        judge = Judge(DRIFT_TESTS, PERFORMANCE_METRICS, stores.windows, stores.baselines, "benchmark")
        evaluate = Evaluate({m.name: m for m in models}, RULES, judge, stores.windows, stores.evaluations)
        for due in (Window(window.start - (window.end - window.start), window.start), window):
            for partition in range(len(payloads[0])):
                _flush(stores, partition, due, _shares(models, ids, payloads, partition, due, window_rows))
            with counted(engine) as statements:
                began = time.perf_counter()
                judged = evaluate.run_once(due.end).windows
                seconds = time.perf_counter() - began
            progress(f"{judged} windows on a database: {seconds:.2f} s, {statements['all'] / judged:.2f} queries each")
        engine.dispose()
    return {
        "seconds_1000x25_database": round(seconds, 3),
        "queries_per_model": round(statements["all"] / judged, 3),
        "reads_per_model": round(statements["reads"] / judged, 3),
    }


@contextmanager
def counted(engine: Engine) -> Iterator[Mapping[str, int]]:
    """Counts of the statements sent meanwhile: `reads` are those that begin with SELECT or WITH."""
    counts = {"all": 0, "reads": 0}

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        counts["all"] += not statement.startswith("BEGIN")
        counts["reads"] += statement.startswith(("SELECT", "WITH"))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield counts
    finally:
        event.remove(engine, "before_cursor_execute", note)


def _promote(stores: SqlStores, model: str, baseline: Baseline) -> str:
    mine = replace(baseline, ref=ModelRef(model, "1"))
    stores.baselines.put(mine.id, mine.ref, mine.to_bytes(), {})
    stores.baselines.promote(mine.ref, mine.id, None, "benchmark")
    return mine.id


def _shares(  # noqa: PLR0917 - of whom, on what, which part of which window
    models: Sequence[MonitoredModel],
    ids: Sequence[str],
    payloads: Sequence[Sequence[bytes]],
    partition: int,
    window: Window,
    window_rows: int,
) -> list[Share]:
    part = window_rows // len(payloads[0])
    return [
        Share(
            ShareKey(model.name, "1", "", window.start_ms, ids[n], PartitionId("log", partition), 1),
            part, 0, 0, part, payloads[n % len(payloads)][partition],
        )
        for n, model in enumerate(models)
    ]  # fmt: skip


def _flush(stores: SqlStores, partition: int, window: Window, shares: Sequence[Share]) -> None:
    claim = stores.ingest.claim(PartitionId("log", partition), TopicKind.INFERENCE, "benchmark")
    offset = (claim.next_offset or 0) + len(shares)
    end_ms = window.end_ms
    flush = Flush(
        claim, TopicKind.INFERENCE, claim.next_offset, offset, end_ms, offset + 1, saved_at_ms=end_ms, shares=shares,
    )  # fmt: skip
    stores.ingest.flush([flush])
