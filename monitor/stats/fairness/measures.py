"""Measures of group fairness: the two groups that differ most, compared as surely as looking at every pair allows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from scipy import special

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.stats.fairness.outcomes import GroupCount, Groups, Rate
from monitor.stats.proportions import difference_interval, ratio_interval

_ERROR = 0.05


class FairnessMeasure(Protocol):
    """A number about all groups of a feature. `low` and `high` of the result are its 95 % interval.

    The two groups that differ most are found by looking at every pair, so the interval is Bonferroni's for as many
    comparisons as there are pairs. `run` answers None when fewer than two groups count, or the measure is undefined.
    """

    @property
    def name(self) -> str:
        """The name of its checks."""
        ...

    @property
    def rate(self) -> Rate:
        """What is compared."""
        ...

    @property
    def title(self) -> str:
        """What it is, in half a line."""
        ...

    @property
    def unit(self) -> str:
        """In which unit it is."""
        ...

    @property
    def default_threshold(self) -> Threshold | None:
        """The customary limit, if there is one."""
        ...

    def run(self, groups: Groups) -> TestResult | None:
        """The measure over these groups."""
        ...


@dataclass(frozen=True, slots=True)
class ImpactRatio:
    """Selection rate of the least selected group over that of the most selected one: 0 to 1, 1 when all are alike.

    Below 0.8 is what the four-fifths rule calls adverse impact (US Uniform Guidelines 1978, 29 CFR 1607.4 D). The
    interval is that of the log of the ratio (Katz et al. 1978). Not defined where nobody is selected.
    """

    name: str = "impact_ratio"
    rate: ClassVar[Rate] = Rate.SELECTION
    title: ClassVar[str] = "Impact ratio"
    unit: ClassVar[str] = "ratio of rates"
    default_threshold: ClassVar[Threshold | None] = Threshold(0.8, below=True)

    def run(self, groups: Groups) -> TestResult | None:
        """Compare the least with the most selected group."""
        if len(groups.counted) < 2 or groups.most.hits == 0:
            return None
        most, least = groups.most, groups.least
        low, high = ratio_interval(most.hits, most.n, least.hits, least.n, _z(groups))
        return _result(least.rate / most.rate, min(low, 1.0), min(high, 1.0), groups, ratio_row)


@dataclass(frozen=True, slots=True)
class DifferenceOf:
    """The highest rate of a group less the lowest: 0 to 1, 0 when all are alike; the interval is Newcombe's (1998)."""

    name: str
    rate: Rate
    unit: ClassVar[str] = "difference of shares"
    default_threshold: ClassVar[Threshold | None] = None

    @property
    def title(self) -> str:
        """What it is, in half a line."""
        return f"Largest difference of the {self.rate}"

    def run(self, groups: Groups) -> TestResult | None:
        """Compare the groups with the highest and the lowest rate."""
        if len(groups.counted) < 2:
            return None
        most, least = groups.most, groups.least
        low, high = difference_interval(least.hits, least.n, most.hits, most.n, _z(groups))
        return _result(most.rate - least.rate, max(low, 0.0), high, groups, difference_row)


Row = Callable[[GroupCount, GroupCount], dict[str, object]]


def ratio_row(one: GroupCount, most: GroupCount) -> dict[str, object]:
    """A group with its rate and its impact ratio, both with their own 95 % intervals."""
    row = rate_row(one)
    if not most.hits:
        return row | {"ratio": None, "ratio_interval": None}
    interval = None if one == most else list(ratio_interval(most.hits, most.n, one.hits, one.n))
    return row | {"ratio": one.rate / most.rate, "ratio_interval": interval}


def difference_row(one: GroupCount, most: GroupCount) -> dict[str, object]:
    """A group with its rate, and how far that lies below the highest, both with their own 95 % intervals."""
    interval = None if one == most else list(difference_interval(one.hits, one.n, most.hits, most.n))
    return rate_row(one) | {"difference": most.rate - one.rate, "difference_interval": interval}


def rate_row(one: GroupCount) -> dict[str, object]:
    """A group with its counts and rate."""
    return {"group": one.name, "n": one.n, "hits": one.hits, "rate": one.rate, "rate_interval": list(one.interval)}


def _result(value: float, low: float, high: float, groups: Groups, row: Row) -> TestResult:
    most, least = groups.most, groups.least
    detail: dict[str, object] = {
        "highest": most.name,
        "lowest": least.name,
        "groups": [row(one, most) for one in groups.counted],
        "suppressed": dict(groups.suppressed),
        "unknown": groups.unknown,
    }
    return TestResult(value, None, groups.n, groups.n, low, high, detail)


def _z(groups: Groups) -> float:
    """Half-width, in standard errors, of intervals that hold for all pairs of groups at once in 95 % of windows."""
    k = len(groups.counted)
    return float(-special.ndtri(_ERROR / (k * (k - 1))))
