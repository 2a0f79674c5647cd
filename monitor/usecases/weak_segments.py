"""Where a window's performance is bad, or has dropped: the slices that carry it, found when its truth says so."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from monitor.domain.checks import Check, Threshold
from monitor.domain.errors import MonitorError, StoreUnavailable
from monitor.domain.evaluation import Evaluation
from monitor.domain.findings import Finding, TestResult, Verdict
from monitor.domain.models import ALL_TRAFFIC, MonitoredModel
from monitor.rules.conditions import GROUND_TRUTH
from monitor.rules.explain import WEAK_SEGMENTS
from monitor.stats.estimation import CHANGES
from monitor.stats.found_segments.losses import LOSS_BEHIND, LOSSES
from monitor.stats.found_segments.words import compared
from monitor.usecases.find_segments import FindSegments, Found, SearchWish
from monitor.usecases.outcomes import Outcome

MOST_RECORDS = 20_000
"""Of so many records with 20 columns the search takes a second of CPU; of more, so many are drawn."""

NAMED = 3
"""So many slices are named in a sentence; the finding keeps all."""

LEAST_DROP = 0.03
"""A metric that is worse than on the baseline by this share of what it was there has dropped, if it is no chance.

No more than what ends an alert of the default rule on drops (0.03, of metrics that are at most 1): so where that rule
fires, the slices behind it have been looked for.
"""


def weak_segments(
    find: FindSegments, model: MonitoredModel, evaluation: Evaluation, findings: Iterable[Finding]
) -> list[Outcome]:
    """Which slices are significantly worse than the rest, of a window whose metrics are bad; no verdict on them.

    Bad are those that are *degraded*, and those that have dropped: `findings` say what a change comes from. Nothing
    where no metric is bad, no rows are kept, or they are too few to tell.
    """
    of_truth = [f for f in findings if f.check.column == GROUND_TRUTH]
    bad = [f for f in of_truth if f.verdict is Verdict.DEGRADED] or _dropped(of_truth)
    if model.archive is None or not bad:
        return []
    window = evaluation.window
    behind = next((name for one in bad if _suits(name := LOSS_BEHIND.get(one.check.test, ""), model)), "")
    wish = SearchWish(model, evaluation.model, window.start_ms, window.end_ms, behind, most=MOST_RECORDS)
    try:
        return [_told(find.run(wish))]
    except (StoreUnavailable, OSError) as error:
        return [(_check(), Verdict.FAILED, f"{WEAK_SEGMENTS}: the kept rows cannot be read: {error}", None)]
    except MonitorError:
        return []


def _dropped(findings: Sequence[Finding]) -> list[Finding]:
    """The metrics that are worse than on the baseline, by the findings about where their changes come from."""
    worse = {CHANGES[f.check.test].of for f in findings if f.check.test in CHANGES and _is_drop(f)}
    return [f for f in findings if f.check.test in worse]


def _is_drop(change: Finding) -> bool:
    found = change.result
    before = found.detail.get("before") if found else None
    if found is None or found.low is None or found.high is None or not isinstance(before, int | float):
        return False
    is_better = CHANGES[change.check.test].higher_is_better
    drop, least = (-found.statistic, -found.high) if is_better else (found.statistic, found.low)
    return least > 0 and drop >= LEAST_DROP * abs(before)


def _suits(loss: str, model: MonitoredModel) -> bool:
    return loss in LOSSES and (model.task is None or model.task in LOSSES[loss].tasks)


def _told(found: Found) -> Outcome:
    search, loss = found.search, found.loss
    tried = f"{search.tried:,} slices of at least {found.smallest:,} of {search.records:,} records tried"
    detail = {
        "metric": loss.name,
        "records": search.records,
        "tried": search.tried,
        "segments": [asdict(one) for one in search.found],
    }
    if not search.found:
        result = TestResult(0.0, None, 0, search.records, detail=detail)
        reason = f"{WEAK_SEGMENTS}: none is significantly worse than the rest by {loss.name}; {tried}"
        return _check(), Verdict.OK, reason, result
    first = search.found[0]
    named = "; ".join(compared(one, loss) for one in search.found[:NAMED])
    more = len(search.found) - NAMED
    named += f"; and {more} more" if more > 0 else ""
    result = TestResult(
        first.more, first.p_value, first.outside.n, first.inside.n, first.low, first.high, detail | {"named": named}
    )
    return _check(), Verdict.OK, f"{WEAK_SEGMENTS}: {named}; {tried}", result


def _check() -> Check:
    return Check(WEAK_SEGMENTS, GROUND_TRUTH, ALL_TRAFFIC, Threshold(sys.float_info.max), 0)
