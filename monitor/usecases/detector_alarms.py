"""What sequential detectors raised, and whether it comes out again from what was stored with it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.domain.errors import BaselineError
from monitor.domain.ports import BaselineStore
from monitor.domain.sequential import SequentialAlarm
from monitor.stats.baseline import Baseline
from monitor.stats.sequential import CannotWatch, watcher
from monitor.stream.watches import recompute


@dataclass(frozen=True, slots=True)
class Recomputed:
    """An alarm, and what computing it again came to: `holds` to the last bit or not, None where it cannot be said."""

    alarm: SequentialAlarm
    holds: bool | None
    why: str


def recompute_all(alarms: Sequence[SequentialAlarm], baselines: BaselineStore) -> Iterator[Recomputed]:
    """Each from its own inputs, specification and baseline."""
    known: dict[str, Baseline] = {}
    for alarm in alarms:
        try:
            if alarm.baseline_id not in known:
                known[alarm.baseline_id] = Baseline.from_bytes(baselines.get(alarm.baseline_id))
            _, detector = watcher(alarm.spec, known[alarm.baseline_id])
        except (BaselineError, CannotWatch) as error:
            yield Recomputed(alarm, None, str(error))
            continue
        again = recompute(alarm, detector)
        said = (alarm.statistic, alarm.threshold, alarm.since_ms)
        holds = again is not None and (again.statistic, again.threshold, again.since_ms) == said
        yield Recomputed(alarm, holds, "the same bits" if holds else f"now {again}")
