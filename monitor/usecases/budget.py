"""What an alarm budget buys: expected false alarms, and the smallest change that each column can show."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from monitor.domain.errors import BaselineError
from monitor.domain.models import ALL_TRAFFIC, MonitoredModel
from monitor.domain.ports import BaselineStore, WindowReads
from monitor.domain.stream import PaneSpan
from monitor.stats.baseline import Baseline
from monitor.stats.budgeted import BudgetedModel, budgeted_model
from monitor.stats.calibration.power import Visible, visible
from monitor.stats.calibration.season import unknown_year
from monitor.usecases.whole_model import calibration_words

MONTH = timedelta(days=30)
LATEST = 500
"""So many of the newest panes tell the usual traffic."""

_END_OF_TIME_MS = 253_402_300_799_000


@dataclass(frozen=True, slots=True)
class SegmentBudget:
    """What one segment can show in windows of so many records of its own, with its part of the budget (0 to 1).

    `in_time` is the median over its columns of the smallest change that adds up in about ten windows; None: no column.
    """

    segment: str
    share: float
    records: float
    in_time: float | None


@dataclass(frozen=True, slots=True)
class BudgetReport:
    """For one model and its newest baseline; `records` is the size of a usual window, and `source` says whence.

    `columns` are those of all traffic; `unjudged` segments have too little in the baseline, and `left_out` is how many
    windows of it are too small to calibrate on. `unknown` says which course it is too short for; empty: none.
    """

    baseline_id: str
    windows_a_month: float
    false_alarms_a_month: float
    alpha: float
    records: float
    source: str
    calibration: str
    columns: tuple[Visible, ...]
    segments: tuple[SegmentBudget, ...] = ()
    unjudged: tuple[str, ...] = ()
    left_out: int = 0
    unknown: str = ""


def budget_report(
    model: MonitoredModel, windows: WindowReads, baselines: BaselineStore, records: float | None = None
) -> BudgetReport:
    """From the newest promoted baseline and the model's own traffic, or for windows of so many records.

    BaselineError says what is missing.
    """
    if model.alarm_budget is None:
        raise BaselineError(f"{model.name} has no alarm budget: write `alarm_budget: 1 per month` into its file")
    timeline = baselines.timeline(model.name)
    if not timeline:
        raise BaselineError(f"there is no baseline of {model.name}: make one first with `driftline baseline build`")
    baseline_id = timeline[-1][2]
    baseline = Baseline.from_bytes(baselines.get(baseline_id))
    drift = budgeted_model(baseline, model.windows, model.alarm_budget, model.segments)
    if drift is None:
        raise BaselineError(f"the baseline {baseline_id} of {model.name} has no value in any column: build it again")
    usual, source = (records, "as asked") if records is not None else usual_records(model, windows)
    if usual is None:
        usual, source = drift.whole.calibration.usual_records, "a usual window of the baseline: no traffic yet"
    own = baseline.windows
    return BudgetReport(
        baseline_id,
        MONTH / model.windows.slide,
        model.alarm_budget.in_each(MONTH),
        drift.whole.alpha,
        usual,
        source,
        calibration_words(drift),
        tuple(visible(drift.whole, usual)),
        tuple(_of_segment(drift, baseline, name, usual) for name in drift.parts if name != ALL_TRAFFIC),
        drift.unjudged,
        0 if own is None else own.left_out,
        "" if own is None else unknown_year(own.span_ms),
    )


def _of_segment(drift: BudgetedModel, baseline: Baseline, segment: str, records: float) -> SegmentBudget:
    """For a segment as large a part of the traffic as it was of the training data."""
    mine = max(1.0, records * baseline.profile(segment).n / baseline.rows)
    shown = [one.in_time for one in visible(drift.parts[segment], mine) if one.in_time is not None]
    return SegmentBudget(segment, drift.of_budget[segment], mine, median(shown) if shown else None)


def usual_records(model: MonitoredModel, windows: WindowReads) -> tuple[float | None, str]:
    """Records of a usual window, by the newest panes, and how that is known; None while there was no traffic."""
    panes = windows.panes([PaneSpan(model.name, 0, _END_OF_TIME_MS, model.windows.slide_ms)])
    by_start: Counter[int] = Counter()
    for pane in panes:
        by_start[pane.pane_start_ms] += pane.n
    latest = [by_start[start] for start in sorted(by_start)[-LATEST:]]
    if not latest:
        return None, ""
    return median(latest) * (model.windows.size / model.windows.slide), f"the median of the last {len(latest)} panes"
