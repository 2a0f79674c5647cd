"""What a drift test is: a pure function of two profiles, with its unit, range and default threshold stated."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from enum import StrEnum
from typing import ClassVar, Protocol, TypeVar

from monitor.domain.checks import Aspect, Parameter, Threshold
from monitor.domain.errors import ConfigError
from monitor.domain.findings import TestResult
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.side_by_side import ComparedColumns

SAYS = "says"
"""In the detail of a result: what the test found, in words that belong into the sentence of the verdict."""

LACKS = "lacks"
"""In the detail of a result: why nothing can be told, where it is not the number of records."""


class Promise(StrEnum):
    """What a test may promise beside what all must; the conformance kit holds it to that."""

    SYMMETRIC = "symmetric"
    UNIT_FREE = "unit_free"
    CALIBRATED = "calibrated"

    @property
    def meaning(self) -> str:
        """The promise in words."""
        return _MEANINGS[self]


_MEANINGS = {
    Promise.SYMMETRIC: "the same with baseline and window exchanged",
    Promise.UNIT_FREE: "the same whatever unit and zero point the column is measured with",
    Promise.CALIBRATED: "the p-value is at most 0.05 in 5 % of windows without drift, from 50 records on",
}


class DriftTest(Protocol):
    """An algorithm that compares a window with the baseline.

    Implementations are frozen dataclasses whose fields are the test's parameters (text, numbers, booleans), each with a
    default. `needs` are the aspects that a profile must answer. `unit` says what the statistic is measured in;
    larger always means more different, `minimum` is its value for equal shares and `maximum` its upper bound.
    `run` is deterministic, changes neither profile and copes with empty ones.

    A test may offer `run_windows(compared)`, too, of a sequence of `ComparedColumns`: the results of `run` on these
    columns of these windows, window after window and to the last bit, in fewer operations. Where it raises, the columns
    are run one by one. And it may have `promises`, a frozenset of `Promise`.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    unit: ClassVar[str]
    minimum: ClassVar[float]
    maximum: ClassVar[float]
    needs: ClassVar[frozenset[Aspect]]
    default_threshold: ClassVar[Threshold]

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare two profiles on the same layout; LayoutMismatch when the layouts differ."""
        ...


def run_columns(
    test: DriftTest, baseline: ModelProfile, current: ModelProfile, names: tuple[str, ...]
) -> Sequence[TestResult]:
    """The results of one test on columns of a model; column by column where the test offers nothing faster."""
    return run_windows(test, [ComparedColumns(baseline, current, names)])


def run_windows(test: DriftTest, compared: Sequence[ComparedColumns]) -> list[TestResult]:
    """The same on columns of many windows: one result a column, window after window."""
    if (at_once := getattr(test, "run_windows", None)) is not None:
        return list(at_once(compared))
    return [test.run(*pair) for one in compared for pair in one.pairs()]


def promises_of(test: DriftTest) -> frozenset[Promise]:
    """What the test promises beside what all must."""
    promises: frozenset[Promise] = getattr(test, "promises", frozenset())
    return promises


T = TypeVar("T")


def with_parameters(subject: T, name: str, parameters: Mapping[str, Parameter]) -> T:
    """The test (or metric) called `name` with the parameters of a check; ConfigError names what is wrong."""
    if not parameters:
        return subject
    known = {field.name for field in fields(subject)} if is_dataclass(subject) else set()
    unknown = sorted(parameters.keys() - known)
    if unknown:
        hint = f"it knows: {', '.join(sorted(known))}" if known else "it has none"
        raise ConfigError(f"{name} has no parameter {', '.join(unknown)}", hint=hint)
    wrong = [key for key, value in parameters.items() if _is_number(getattr(subject, key)) and not _is_number(value)]
    if wrong:
        raise ConfigError(f"{wrong[0]} of {name} must be a number, not {parameters[wrong[0]]!r}")
    try:
        changed: T = replace(subject, **parameters)  # type: ignore[type-var]  # a dataclass, or `known` were empty
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{name} cannot take {dict(parameters)}: {error}") from error
    return changed


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def nothing_to_compare(n_baseline: int, n_current: int) -> TestResult:
    """The result where a side has no values, or the baseline no finite one; the verdict will be insufficient data."""
    side = "current" if n_baseline and not n_current else "baseline"
    return TestResult(0.0, None, n_baseline, n_current, detail={"empty": side})


def too_few_values(n_baseline: int, n_current: int, least: int) -> TestResult:
    """The result where each side needs `least` values and one has fewer; the verdict will be insufficient data."""
    return TestResult(0.0, None, n_baseline, n_current, detail={"needs": least})
