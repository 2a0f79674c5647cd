"""Sequential detectors: which column is watched record by record, at which rate of false alarms, what came of it."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from monitor.domain.records import PartitionId
from monitor.domain.time import format_duration

CUSUM: Final = "cusum"
PAGE_HINKLEY: Final = "page_hinkley"
ADWIN: Final = "adwin"
KSWIN: Final = "kswin"
CONFORMAL: Final = "conformal"
DETECTORS: Final = (ADWIN, CONFORMAL, CUSUM, KSWIN, PAGE_HINKLEY)
"""Names of the sequential detectors."""

LOOKS_FOR_A_SHIFT: Final = frozenset({CUSUM, PAGE_HINKLEY})
"""Those that are told the size of the shift that they are to find soonest."""

WATCHES_CATEGORIES: Final = frozenset({CONFORMAL})
"""Those that watch categorical columns, too; the others look at the order of values, which categories have none of."""

LEAST_RUN_LENGTH: Final = 1_000
"""Records: a detector that may be wrong more often than this is of no use to anybody."""

DAY: Final = timedelta(days=1)
_PERIODS = {"day": DAY, "week": timedelta(weeks=1), "month": timedelta(days=30)}
_TEXT = re.compile(r"(\d+(?:\.\d+)?) per (?:(\d[\d_,]*) records|(day|week|month))")


@dataclass(frozen=True, slots=True)
class FalseAlarmRate:
    """So many false alarms (any positive number) in so many records, or in a period of usual traffic."""

    alarms: float
    records: int | None = None
    period: timedelta | None = None

    def run_length(self, records_a_day: float | None) -> float | None:
        """Records between false alarms, on average; None where it takes the usual traffic and that is not known."""
        if self.records is not None:
            return self.records / self.alarms
        if self.period is None or not records_a_day:
            return None
        return records_a_day * (self.period / DAY) / self.alarms

    def __str__(self) -> str:
        """As people write it."""
        if self.records is not None:
            return f"{self.alarms:g} per {self.records} records"
        names = {period: name for name, period in _PERIODS.items()}
        return f"{self.alarms:g} per {names[self.period]}" if self.period in names else format_duration(DAY)


def parse_false_alarm_rate(text: str) -> FalseAlarmRate:
    """`1 per 100000 records`, `1 per month`; ValueError says what is allowed.

    >>> parse_false_alarm_rate("1 per 100_000 records").run_length(None)
    100000.0
    >>> parse_false_alarm_rate("2 per month").run_length(records_a_day=50_000)
    750000.0
    """
    found = _TEXT.fullmatch(" ".join(text.split()))
    alarms, records = (float(found[1]), found[2]) if found else (0.0, None)
    number = int(re.sub(r"[_,]", "", records)) if records else None
    if found is None or alarms <= 0 or number == 0:
        raise ValueError(f"{text!r} is no rate of false alarms: write 1 per 100000 records, or 1 per month")
    if number is not None and number / alarms < LEAST_RUN_LENGTH:
        raise ValueError(f"{text!r} is too often: allow at most one false alarm in {LEAST_RUN_LENGTH} records")
    return FalseAlarmRate(alarms, number, _PERIODS[found[3]] if found[3] else None)


@dataclass(frozen=True, slots=True)
class SequentialSpec:
    """A detector on a column, of all traffic or of one segment.

    `shift` is the change of the mean, in standard deviations of the baseline, that `cusum` and `page_hinkley` look for.
    The line of configuration allows for `rate`, of which this one has a part: one of `parts` equal ones.
    """

    detector: str
    column: str
    rate: FalseAlarmRate
    shift: float = 0.5
    segment: str = ""
    parts: int = 1

    @property
    def name(self) -> str:
        """`detector(column)` or `detector(column)[segment]`, unique within a model."""
        return f"{self.detector}({self.column})" + (f"[{self.segment}]" if self.segment else "")

    def __str__(self) -> str:
        """Everything that the threshold depends on, but for the baseline."""
        of = f", shift {self.shift:g}" if self.detector in LOOKS_FOR_A_SHIFT else ""
        return f"{self.name}, {self.asked}{of}"

    @property
    def asked(self) -> str:
        """The rate, and how many share it."""
        return f"{self.rate}" + (f", shared by {self.parts}" if self.parts > 1 else "")


@dataclass(frozen=True, slots=True, order=True)
class SequentialKey:
    """Whose state: of one detector, on one model version's records in one partition."""

    partition: PartitionId
    model: str
    version: str
    name: str


@dataclass(frozen=True, slots=True)
class SequentialState:
    """Where a detector stands at the offset that is saved with it; replaced whole."""

    key: SequentialKey
    payload: bytes


@dataclass(frozen=True, slots=True)
class SequentialAlarm:
    """A detector's alarm at one record, with everything that it takes to compute it again.

    `offset` and `at_ms` (event time) are those of the record; `reached_ms` is the newest event time that the detector
    had seen by then, `since_ms` where the change is estimated to have begun. `n` values were looked at since the
    detector last began; `skipped` ones were missing, no numbers or infinite. `run_length` is the stated one (records).
    `inputs` are the state that was kept last before, and the values and event times since. `what` says how the values
    have changed, where the detector can tell.
    """

    key: SequentialKey
    spec: SequentialSpec
    baseline_id: str
    offset: int
    at_ms: int
    reached_ms: int
    since_ms: int
    statistic: float
    threshold: float
    run_length: float
    n: int
    skipped: int
    inputs: bytes
    what: str = ""
