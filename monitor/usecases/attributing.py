"""What a judged window is made of: its columns, bins and segments as parts of the drift, and their pictures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from monitor.domain.findings import Finding, Verdict
from monitor.domain.models import ALL_TRAFFIC, Segment
from monitor.domain.rules import Chart
from monitor.rules.charts import drift_chart
from monitor.stats.attribution.attribution import Attribution, Division, attribute, divide
from monitor.stats.attribution.words import as_document
from monitor.stats.baseline import Baseline
from monitor.stats.profiles.model import ModelProfile

ATTRIBUTION = "attribution"
"""Where the detail of a finding about the whole model keeps it."""


@dataclass(frozen=True, eq=False)
class Sides:
    """A baseline, and the profiles of a window by segment that were counted on its bins."""

    baseline: Baseline
    profiles: Mapping[str, ModelProfile]
    segments: Sequence[Segment] = ()
    min_records: int = 1

    @cached_property
    def whole(self) -> Attribution:
        """What the drift of all traffic is made of, by segments, too."""
        found = attribute(self.baseline.whole, self.profiles[ALL_TRAFFIC], self.min_records)
        return found if found.lacking else replace(found, divisions=self._divisions())

    def attribution(self, segment: str = ALL_TRAFFIC) -> Attribution | None:
        """That of all traffic, or what the drift of one segment is made of; None where it is not on both sides."""
        if segment == ALL_TRAFFIC:
            return self.whole
        before, now = self.baseline.segments.get(segment), self.profiles.get(segment)
        return None if before is None or now is None else attribute(before, now, self.min_records)

    def _divisions(self) -> tuple[Division, ...]:
        """One for each column that segments are declared by: theirs have no record in common."""
        known = self.baseline.segments.keys() & self.profiles.keys()
        values: dict[str, dict[str, str]] = {}
        for one in self.segments:
            if one.name in known:
                values.setdefault(one.column, {}).setdefault(one.value, one.name)
        before = {ALL_TRAFFIC: self.baseline.whole, **self.baseline.segments}
        return tuple(divide(column, list(names.values()), before, self.profiles) for column, names in values.items())

    def charts(self, columns: Iterable[str], most: int) -> tuple[Chart, ...]:
        """Pictures of the first of these columns that can be drawn, then of those that carry the drift."""
        before, now = self.baseline.whole.columns, self.profiles[ALL_TRAFFIC].columns
        drawn: dict[str, Chart] = {}
        for name in self._worth_drawing(columns):
            if len(drawn) == most:
                break
            if name in before and name not in drawn and (chart := drift_chart(name, before[name], now[name])):
                drawn[name] = chart
        return tuple(drawn.values())

    def _worth_drawing(self, columns: Iterable[str]) -> Iterable[str]:
        yield from columns
        yield from (part.column for part in self.whole.columns)


def with_attribution(finding: Finding, sides: Sides) -> Finding:
    """A finding about the whole model with what carries its drift, where it has drifted."""
    if finding.verdict is not Verdict.DRIFTED or finding.result is None:
        return finding
    detail = {**finding.result.detail, ATTRIBUTION: as_document(sides.whole)}
    return replace(finding, result=replace(finding.result, detail=detail))
