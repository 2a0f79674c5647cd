"""What a condition says about one window, and what it may look at beside the window's own findings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from monitor.domain.findings import Finding
from monitor.domain.rules import Severity


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a condition says about one window.

    `holds` is None when the findings do not tell. `causes` are the findings that speak for the condition, the worst
    first; empty where none does. `looked_at` are all that it asked, `parts` the outcomes of its parts. `severity` is
    how bad it is where that is not the rule's own (None), `escalated` why.
    """

    holds: bool | None
    because: str
    causes: tuple[Finding, ...] = ()
    looked_at: tuple[Finding, ...] = ()
    parts: tuple["Outcome", ...] = ()
    severity: Severity | None = None
    escalated: str = ""

    @property
    def is_absent(self) -> bool:
        """Unknown because nothing of what it asks for is there at all."""
        return self.holds is None and not self.looked_at and all(part.is_absent for part in self.parts)


@dataclass(frozen=True, slots=True)
class Around:
    """What was seen beside a window of the version that serves.

    `past` are findings of earlier windows, of the versions that served in them; `others` those of versions that did
    not serve, of this window and of earlier ones. `firing` says of other rules whether they fire.
    """

    past: Sequence[Finding] = ()
    others: Sequence[Finding] = ()
    firing: Mapping[str, bool] = field(default_factory=dict)


def ranked(findings: Iterable[Finding], importances: Mapping[str, float]) -> tuple[Finding, ...]:
    """The worst first: how many times over its check's limit, weighed by the importance of its column."""
    return tuple(sorted(findings, key=lambda f: (-_badness(f, importances), f.check.name)))


def _badness(finding: Finding, importances: Mapping[str, float]) -> float:
    """How many times over its limit the statistic is, weighed by the column's importance; only for ranking."""
    weight = 1.0 + importances.get(finding.check.column, 0.0)
    if finding.result is None:
        return weight
    statistic, limit = abs(finding.result.statistic), abs(finding.check.threshold.drifted)
    if finding.check.threshold.below:
        statistic, limit = limit, statistic
    return weight * (statistic / limit if limit > 0 else 1.0 + statistic)
