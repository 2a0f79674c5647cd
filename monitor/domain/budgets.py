"""Alarm budgets: how many false alarms people accept, the one number from which thresholds follow."""

import re
from dataclasses import dataclass
from datetime import timedelta

from monitor.domain.time import format_duration

_PERIODS = {"day": timedelta(days=1), "week": timedelta(weeks=1), "month": timedelta(days=30)}
_TEXT = re.compile(r"(\d+(?:\.\d+)?) per (?:model per )?(day|week|month)")


@dataclass(frozen=True, slots=True)
class AlarmBudget:
    """So many false alarms (any positive number) of one model in each period of event time, on average."""

    alarms: float
    period: timedelta

    def in_each(self, time: timedelta) -> float:
        """Expected false alarms in a stretch of event time."""
        return self.alarms * (time / self.period)

    def __str__(self) -> str:
        """As people write it; a month is 30 days."""
        names = {period: name for name, period in _PERIODS.items()}
        return f"{self.alarms:g} per {names.get(self.period, format_duration(self.period))}"


def parse_alarm_budget(text: str) -> AlarmBudget:
    """`1 per month`, `1 per model per month`, `0.5 per week`; ValueError says what is allowed.

    >>> parse_alarm_budget("1 per model per month").in_each(timedelta(days=3))
    0.1
    """
    found = _TEXT.fullmatch(" ".join(text.split()))
    if found is None or float(found[1]) <= 0:
        raise ValueError(f"{text!r} is no alarm budget: write a number per day, week or month, as in 1 per month")
    return AlarmBudget(float(found[1]), _PERIODS[found[2]])


ONE_A_MONTH = AlarmBudget(1.0, _PERIODS["month"])
