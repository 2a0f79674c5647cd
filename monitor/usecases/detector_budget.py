"""What sequential detectors are expected to cost in false alarms, at the model's usual traffic."""

from dataclasses import dataclass

from monitor.domain.models import MonitoredModel
from monitor.domain.ports import BaselineStore, WindowReads
from monitor.stats.baseline import Baseline
from monitor.stats.sequential import CannotWatch, records_a_day, run_length, share_of, watcher
from monitor.usecases.budget import MONTH, usual_records
from monitor.usecases.detector_doubts import detector_doubts

_DAYS_A_MONTH = 30


@dataclass(frozen=True, slots=True)
class DetectorBudget:
    """One detector: what was asked for, and what that is in records (of its segment) and, usually, in a month.

    `run_length` is how many records pass between false alarms on average, all partitions together;
    `false_alarms_a_month` is None where no traffic is known. `obstacle` says why the detector does not run (empty: it
    does). `doubt` says why it will alarm more often than that (empty: nothing is known that speaks against it).
    """

    name: str
    asked: str
    run_length: float | None
    false_alarms_a_month: float | None
    obstacle: str = ""
    doubt: str = ""


def detector_budgets(model: MonitoredModel, windows: WindowReads, baselines: BaselineStore) -> list[DetectorBudget]:
    """In the order of the configuration, for the newest promoted baseline."""
    if not model.sequential:
        return []
    timeline = baselines.timeline(model.name)
    if not timeline:
        why = "there is no baseline: make one first with `driftline baseline build`"
        return [DetectorBudget(spec.name, spec.asked, None, None, why) for spec in model.sequential]
    baseline = Baseline.from_bytes(baselines.get(timeline[-1][2]))
    a_month = _records_a_month(model, windows, baseline)
    doubts = detector_doubts(model, baseline)
    found = []
    for spec in model.sequential:
        try:
            watcher(spec, baseline)
            length = run_length(spec, baseline)
        except CannotWatch as error:
            found.append(DetectorBudget(spec.name, spec.asked, None, None, str(error).removeprefix(f"{spec.name}: ")))
        else:
            expected = None if a_month is None else a_month * share_of(spec, baseline) / length
            found.append(DetectorBudget(spec.name, spec.asked, length, expected, doubt=doubts.get(spec.name, "")))
    return found


def _records_a_month(model: MonitoredModel, windows: WindowReads, baseline: Baseline) -> float | None:
    usual, _ = usual_records(model, windows)
    if usual is not None:
        return usual * (MONTH / model.windows.size)
    a_day = records_a_day(baseline)
    return None if a_day is None else a_day * _DAYS_A_MONTH
