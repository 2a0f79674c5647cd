"""Checks: a drift test or performance metric bound to a column, a segment and thresholds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from monitor.domain.references import Against

ALL_COLUMNS = "all_columns"
"""The column name of checks on every column at once."""

RECORDS = "records"
"""The column name of checks on how many records came, and of what kind."""

Parameter = str | int | float | bool


class Aspect(StrEnum):
    """A question that a profile can answer; a drift test states which it needs."""

    BINS = "bins"
    CATEGORIES = "categories"
    MISSING = "missing"
    UNSEEN = "unseen"
    RANGE = "range"


@dataclass(frozen=True, slots=True)
class Threshold:
    """When a statistic is too large (or, `below`, too small).

    The verdict is *drifted* when the statistic reaches `drifted`, *warning* when it reaches `warning`; if `alpha` is
    given and the test has a p-value, that must also be at most `alpha`: significance and effect size together.
    """

    drifted: float
    warning: float | None = None
    alpha: float | None = None
    below: bool = False


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """A line of configuration: which test on which columns (`*` for every column that can serve it)."""

    test: str
    columns: tuple[str, ...] = ("*",)
    segment: str = ""
    threshold: Threshold | None = None
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    min_records: int | None = None
    against: Against | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A test bound to one column of one segment; what a finding is the outcome of.

    It compares with the baseline, or with what `against` says.
    """

    test: str
    column: str
    segment: str
    threshold: Threshold
    min_records: int
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    against: Against | None = None

    @property
    def name(self) -> str:
        """`test(column)` or `test(column)[segment]`, unique within a model; with what it is against at the end."""
        name = f"{self.test}({self.column})" + (f"[{self.segment}]" if self.segment else "")
        return name if self.against is None else f"{name} against {self.against}"
