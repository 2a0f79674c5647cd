"""From a window's close to its findings committed, and to the message handed to the channel, at a steady rate.

On the loops of the real roles. `finding_p95_s` begins at the record that closes the window: the first one behind it in
the log, which is the last that its judgement waits for.

A window of five seconds closes when a record passes its end by the lateness; that instant (wall clock) is when the
record was written. Every window drifts in turn, so each brings a firing or a resolved message. Intervals are those of
the default configuration.
"""

import json
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np

from alerts.config import parse
from alerts.model import Receipt
from alerts.plugins import discover
from alerts.render.document import Message
from alerts.service import AlertService
from alerts.storage.migrate import upgrade
from benchmarks.payloads import REF, model_baseline, payloads
from monitor.adapters.alert_relay import AlertRelay
from monitor.adapters.codec import JsonCodec
from monitor.adapters.memory.source import MemoryLog, MemorySource
from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.sql.stores import SqlStores
from monitor.adapters.system import SystemClock
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.records import PartitionId
from monitor.domain.rules import Rule, ShareDrifted
from monitor.domain.time import format_instant, parse_instant
from monitor.domain.windows import WindowSpec
from monitor.stats.drift import DRIFT_TESTS
from monitor.stats.performance import PERFORMANCE_METRICS
from monitor.usecases.evaluate import Evaluate
from monitor.usecases.ingest import Ingest, IngestSettings
from monitor.usecases.judging import Judge
from monitor.usecases.relay import Relay

RATE, SECONDS, SIZE, LATENESS = 2_000, 90, timedelta(seconds=5), timedelta(seconds=1)
EVALUATE_S = RELAY_S = DISPATCH_S = 1.0
LOOK_EVERY_S = 0.05
"""How exactly it is seen when findings are there: what is added to their time at most."""

WINDOWED = MonitoredModel("benchmark", WindowSpec(SIZE, SIZE), LATENESS, timedelta(minutes=5))
PARTITION = PartitionId("inference", 0)
ROUTES = {
    "channels": {"measured": {"kind": "console"}},
    "route": {"channels": ["measured"], "group_by": ["model"], "collect_for": "0s", "update_every": "1s"},
}


class Measured:
    """A channel that notes when it was handed a message."""

    name = "measured"

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        self.handed: list[tuple[str, datetime]] = []

    def send(self, message: Message, previous: Receipt | None) -> Receipt:  # noqa: ARG002 - nothing to edit
        """Take the message."""
        self.handed.append((repr(message), self._clock.now()))
        return Receipt({})


def run(progress: Callable[[str], None]) -> dict[str, float | int]:
    """Seconds from close to hand-over: median and 95th percentile over the windows of the run."""
    clock, stop = SystemClock(), threading.Event()
    stores, service, channel = _built(clock)
    log = MemoryLog()
    log.create("inference")
    models, closed = {WINDOWED.name: WINDOWED}, dict[str, datetime]()
    ingest = Ingest(
        MemorySource(log), stores.ingest, JsonCodec(), baselines=stores.baselines, models=models, clock=clock,
        settings=IngestSettings("benchmark", timedelta(seconds=1)),
    )  # fmt: skip
    judge = Judge(DRIFT_TESTS, PERFORMANCE_METRICS, stores.windows, stores.baselines, "benchmark")
    rules = [Rule("drift", ShareDrifted(0.3))]
    evaluate = Evaluate(models, rules, judge, stores.windows, stores.evaluations, sweep_every=timedelta(seconds=10))
    relay = Relay(stores.outbox, AlertRelay(service))
    roles: list[tuple[Callable[[], object], float]] = [
        (lambda: ingest.step(0.05), 0.02),
        (lambda: evaluate.run_once(clock.now()), EVALUATE_S),
        (relay.run_once, RELAY_S),
        (lambda: (service.tick(), service.dispatch()), DISPATCH_S),
    ]
    judged: dict[str, datetime] = {}
    roles.append((lambda: _look(stores, clock, judged), LOOK_EVERY_S))
    threads = [threading.Thread(target=_repeat, args=(call, every, stop), daemon=True) for call, every in roles]
    for thread in threads:
        thread.start()
    _write(log, clock, closed, progress)
    time.sleep(8)
    stop.set()
    for thread in threads:
        thread.join(10)
    waits = _waits(channel.handed, closed)
    if len(waits) < SECONDS / SIZE.total_seconds() / 2:
        raise RuntimeError(f"only {len(waits)} messages for {len(closed)} windows")
    p50, p95 = np.quantile(waits, [0.5, 0.95]).round(2).tolist()
    found = [(judged[end] - at).total_seconds() for end, at in closed.items() if end in judged]
    finding_p50, finding_p95 = np.quantile(found, [0.5, 0.95]).round(2).tolist()
    return {
        "finding_p50_s": finding_p50,
        "finding_p95_s": finding_p95,
        "p50_s": p50,
        "p95_s": p95,
        "windows": len(waits),
        "events_per_s": RATE,
    }


def _built(clock: SystemClock) -> tuple[SqlStores, AlertService, Measured]:
    engine = create_engine("sqlite://")
    migrate(engine)
    with engine.begin() as connection:
        upgrade(connection)
    stores, baseline, channel = SqlStores.of(engine), model_baseline(), Measured(clock)
    stores.baselines.put(baseline.id, REF, baseline.to_bytes(), baseline.describe())
    stores.baselines.promote(ModelRef("benchmark", "1"), baseline.id, None, "benchmark")
    return stores, AlertService(engine, parse(ROUTES, discover()), {"measured": channel}, clock), channel


def _look(stores: SqlStores, clock: SystemClock, judged: dict[str, datetime]) -> None:
    """Note which windows have findings by now."""
    since_ms = int((clock.now() - timedelta(minutes=1)).timestamp() * 1000)
    for done in stores.evaluations.done({WINDOWED.name: since_ms}):
        judged.setdefault(format_instant(done.window.end), clock.now())


def _repeat(call: Callable[[], object], every_s: float, stop: threading.Event) -> None:
    while not stop.wait(every_s):
        call()


def _write(log: MemoryLog, clock: SystemClock, closed: dict[str, datetime], progress: Callable[[str], None]) -> None:
    """Write the log in tenths of seconds at the present time, every other window drifted; note when windows close."""
    quiet = [json.loads(raw) for raw in payloads(RATE)]
    drifted = [one | {"features": one["features"] | _moved(one["features"])} for one in quiet]
    started = time.monotonic()
    for step in range(SECONDS * 10):
        now = clock.now()
        window = WINDOWED.windows.starting(WINDOWED.windows.pane_start_ms(int(now.timestamp() * 1000)))
        rows = drifted if int(window.start.timestamp()) // int(SIZE.total_seconds()) % 2 else quiet
        batch = rows[(step % 10) * RATE // 10 : (step % 10 + 1) * RATE // 10]
        at = format_instant(now)
        stamped = [one | {"event_time": at, "event_id": f"{step}-{i}"} for i, one in enumerate(batch)]
        log.append(PARTITION, [json.dumps(one).encode() for one in stamped])
        ended = WINDOWED.windows.starting(window.start_ms - WINDOWED.windows.size_ms)
        if now >= ended.end + LATENESS:
            closed.setdefault(format_instant(ended.end), now)
        if step % 100 == 0:
            progress(f"{step // 10} of {SECONDS} s")
        time.sleep(max(0.0, started + (step + 1) / 10 - time.monotonic()))


def _moved(features: dict[str, object]) -> dict[str, object]:
    return {name: value * 3 + 50 for name, value in features.items() if isinstance(value, int | float)}


def _waits(handed: list[tuple[str, datetime]], closed: dict[str, datetime]) -> list[float]:
    """Each message is about the newest window that had closed when it was handed over and was not told before."""
    waits, told = [], set[str]()
    for _, at in handed:
        open_ones = [end for end, when in closed.items() if when <= at and end not in told]
        if open_ones:
            newest = max(open_ones, key=parse_instant)
            told.update(open_ones)
            waits.append((at - closed[newest]).total_seconds())
    return waits
