"""Ground truth joined to 10 million predictions that wait for it, in SQLite, through the stores that the service uses.

Truth of five windows comes in random order, in flushes of 50,000; then every window's predictions are read with their
truth, as performance is judged. `joins_per_s` counts the truths over the time of both; `lost` are those that did not
come back with the right label. `predictions_per_s` is how fast further predictions are saved beside the ten million,
`due_seconds` how long it takes to count the truth of every window at once, `peak_mb` how much the process grew.
"""

import resource
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter

from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.sql.stores import SqlStores
from monitor.domain.models import ALL_TRAFFIC, ModelRef
from monitor.domain.records import PartitionId, Prediction, Truth
from monitor.domain.stream import Claim, Flush, JoinSpan, PaneSpan, Share, ShareKey, TopicKind, TruthScope

WAITING = 10_000_000
HOUR_MS = 3_600_000
PER_HOUR = 100_000
TOLD_HOURS = (3, 27, 50, 71, 99)
"""The windows whose truth comes: old ones and new ones."""

MORE = 200_000
AT_ONCE = 50_000
MODEL = ModelRef("churn", "3")

_STEP_MS = HOUR_MS // PER_HOUR
_START_MS = 1_793_527_200_000
_SPREAD = 2_654_435_761
"""Odd, so that numbers times it are spread over 32 bits and none twice."""


def run(progress: Callable[[str], None]) -> dict[str, float | int]:
    """Fill a database, then time what the service does with it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "joins.db"
        engine = create_engine(f"sqlite:///{path}")
        migrate(engine)
        stores = SqlStores.of(engine)
        progress(f"{WAITING:,} predictions")
        _fill(path)
        bytes_each = path.stat().st_size / WAITING
        before_mb = _peak_mb()
        claim = stores.ingest.claim(PartitionId("inference", 0), TopicKind.MIXED, "benchmark")
        progress(f"{MORE:,} more, through the store")
        saving_s = _save_more(stores, claim)
        progress(f"{len(TOLD_HOURS) * PER_HOUR:,} truths")
        telling_s = _tell(stores, claim)
        joining_s, found = _join(stores)
        progress("which windows are due")
        due_s, counted = _count(stores)
        engine.dispose()
    told = len(TOLD_HOURS) * PER_HOUR
    return {
        "joins_per_s": round(told / (telling_s + joining_s)),
        "lost": told - min(found, counted),
        "waiting": WAITING,
        "bytes_per_waiting_prediction": round(bytes_each, 1),
        "truths_saved_per_s": round(told / telling_s),
        "predictions_per_s": round(MORE / saving_s),
        "due_seconds": round(due_s, 2),
        "peak_mb": round(_peak_mb() - before_mb),
    }


def _fill(path: Path) -> None:
    """What the store would have written, by the database itself: in Python it would take longer than all the rest."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(
        "INSERT INTO predictions (model, event_time_ms, version, event_id, prediction, score) "
        "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < ? - 1) "
        "SELECT ?, ? + n * ?, ?, printf('%08x-%04x-4000-8000-%012x', (n * ?) & 4294967295, n & 65535, n), "
        "CASE n % 3 WHEN 0 THEN 'no' ELSE 'yes' END, (n % 1000) / 1000.0 FROM numbers",
        (WAITING, MODEL.name, _START_MS, _STEP_MS, MODEL.version, _SPREAD),
    )
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _id(n: int) -> str:
    return f"{n * _SPREAD & 0xFFFFFFFF:08x}-{n & 0xFFFF:04x}-4000-8000-{n:012x}"


def _save_more(stores: SqlStores, claim: Claim) -> float:
    numbers = range(WAITING, WAITING + MORE)
    made = [Prediction(*_of_model(n), _START_MS + n * _STEP_MS, "yes", 0.5) for n in numbers]
    began = perf_counter()
    for first in range(0, MORE, AT_ONCE):
        stores.ingest.flush([_flush(claim, first, predictions=made[first : first + AT_ONCE])])
    return perf_counter() - began


def _of_model(n: int) -> tuple[str, str, str]:
    return MODEL.name, MODEL.version, _id(n)


def _tell(stores: SqlStores, claim: Claim) -> float:
    numbers = [n for hour in TOLD_HOURS for n in range(hour * PER_HOUR, (hour + 1) * PER_HOUR)]
    Random(7).shuffle(numbers)
    known_ms = _START_MS + 200 * HOUR_MS
    said = [Truth(MODEL.name, _id(n), _label(n), known_ms, offset=k) for k, n in enumerate(numbers)]
    began = perf_counter()
    for first in range(0, len(said), AT_ONCE):
        stores.ingest.flush([_flush(claim, MORE + first, truths=said[first : first + AT_ONCE])])
    return perf_counter() - began


def _label(n: int) -> str:
    return f"label {n % 7}"


def _join(stores: SqlStores) -> tuple[float, int]:
    """Seconds, and predictions that came with the label that was told of them."""
    began, joined = perf_counter(), []
    for hour in TOLD_HOURS:
        span = JoinSpan(MODEL, _START_MS + hour * HOUR_MS, _START_MS + (hour + 1) * HOUR_MS)
        joined.append(stores.windows.joined(span))
    seconds = perf_counter() - began
    right = 0
    for hour, rows in zip(TOLD_HOURS, joined, strict=True):
        labels = [_label(n) for n in sorted(_numbers(hour), key=_id)]
        right += sum(row.label == label for row, label in zip(rows, labels, strict=False))
    return seconds, right


def _numbers(hour: int) -> range:
    return range(hour * PER_HOUR, (hour + 1) * PER_HOUR)


def _count(stores: SqlStores) -> tuple[float, int]:
    """Seconds, and truths counted over all windows."""
    hours = WAITING // PER_HOUR
    span = PaneSpan(MODEL.name, _START_MS, _START_MS + hours * HOUR_MS, HOUR_MS, TruthScope())
    began = perf_counter()
    panes = stores.windows.panes([span])
    return perf_counter() - began, sum(pane.truths for pane in panes)


def _flush(
    claim: Claim, first: int, predictions: list[Prediction] | None = None, truths: list[Truth] | None = None
) -> Flush:
    n = len(predictions or truths or ())
    shares = () if first else tuple(_shares(claim))
    return Flush(
        claim,
        TopicKind.MIXED,
        first or None,
        first + n,
        watermark_ms=None,
        highwater=None,
        saved_at_ms=0,
        shares=shares,
        predictions=predictions or (),
        truths=truths or (),
    )


def _shares(claim: Claim) -> Iterator[Share]:
    """One a window, so that the windows are there to be asked about."""
    for hour in range(WAITING // PER_HOUR):
        key = ShareKey(*_ref(), ALL_TRAFFIC, _START_MS + hour * HOUR_MS, "b1", claim.partition, claim.epoch)
        yield Share(key, PER_HOUR, 0, 0, 1, b"")


def _ref() -> tuple[str, str]:
    return MODEL.name, MODEL.version


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
