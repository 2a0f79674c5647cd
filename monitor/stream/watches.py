"""Sequential detectors over one partition: what each has seen of it, and the alarms that came of it.

Why a state belongs to a partition and is handed over: docs/decisions/0036-sequential-detectors.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import msgspec
import numpy as np

from monitor.domain.models import ALL_TRAFFIC, ModelRef, MonitoredModel
from monitor.domain.sequential import SequentialAlarm, SequentialKey, SequentialSpec, SequentialState
from monitor.domain.stream import Claim
from monitor.stats.baseline import Baseline
from monitor.stats.columns import Column, Ints, Mask
from monitor.stats.sequential import CannotWatch, Law, code, watcher
from monitor.stats.sequential.detector import Alarm, Codes, Detector, State, Step
from monitor.stats.texts import equal
from monitor.stream.batch import RecordBatch, as_categorical, between
from monitor.stream.shards import BaselineLookup

KEPT_EVERY = 256
"""After so many values the state is kept as what an alarm is computed again from, with the values since."""

_AT_ONCE = 32
"""So many such stretches are looked at together."""

REST_MS = 60_000
"""So much event time after an alarm a detector rests: what lasts is told once a minute, not once in ten records."""

_FORMAT = 1
_NOBODY = np.zeros(0, np.intp)
_NO_TIME_MS = -(1 << 62)


class StoredWatch(msgspec.Struct, array_like=True, frozen=True):
    """A detector at an offset: of what it is a state, how much it has seen, and the state that was kept last."""

    format: int
    spec: str
    baseline_id: str
    pane_start_ms: int
    newest_ms: int
    n: int
    skipped: int
    rests_until_ms: int
    state: bytes
    kept: bytes
    codes: bytes
    times: bytes


class StoredInputs(msgspec.Struct, array_like=True, frozen=True):
    """What an alarm is computed again from."""

    state: bytes
    codes: bytes
    times: bytes


@dataclass(frozen=True, slots=True, eq=False)
class _Values:
    """The values that a detector can look at, in order, with their records."""

    codes: Codes
    times: Ints
    offsets: Ints

    def between(self, start: int, stop: int | None = None) -> "_Values":
        run = slice(start, stop)
        return _Values(self.codes[run], self.times[run], self.offsets[run])


class Watch:
    """One detector on one model version in one partition. A function of the records it is given, however they come."""

    def __init__(self, key: SequentialKey, spec: SequentialSpec) -> None:
        self.key, self.spec = key, spec
        self.baseline_id, self.pane_start_ms, self.newest_ms = "", _NO_TIME_MS, _NO_TIME_MS
        self.rests_until_ms = _NO_TIME_MS
        self.n = self.skipped = 0
        self.is_dirty = False
        self._state: State = np.zeros(0, np.int64)
        self._kept = self._state
        self._since: list[_Values] = []

    def load(self, payload: bytes) -> None:
        """Go on from a stored state; one of another specification or format is forgotten."""
        stored = msgspec.msgpack.decode(payload, type=StoredWatch)
        if stored.format != _FORMAT or stored.spec != str(self.spec):
            return
        self.baseline_id, self.pane_start_ms = stored.baseline_id, stored.pane_start_ms
        self.newest_ms, self.n, self.skipped = stored.newest_ms, stored.n, stored.skipped
        self.rests_until_ms = stored.rests_until_ms
        self._state, self._kept = _ints(stored.state), _ints(stored.kept)
        codes, times = np.frombuffer(stored.codes, np.dtype("<u2")).astype(np.uint16), _ints(stored.times)
        self._since = [_Values(codes, times, times)] if len(codes) else []

    def to_state(self) -> SequentialState:
        """As it is stored."""
        codes, times = self._values_since()
        stored = StoredWatch(
            _FORMAT,
            str(self.spec),
            self.baseline_id,
            self.pane_start_ms,
            self.newest_ms,
            self.n,
            self.skipped,
            self.rests_until_ms,
            _bytes(self._state),
            _bytes(self._kept),
            codes,
            times,
        )
        return SequentialState(self.key, msgspec.msgpack.encode(stored))

    def begin(self, baseline_id: str, pane_start_ms: int, detector: Detector) -> None:
        """Anew, against another baseline."""
        self.baseline_id, self.pane_start_ms = baseline_id, pane_start_ms
        self.skipped, self.rests_until_ms = 0, _NO_TIME_MS
        self._restart(detector)
        self.is_dirty = True

    def look(self, column: Column, times: Ints, offsets: Ints, of: tuple[Law, Detector]) -> list[SequentialAlarm]:
        """Take the column's values of some records, in order; the alarms, in order."""
        law, detector = of
        codes, finite = code(law, column)
        self.is_dirty = True
        skipped = np.cumsum(~finite)
        rows = np.flatnonzero(finite)
        values, found = _Values(codes, times[rows], offsets[rows]), []
        newest = np.maximum(np.maximum.accumulate(times), self.newest_ms)
        start, before, stretches = self._rested(newest[rows]), self.skipped, _AT_ONCE
        while start < len(codes):
            run = values.between(start, self._until(start, len(codes), stretches))
            step = detector.advance(self._state, run.codes, run.times)
            if step.alarm is not None:
                row = int(rows[start + step.used - 1])
                self.skipped = before + int(skipped[row])
                found.append(self._alarm(run, step, step.alarm, int(newest[row]), detector))
                self._restart(detector)
                self.rests_until_ms = int(newest[row]) + REST_MS
                start, stretches = max(start + step.used, self._rested(newest[rows])), 1
            else:
                self._go_on(run, step)
                start, stretches = start + step.used, min(2 * stretches, _AT_ONCE)
        self.skipped, self.newest_ms = before + int(skipped[-1]), int(newest[-1])
        return found

    def _until(self, start: int, end: int, stretches: int) -> int:
        """Up to where values are looked at together: whole stretches of those after which the state is kept.

        Few of them after an alarm: the next may come soon, and what was looked at beyond it would be in vain.
        """
        first = start + KEPT_EVERY - self.n % KEPT_EVERY
        return end if first > end else first + min((end - first) // KEPT_EVERY, stretches - 1) * KEPT_EVERY

    def _rested(self, newest: Ints) -> int:
        """The first of the values at which the detector looks again."""
        return int(newest.searchsorted(self.rests_until_ms))

    def _go_on(self, run: _Values, step: Step) -> None:
        self.n, self._state = self.n + step.used, step.state
        if self.n % KEPT_EVERY == 0:
            self._kept, self._since = self._state, []
        else:
            self._since.append(run)

    def _alarm(self, run: _Values, step: Step, alarm: Alarm, reached_ms: int, detector: Detector) -> SequentialAlarm:
        n, last = self.n + step.used, step.used - 1
        to_boundary = (n - 1) // KEPT_EVERY * KEPT_EVERY - self.n
        kept, codes, times = self._kept, b"", b""
        if to_boundary > 0:
            kept = detector.advance(self._state, run.codes[:to_boundary], run.times[:to_boundary]).state
        else:
            to_boundary = 0
            codes, times = self._values_since()
        shown = run.between(to_boundary, step.used)
        inputs = StoredInputs(_bytes(kept), codes + _code_bytes(shown.codes), times + _bytes(shown.times))
        return SequentialAlarm(
            key=self.key,
            spec=self.spec,
            baseline_id=self.baseline_id,
            offset=int(run.offsets[last]),
            at_ms=int(run.times[last]),
            reached_ms=reached_ms,
            since_ms=alarm.since_ms,
            statistic=alarm.statistic,
            threshold=alarm.threshold,
            run_length=detector.arl,
            n=n,
            skipped=self.skipped,
            inputs=msgspec.msgpack.encode(inputs),
            what=alarm.what,
        )

    def _restart(self, detector: Detector) -> None:
        self.n, self._since = 0, []
        self._state = self._kept = detector.start()

    def _values_since(self) -> tuple[bytes, bytes]:
        return (
            b"".join(_code_bytes(values.codes) for values in self._since),
            b"".join(_bytes(values.times) for values in self._since),
        )


def recompute(alarm: SequentialAlarm, detector: Detector) -> Alarm | None:
    """The alarm again, from its inputs; None where they give none at their last value."""
    inputs = msgspec.msgpack.decode(alarm.inputs, type=StoredInputs)
    codes, times = np.frombuffer(inputs.codes, np.dtype("<u2")).astype(np.uint16), _ints(inputs.times)
    step = detector.advance(_ints(inputs.state), codes, times)
    return step.alarm if step.used == len(codes) else None


class Watches:
    """The detectors of one claim on a partition. Late records and duplicates are not shown to them.

    Everything is a function of the log, as shares are; unlike them a state goes on where another owner left it.
    """

    def __init__(
        self,
        claim: Claim,
        models: Mapping[str, MonitoredModel],
        baselines: BaselineLookup,
        states: Sequence[SequentialState] = (),
    ) -> None:
        self._partition, self._models, self._baselines = claim.partition, models, baselines
        self._stored = {state.key: state.payload for state in states}
        self._watches: dict[SequentialKey, Watch] = {}
        self._alarms: list[SequentialAlarm] = []

    def add(self, batch: RecordBatch, late: Mask) -> None:
        """Show the records of one model version to its detectors, in offset order."""
        model = self._models[batch.ref.name]
        if late.any():
            batch = batch.take(np.flatnonzero(~late))
        for segment, specs in groupby(model.sequential, key=lambda spec: spec.segment):
            part = _part(batch, model, segment)
            for spec in specs if len(part) else ():
                self._look(part, model, spec)

    def _look(self, batch: RecordBatch, model: MonitoredModel, spec: SequentialSpec) -> None:
        column = batch.columns.get(spec.column)
        if column is None:
            return
        watch = self._watch(batch.ref, spec)
        for start, stop, pane_start_ms in _panes(batch.event_time_ms, model.windows.slide_ms):
            held = self._baselines(batch.ref, pane_start_ms)
            of = None if held is None else self._of(watch, *held, pane_start_ms)
            if of is not None:
                times, offsets = batch.event_time_ms[start:stop], batch.offsets[start:stop]
                self._alarms += watch.look(between(column, start, stop), times, offsets, of)

    def dirty(self) -> list[SequentialState]:
        """The states that changed since they were last saved."""
        return [watch.to_state() for watch in self._watches.values() if watch.is_dirty]

    @property
    def alarms(self) -> tuple[SequentialAlarm, ...]:
        """Those that are not saved yet, in order."""
        return tuple(self._alarms)

    def saved(self) -> None:
        """What `dirty` and `alarms` said is durable."""
        self._alarms = []
        for watch in self._watches.values():
            watch.is_dirty = False

    def _watch(self, ref: ModelRef, spec: SequentialSpec) -> Watch:
        key = SequentialKey(self._partition, ref.name, ref.version, spec.name)
        if key not in self._watches:
            self._watches[key] = Watch(key, spec)
            if key in self._stored:
                self._watches[key].load(self._stored.pop(key))
        return self._watches[key]

    @staticmethod
    def _of(watch: Watch, baseline_id: str, baseline: Baseline, pane_start_ms: int) -> tuple[Law, Detector] | None:
        """Law and detector for a pane; None where there is none, or its baseline has been left behind."""
        try:
            of = watcher(watch.spec, baseline)
        except CannotWatch:
            return None  # `driftline budget` says why
        if watch.baseline_id != baseline_id:
            if pane_start_ms < watch.pane_start_ms:
                return None
            watch.begin(baseline_id, pane_start_ms, of[1])
        watch.pane_start_ms = max(watch.pane_start_ms, pane_start_ms)
        return of


def _part(batch: RecordBatch, model: MonitoredModel, segment: str) -> RecordBatch:
    """The records of a segment."""
    if segment == ALL_TRAFFIC:
        return batch
    declared = next((one for one in model.segments if one.name == segment), None)
    column = None if declared is None else batch.columns.get(declared.column)
    if declared is None or column is None:
        return batch.take(_NOBODY)
    return batch.take(np.flatnonzero(equal(as_categorical(column).values, declared.value)))


def _panes(times: Ints, slide_ms: int) -> Iterator[tuple[int, int, int]]:
    """Runs of records of one pane, in the order in which they came."""
    panes = times // slide_ms * slide_ms
    edges = [0, *(np.flatnonzero(np.diff(panes)) + 1).tolist(), len(panes)]
    for start, stop in pairwise(edges):
        if start < stop:
            yield start, stop, int(panes[start])


def _ints(stored: bytes) -> Ints:
    return np.frombuffer(stored, np.dtype("<i8")).astype(np.int64)


def _bytes(numbers: Ints) -> bytes:
    return numbers.astype(np.dtype("<i8")).tobytes()


def _code_bytes(codes: Codes) -> bytes:
    return codes.astype(np.dtype("<u2")).tobytes()
