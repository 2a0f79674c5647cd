"""Checks that compare a window with other stored windows: the one before, the last weeks, another version."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from monitor.domain.evaluation import Evaluation
from monitor.domain.models import ModelRef
from monitor.domain.references import Against
from monitor.domain.stream import Share
from monitor.domain.time import from_ms
from monitor.domain.windows import Window
from monitor.rules.conditions import ALL_COLUMNS, MODEL_DRIFT
from monitor.stats.baseline import Baseline
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.window_test import WindowData
from monitor.usecases.estimating import FindingReads
from monitor.usecases.model_checks import BoundChecks
from monitor.usecases.outcomes import Outcome, run_on, without_data
from monitor.usecases.stored_windows import StoredWindows, reference_of
from monitor.usecases.window_content import WindowContent, merged

GUARD = f"{MODEL_DRIFT}({ALL_COLUMNS})"
"""The check whose bad windows do not become a reference."""

MOST_LEFT_OUT = 0.5
"""With more than this share of the panes drifted themselves, what is left is no picture of the usual."""


class History(FindingReads, Protocol):
    """What was found before, with the windows that it was bad about."""

    def bad_windows(self, ref: ModelRef, check_name: str, since: datetime, until: datetime) -> list[Window]:
        """The windows that overlap [since, until) and of which the check's newest finding is bad, oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class Reference:
    """Stored windows merged: `panes` of them, `left_out` more that had drifted; all on the bins of one baseline."""

    profile: ModelProfile
    panes: int
    left_out: int = 0
    drifted: Sequence[Window] = field(default=())

    @property
    def detail(self) -> dict[str, object]:
        """What it takes to merge the same again."""
        drifted = [str(window) for window in self.drifted]
        return {"panes": self.panes, "left_out": self.left_out, "drifted": drifted, "digest": self.profile.digest}

    @property
    def words(self) -> str:
        """For people."""
        panes = f"{self.panes} pane{'' if self.panes == 1 else 's'}"
        return f"compared with {panes}" + (f", {self.left_out} left out that drifted" if self.left_out else "")


class References:
    """Runs checks against stored windows; without `findings` a rolling reference cannot leave out what drifted."""

    def __init__(self, findings: History | None) -> None:
        self._findings = findings

    def run(  # noqa: PLR0917 - checks, what they compare, and where it lies
        self,
        bound: BoundChecks,
        what: tuple[Against, str],
        evaluation: Evaluation,
        stored: StoredWindows,
        content: WindowContent,
        baseline_id: str,
        baseline: Baseline,
    ) -> list[Outcome]:
        """The outcomes of checks that are all against the same; each says what it rests on.

        There are none where that is the window itself: version 2 is not compared with version 2.
        """
        against, segment = what
        if reference_of(against, evaluation, segment) == (evaluation.model, segment, [evaluation.window]):
            return []
        current = content.profiles.get(segment)
        if current is None:
            return without_data(bound, "no records of the segment")
        reference = self._reference(against, segment, evaluation, stored, baseline_id, baseline)
        if why := _lacks(reference, against, min(check.min_records for check in bound.checks)):
            return without_data(bound, why)
        return [_told(outcome, reference) for outcome in run_on(bound, reference.profile, WindowData(current))]

    def _reference(  # noqa: PLR0917 - as above
        self,
        against: Against,
        segment: str,
        evaluation: Evaluation,
        stored: StoredWindows,
        baseline_id: str,
        baseline: Baseline,
    ) -> Reference:
        ref, of_segment, stretches = reference_of(against, evaluation, segment)
        shares = [share for stretch in stretches for share in stored.shares_of(ref, of_segment, stretch)]
        shares = [share for share in shares if not _lies_in(share, against.excluded_windows)]
        drifted: list[Window] = []
        if against.is_rolling and self._findings is not None:
            since, until = stretches[0].start, stretches[-1].end
            drifted = self._findings.bad_windows(ref, GUARD, since, until)
        kept = [share for share in shares if not _lies_in(share, drifted)]
        profile = merged(kept, baseline_id, baseline)
        before, after = _panes(shares), _panes(kept)
        return Reference(profile, after, before - after, drifted if before > after else ())


def _panes(shares: Iterable[Share]) -> int:
    return len({share.key.pane_start_ms for share in shares})


def _lies_in(share: Share, windows: Iterable[Window]) -> bool:
    at = from_ms(share.key.pane_start_ms)
    return any(window.start <= at < window.end for window in windows)


def _lacks(reference: Reference, against: Against, least: int) -> str:
    """Why nothing can be compared with it; empty when it can."""
    everything = reference.panes + reference.left_out
    if not everything:
        return f"nothing is stored of {against}"
    if reference.left_out > MOST_LEFT_OUT * everything:
        return f"{reference.left_out} of {everything} panes of {against} had drifted themselves"
    if reference.profile.n < least:
        n = reference.profile.n
        return f"{n:,} records on the bins of this baseline in {against}, at least {least:,} are needed"
    return ""


def _told(outcome: Outcome, reference: Reference) -> Outcome:
    check, verdict, reason, result = outcome
    if result is not None:
        result = replace(result, detail={**result.detail, "reference": reference.detail})
    return check, verdict, f"{reason}; {reference.words}", result
