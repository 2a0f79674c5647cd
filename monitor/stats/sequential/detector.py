"""What every sequential detector is: a pure function of a state and of coded values, judged record by record."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.stats.columns import Ints

Codes = NDArray[np.uint16]
"""Values as positions in the bins of the baseline, see `Scores.code`."""

State = NDArray[np.int64]
"""Where a detector stands: a vector of 64-bit integers, never changed in place. Its bytes are its stored form."""

UNKNOWN_MS = -1
"""Instead of an event time: the change would begin with the next record."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A detector has seen more than chance builds up.

    `statistic` has reached `threshold`, both in the detector's own unit. The change is estimated to have begun with
    the record of event time `since_ms` (milliseconds since the epoch). `what` says how the values have changed, where
    the detector can tell.
    """

    statistic: float
    threshold: float
    since_ms: int
    what: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What became of some values: `used` of them were looked at, the last of which raised the alarm if there is one."""

    state: State
    used: int
    alarm: Alarm | None = None


class Detector(Protocol):
    """Watches one column. Frozen: two of the same baseline and rate give the same answers for ever.

    `arl` is the average run length: so many records pass between false alarms, on average, while nothing changes.
    `unit` and `scope` are those of the statistic: in words, what it is measured in and where it may lie.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    unit: ClassVar[str]
    scope: ClassVar[str]

    @property
    def arl(self) -> float:
        """The stated run length, in records."""
        ...

    def start(self) -> State:
        """Where it begins, and begins again after an alarm."""
        ...

    def advance(self, state: State, codes: Codes, times: Ints) -> Step:
        """Look at values in order, up to the first alarm; however they are cut into calls, the result is the same."""
        ...


def as_state(*numbers: int) -> State:
    """A state of these numbers."""
    return np.array(numbers, np.int64)
