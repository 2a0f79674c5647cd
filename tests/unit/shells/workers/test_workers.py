"""The loops: what they do about trouble, signals and crashes."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from monitor.adapters.telemetry import Telemetry
from monitor.domain.errors import RejectReason, SourceUnavailable, StoreUnavailable
from monitor.domain.models import ModelRef
from monitor.domain.ports import Source
from monitor.domain.records import PartitionId, RawRecord
from monitor.domain.stream import TopicKind
from monitor.shells.workers.consume import Backoff, Consume
from monitor.shells.workers.loop import Gauges, repeat
from monitor.shells.workers.meter import Pulse
from monitor.shells.workers.relay import relay_all
from monitor.shells.workers.run import CRASHED, OVERDUE, STOPPED, Role, run_roles
from monitor.shells.workers.tick import Knock, tick
from monitor.usecases.ingest_report import StepReport

SOON = timedelta(milliseconds=1)


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


@pytest.fixture
def gauges(telemetry: Telemetry) -> Gauges:
    return Gauges(telemetry, Pulse(time.monotonic))


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def shown(telemetry: Telemetry, series: str) -> float:
    lines = [line for line in telemetry.page().decode().splitlines() if line.startswith(f"driftline_{series} ")]
    return float(lines[0].rpartition(" ")[2]) if lines else 0.0


@dataclass
class FakeSource:
    is_closed: bool = False

    def assigned(self) -> Mapping[PartitionId, TopicKind]:
        return {PartitionId("log", 0): TopicKind.INFERENCE}

    def poll(self, timeout_s: float) -> Mapping[PartitionId, Sequence[RawRecord]]:
        return {}

    def seek(self, partition: PartitionId, offset: int | None) -> None: ...

    def highwater(self, partition: PartitionId) -> int | None:
        return None

    def commit_hint(self, offsets: Mapping[PartitionId, int]) -> None: ...

    def close(self) -> None:
        self.is_closed = True


@dataclass
class ScriptedConsumer:
    """Each step is an error to raise, a report to return, or a call."""

    script: list[Exception | StepReport | Callable[[], None]]
    used: list[Source] = field(default_factory=list)
    drained: int = 0

    def step(self, timeout_s: float) -> StepReport:
        now = self.script.pop(0)
        if isinstance(now, Exception):
            raise now
        if isinstance(now, StepReport):
            return now
        now()
        return StepReport()

    def drain(self) -> StepReport:
        self.drained += 1
        return StepReport()

    def use(self, source: Source) -> None:
        self.used.append(source)


def consume_of(consumer: ScriptedConsumer, sources: list[FakeSource], gauges: Gauges) -> Consume:
    def build() -> Source:
        sources.append(FakeSource())
        return sources[-1]

    return Consume(build, lambda _: consumer, Backoff(lambda: 0.0, first_s=0.001), gauges)


def test_a_source_that_fails_is_closed_and_another_is_used_and_what_was_read_is_saved_at_the_end(
    gauges: Gauges, telemetry: Telemetry
) -> None:
    stop = threading.Event()
    consumer = ScriptedConsumer([SourceUnavailable("broker gone"), SourceUnavailable("still"), stop.set])
    sources: list[FakeSource] = []

    consume_of(consumer, sources, gauges).run(stop)

    assert len(sources) == 3
    assert all(source.is_closed for source in sources)
    assert consumer.used == sources[1:]
    assert consumer.drained == 1
    assert shown(telemetry, "source_rebuilds_total") == 2


def test_an_error_that_is_nobodys_trouble_ends_the_role_and_closes_the_source(gauges: Gauges) -> None:
    consumer = ScriptedConsumer([RuntimeError("a mistake of ours")])
    sources: list[FakeSource] = []

    with pytest.raises(RuntimeError, match="a mistake of ours"):
        consume_of(consumer, sources, gauges).run(threading.Event())

    assert sources[0].is_closed


def test_what_a_step_did_is_in_the_metrics(gauges: Gauges, telemetry: Telemetry) -> None:
    stop = threading.Event()
    report = StepReport(records=5, truths=1, save_seconds=0.2)
    report.counted[ModelRef("m", "1")] = 3
    report.refused[RejectReason.EMPTY] = 1
    consumer = ScriptedConsumer([report, stop.set])

    consume_of(consumer, [], gauges).run(stop)

    assert shown(telemetry, 'records_total{kind="counted"}') == 3
    assert shown(telemetry, 'rejected_total{reason="empty"}') == 1
    assert shown(telemetry, "flush_seconds_count") == 1
    assert shown(telemetry, "partitions_assigned") == 1


def test_waits_double_up_to_a_limit_and_are_spread_over_their_upper_half() -> None:
    least, most = Backoff(lambda: 0.0), Backoff(lambda: 1.0)

    waits = [(least.wait_s(n), most.wait_s(n)) for n in (1, 2, 3, 50)]

    assert waits == [(0.25, 0.5), (0.5, 1.0), (1.0, 2.0), (15.0, 30.0)]


def test_a_database_that_cannot_serve_is_waited_for(gauges: Gauges, telemetry: Telemetry) -> None:
    stop, calls = threading.Event(), list[int]()

    def step() -> bool:
        calls.append(1)
        if len(calls) < 3:
            raise StoreUnavailable("locked")
        stop.set()
        return False

    repeat("dispatch", step, SOON, stop, gauges)

    assert len(calls) == 3
    assert shown(telemetry, 'store_refusals_total{role="dispatch"}') == 2


def test_the_relay_goes_on_until_nothing_is_left(telemetry: Telemetry) -> None:
    batches = iter([3, 2, 0])

    total = relay_all(lambda: next(batches), telemetry)

    assert total == 5
    assert shown(telemetry, "alert_events_total") == 5


def test_knocks_go_on_after_an_error_and_a_slow_one_is_not_doubled(gauges: Gauges, telemetry: Telemetry) -> None:
    stop, running, most = threading.Event(), list[int](), list[int]()

    def broken() -> None:
        raise RuntimeError("a mistake of ours")

    def slow() -> None:
        running.append(1)
        most.append(len(running))
        time.sleep(0.25)
        running.pop()

    knocks = [Knock("broken", timedelta(milliseconds=100), broken), Knock("slow", timedelta(milliseconds=50), slow)]
    threading.Timer(1.0, stop.set).start()

    tick(knocks, WallClock(), stop, gauges)

    assert shown(telemetry, 'scheduler_errors_total{job="broken"}') >= 2
    assert shown(telemetry, 'scheduler_missed_total{job="slow"}') >= 1
    assert max(most) == 1
    assert running == []


def test_a_role_that_crashes_stops_the_others(gauges: Gauges) -> None:
    ended = list[str]()

    def good(stop: threading.Event) -> None:
        stop.wait(10)
        ended.append("good")

    def bad(stop: threading.Event) -> None:
        raise RuntimeError("a mistake of ours")

    code = run_roles([Role("good", good), Role("bad", bad)], gauges)

    assert (code, ended) == (CRASHED, ["good"])


def test_a_role_that_does_not_stop_is_left_behind_at_the_deadline(gauges: Gauges) -> None:
    def deaf(stop: threading.Event) -> None:
        time.sleep(2)

    def done(stop: threading.Event) -> None:
        stop.set()

    code = run_roles([Role("deaf", deaf), Role("done", done)], gauges, deadline_s=0.1)

    assert code == OVERDUE


def test_roles_that_end_by_themselves_end_the_process_well(gauges: Gauges) -> None:
    code = run_roles([Role("short", lambda stop: None)], gauges)

    assert code == STOPPED


PROGRAM = """
import threading, time
from monitor.adapters.telemetry import Telemetry, configure_logs
from monitor.shells.workers.loop import Gauges
from monitor.shells.workers.meter import Pulse
from monitor.shells.workers.run import Role, run_roles

configure_logs()

def loop(stop: threading.Event) -> None:
    print("ready", flush=True)
    stop.wait()
    print("saved", flush=True)

raise SystemExit(run_roles([Role("r", loop)], Gauges(Telemetry(), Pulse(time.monotonic))))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_process_cleanly(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        first = process.stdout.readline() if process.stdout else ""

        process.send_signal(number)
        try:
            rest, _ = process.communicate(timeout=20)
        finally:
            process.kill()  # one that does not stop fails this test alone

    assert (first, rest, process.returncode) == ("ready\n", "saved\n", STOPPED)


INTERRUPTED = """
import signal, sys, threading, time
from monitor.adapters.telemetry import Telemetry, configure_logs
from monitor.shells.workers.loop import Gauges
from monitor.shells.workers.meter import Pulse
from monitor.shells.workers.run import Role, run_roles

configure_logs()
gauges, waits, steps = Gauges(Telemetry(), Pulse(time.monotonic)), threading.Event.wait.__code__, 25

def interrupt_at(step):
    begun, seen = False, 0

    def trace(frame, event, _):
        nonlocal begun, seen
        begun = begun or (frame.f_code is waits and frame.f_back.f_code is run_roles.__code__)
        seen += begun
        if begun and seen == step:
            signal.raise_signal(signal.SIGTERM)
        return trace

    return trace

for step in range(1, steps + 1):
    sys.settrace(interrupt_at(step))
    code = run_roles([Role("r", lambda stop: print(step, stop.wait(), flush=True))], gauges)
    sys.settrace(None)
raise SystemExit(code)
"""


def test_a_signal_stops_the_process_at_whatever_line_of_its_waiting_it_comes() -> None:
    """A handler that took the lock of the event that the main thread waits for would never return from line 5."""
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60, check=False)

    assert (done.stdout.split(), done.returncode) == ([w for n in range(1, 26) for w in (str(n), "True")], STOPPED)


def test_a_pulse_tells_how_long_ago_each_role_moved() -> None:
    seconds = iter([10.0, 12.0, 15.0])
    pulse = Pulse(lambda: next(seconds))

    pulse.beat("consume")
    pulse.beat("tick")

    assert pulse.ages_s() == {"consume": 5.0, "tick": 3.0}
