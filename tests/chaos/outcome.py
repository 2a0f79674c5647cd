"""What a database says of a log, and how that differs from what is known or from another database."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TypeVar

from sqlalchemy import Engine, select

from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.tables import (
    dead_letters,
    predictions,
    progress,
    sequential_alarms,
    sequential_states,
    shares,
    truths,
)
from monitor.domain.errors import RejectReason
from monitor.domain.models import ALL_TRAFFIC, ModelRef
from monitor.stats.baseline import Baseline
from monitor.stats.profiles.model import ModelProfile
from tests.chaos.events import Known

T = TypeVar("T")

Pane = tuple[ModelRef, str, int, str]
"""Model version, segment, start in ms, baseline."""


@dataclass(frozen=True)
class Outcome:
    """Everything that may not depend on what happened on the way; merged over partitions and epochs."""

    counted: Counter[Pane]
    late: Counter[Pane]
    profiles: dict[Pane, str]
    letters: set[tuple[object, ...]]
    predictions: set[tuple[object, ...]]
    truths: set[tuple[object, ...]]
    progress: set[tuple[object, ...]]
    detectors: set[tuple[object, ...]]
    alarms: set[tuple[object, ...]]

    def differing(self, other: "Outcome") -> list[str]:
        """Names of the parts that are not equal."""
        return [part.name for part in fields(self) if getattr(self, part.name) != getattr(other, part.name)]


def outcome(url: str, baselines: Mapping[str, Baseline]) -> Outcome:
    """Read it all from the database at this URL; the profiles as digests of their canonical bytes."""
    engine = create_engine(url)
    try:
        return _outcome(engine, baselines)
    finally:
        engine.dispose()


def _outcome(engine: Engine, baselines: Mapping[str, Baseline]) -> Outcome:
    counted, late, merged = Counter[Pane](), Counter[Pane](), dict[Pane, ModelProfile]()
    with engine.connect() as connection:
        for row in connection.execute(select(shares).execution_options(yield_per=500)):
            pane = (ModelRef(row.model, row.version), row.segment, row.pane_start_ms, row.baseline_id)
            part = ModelProfile.from_bytes(row.payload, baselines[row.baseline_id].layouts)
            merged[pane] = merged[pane].merge(part) if pane in merged else part
            counted[pane] += row.n
            late[pane] += row.late
        letter, reached = dead_letters.c, progress.c
        letters = select(letter.topic, letter.partition, letter.offset, letter.reason, letter.value, letter.size_bytes)
        positions = select(reached.partition, reached.next_offset, reached.watermark_ms)
        return Outcome(
            counted,
            +late,
            {pane: profile.digest for pane, profile in merged.items()},
            {tuple(row) for row in connection.execute(letters)},
            {tuple(row) for row in connection.execute(select(predictions))},
            {tuple(row) for row in connection.execute(select(truths))},
            {tuple(row) for row in connection.execute(positions)},
            {tuple(row) for row in connection.execute(select(sequential_states))},
            {tuple(row) for row in connection.execute(select(sequential_alarms))},
        )


def lost_and_doubled(known: Known, found: Outcome) -> tuple[int, int]:
    """Events that are missing and events too many, window by window, reason by reason.

    One lost and one doubled in the same window cancel out here; the profiles and predictions then differ from those
    of the clean pass.
    """
    windows = Counter[tuple[ModelRef, int]]()
    for (ref, segment, pane_start_ms, _), n in found.counted.items():
        if segment == ALL_TRAFFIC:
            windows[ref, pane_start_ms] += n
    reasons = Counter(RejectReason(str(letter[3])) for letter in found.letters)
    kept = Counter(str(truth[0]) for truth in found.truths)
    differences = (
        _apart(known.counted, windows),
        _apart(known.refused, reasons),
        _apart(known.truths, kept),
    )
    return sum(lost for lost, _ in differences), sum(doubled for _, doubled in differences)


def _apart(due: Counter[T], there: Counter[T]) -> tuple[int, int]:
    """How many are missing, and how many too many."""
    return (due - there).total(), (there - due).total()
