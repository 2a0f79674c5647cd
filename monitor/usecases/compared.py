"""A window beside what it is compared with; of many windows the costly part is worked out together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar

from monitor.domain.evaluation import Evaluation
from monitor.domain.models import ALL_TRAFFIC, ModelRef, MonitoredModel
from monitor.stats.baseline import Baseline
from monitor.stats.budgeted import BudgetedModel, BudgetVerdict, judge_budgets
from monitor.usecases.model_checks import BoundChecks
from monitor.usecases.stored_windows import Wanted, rests_on_shares
from monitor.usecases.tested_ahead import Results, tested_ahead
from monitor.usecases.whole_model import Before, to_judge
from monitor.usecases.window_content import WindowContent


@dataclass(frozen=True, slots=True)
class Compared:
    """What a window holds, the baseline that it is compared with, and what keeps the model's alarm budget, if any.

    `checks` are those of columns, rows and the window, by segment. `before` is where the window before left what keeps
    the budget; `said` its verdict, and `results` what tests of columns computed, where they are known already.
    """

    baseline_id: str
    baseline: Baseline
    content: WindowContent
    drift: BudgetedModel | None
    checks: Mapping[str, BoundChecks]
    before: Before
    said: BudgetVerdict | None = None
    results: Results | None = None


P = ParamSpec("P")
T = TypeVar("T")

Compare = Callable[[MonitoredModel, Evaluation], Compared | None]


def compared_ahead(portion: Sequence[Wanted], compare: Compare) -> dict[int, Compared]:
    """By their places in the portion, the windows whose verdict on the whole model does not wait for another's.

    Those are the first of each model version; a later one goes on from the state that the one before it leaves. What
    cannot be worked out ahead, for whatever reason, is left to be judged alone, where the reason is told.
    """
    found: dict[int, Compared] = {}
    seen: set[ModelRef] = set()
    for place, (model, evaluation) in enumerate(portion):
        if not rests_on_shares(evaluation) or evaluation.model in seen:
            continue
        seen.add(evaluation.model)
        compared = _unless_it_breaks(compare, model, evaluation)
        if compared is not None:
            found[place] = compared
    found |= _unless_it_breaks(_tested, found) or {}
    judged = _unless_it_breaks(_judged, {place: (*portion[place], one) for place, one in found.items()})
    return found | (judged or {})  # where one breaks, which it was is told when each is judged alone


def _unless_it_breaks(work_out: Callable[P, T], *about: P.args, **more: P.kwargs) -> T | None:
    try:
        return work_out(*about, **more)
    except Exception:  # noqa: BLE001 - it comes again when this window is judged, and harms no other
        return None


def _tested(found: dict[int, Compared]) -> dict[int, Compared]:
    """All of them, with the results of their tests of columns."""
    results = tested_ahead([(one.checks, one.baseline, one.content.profiles) for one in found.values()])
    return {place: replace(one, results=said) for (place, one), said in zip(found.items(), results, strict=True)}


def _judged(asked: dict[int, tuple[MonitoredModel, Evaluation, Compared]]) -> dict[int, Compared]:
    """Those that have an alarm budget and enough records, with its verdict."""
    held = {
        place: (one, to_judge(one.drift, evaluation, one.content.profiles, one.baseline_id, one.before))
        for place, (model, evaluation, one) in asked.items()
        if one.drift is not None and one.content.profiles[ALL_TRAFFIC].n >= model.min_records
    }
    verdicts = judge_budgets([window for _, window in held.values()]) if held else []
    return {place: replace(one, said=said) for (place, (one, _)), said in zip(held.items(), verdicts, strict=True)}
