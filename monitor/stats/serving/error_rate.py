"""Share of the records that say their request failed."""

from dataclasses import dataclass
from typing import ClassVar

from monitor.domain.findings import TestResult
from monitor.stats.profiles.categorical import CategoricalProfile
from monitor.stats.proportions import wilson
from monitor.stats.serving.metric import ServingWindow, column_of, lacking
from monitor.stats.texts import category_text


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """Share of the records whose value in a column says that the request failed, 0 to 1; Wilson interval (1927).

    `ok` are the values that mean success, with commas between (`"200, 204"`, `"false"`): any other value is an error,
    also one that training never saw. Records without a value are put aside, unless `missing_is_ok` says that they
    succeeded, as where a column `error` is filled only then. Unit: share of the records. From 1 record on.
    """

    name: ClassVar[str] = "error_rate"
    title: ClassVar[str] = "Error rate"
    unit: ClassVar[str] = "share of the records"
    higher_is_better: ClassVar[bool] = False
    column: ClassVar[str] = ""
    least: ClassVar[int] = 1
    ok: str | float | bool = ""
    missing_is_ok: bool = False

    @property
    def good(self) -> frozenset[str]:
        """The values that mean success."""
        one_value = self.ok if isinstance(self.ok, str) else category_text(self.ok) or ""
        return frozenset(text.strip() for text in one_value.split(",") if text.strip())

    def run(self, window: ServingWindow, column: str) -> TestResult:
        """Count what is not among the good values."""
        profile = column_of(window, column)
        if why := self._unfit(profile, column):
            return lacking(why, window.records)
        if not isinstance(profile, CategoricalProfile):  # for the type checker: `_unfit` has said so
            raise TypeError(column)
        known = profile.layout.categories
        fine = sum(int(n) for name, n in zip(known, profile.counts.tolist(), strict=True) if name in self.good)
        failed = profile.n - profile.missing - fine  # a value of another type is none that means success
        n = profile.n if self.missing_is_ok else profile.n - profile.missing
        if not n:
            return lacking(f"no record has a value in {column}", 0)
        low, high = wilson(failed, n)
        return TestResult(failed / n, None, n, n, low, high, {"errors": failed, "missing": profile.missing})

    def _unfit(self, profile: object, column: str) -> str:
        if not self.good and not self.missing_is_ok:
            return "which values mean success is not said: give the parameter `ok`, or `missing_is_ok`"
        if profile is None:
            return f"the baseline has no column {column!r} to count on: build one whose training data has it"
        if not isinstance(profile, CategoricalProfile):
            return f"{column} holds numbers: name it under `training.categorical` and build a baseline"
        strangers = sorted(self.good - set(profile.layout.categories))
        if strangers:
            return f"{', '.join(strangers)} in `ok` is no value that {column} has in the baseline, so it is not counted"
        return ""
