"""The rules of a model for which nobody wrote any.

A model's data is one alert, whatever is wrong with it: its causes are ranked in the message. Performance by the truth
is another, for truth comes windows later, and so is the reading of the stream, which is judged by the clock: an alert
has one line of time.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from monitor.domain.rules import (
    AnyOf,
    CheckIsBad,
    Condition,
    DropAgainst,
    Dropped,
    Escalation,
    Limit,
    NoData,
    Rule,
    Severity,
)
from monitor.domain.sequential import DETECTORS
from monitor.rules.comparing import ESTIMATED
from monitor.rules.conditions import (
    COVERAGE,
    ESTIMATE,
    GROUND_TRUTH,
    LAG,
    MODEL_DRIFT,
    SILENCE,
    STALENESS,
    VOLUME,
)

DATA, PERFORMANCE, READING, SUDDEN = "model-health", "model-performance", "stream-is-read", "records-have-changed"
DATA_BY_CHECKS = "model-health-by-checks"
"""Names of the default rules. The last stands for the first where a model has no alarm budget."""

_TRAFFIC: tuple[Condition, ...] = (CheckIsBad(test=SILENCE), CheckIsBad(test=VOLUME), CheckIsBad(test=COVERAGE))
_NO_CHANCE = 1e-6
"""Without a budget, checks of single columns must do. At p <= 0.001 those of 20 quiet columns with independent records
are bad in about ten hourly windows of 185 records a month; at this, three of them on 25 columns, of all traffic and two
segments, are bad in one a half-year at most. Where records depend on each other, or have a season, no p-value of theirs
bounds anything: `model_drift` sees these faults, too, and knows what is usual.
"""

_BROKEN: tuple[Condition, ...] = tuple(
    CheckIsBad(test=test, p_at_most=_NO_CHANCE) for test in ("missing_rate", "unseen_category", "out_of_range")
)


def _drops(prefix: str = "") -> tuple[Dropped, ...]:
    """Worse than on the training data, where that is known; of metrics from 0 to 1, for which one limit fits all."""
    return tuple(
        Dropped(f"{prefix}{name}", DropAgainst.BASELINE, Limit(0.05, clear=0.03), sure=0.99)
        for name in ("accuracy", "roc_auc")
    )


_ESTIMATED: tuple[Condition, ...] = (CheckIsBad(column=ESTIMATE), *_drops(ESTIMATED))

PACK = (
    Rule(
        DATA,
        AnyOf((CheckIsBad(test=MODEL_DRIFT), *_ESTIMATED, *_TRAFFIC)),
        Severity.WARNING,
        keep=timedelta(hours=1),
        summary="The model's data is not what it was trained on.",
        labels={"kind": "data"},
        escalations=(Escalation(Severity.CRITICAL, AnyOf((CheckIsBad(test=SILENCE), *_ESTIMATED))),),
        no_data=NoData.OK,  # a part that never has enough data must not keep an alert for ever
        no_data_after=timedelta(days=1),
    ),
    Rule(
        PERFORMANCE,
        AnyOf((CheckIsBad(column=GROUND_TRUTH), *_drops())),
        Severity.CRITICAL,
        at_least=2,
        of_last=3,
        summary="The model is worse than its limit or its training, by the truth.",
        labels={"kind": "performance"},
    ),
    Rule(
        READING,
        AnyOf((CheckIsBad(test=STALENESS), CheckIsBad(test=LAG))),
        Severity.CRITICAL,
        hold=timedelta(minutes=5),
        summary="The inference log is not being read.",
        labels={"kind": "data"},
    ),
    Rule(
        SUDDEN,
        AnyOf(tuple(CheckIsBad(test=test) for test in DETECTORS)),
        Severity.WARNING,
        keep=timedelta(hours=1),  # a detector that has told begins anew, and is quiet for a while
        summary="The model's records have changed.",
        labels={"kind": "data"},
    ),
)


WITHOUT_BUDGET = replace(PACK[0], name=DATA_BY_CHECKS, alertname=DATA, when=AnyOf((*_ESTIMATED, *_BROKEN, *_TRAFFIC)))
"""Stands for the first of the pack, under its name in alerts."""


def with_default_rules(
    own: Sequence[Rule], choices: Mapping[str, bool | None], without_budget: Collection[str] = ()
) -> list[Rule]:
    """The written rules, and the pack for the models that chose it, or that chose nothing and have no rule.

    A written rule of the same name takes the place of the pack's. Single checks count for models `without_budget`.
    """
    wanting = [name for name, chose in choices.items() if chose or (chose is None and not _has_any(own, name))]
    budgeted = [name for name in wanting if name not in without_budget]
    others = [name for name in wanting if name in without_budget]
    written = {rule.name for rule in own}
    watching = ((PACK[0], budgeted), (WITHOUT_BUDGET, others), *((rule, wanting) for rule in PACK[1:]))
    pack = [
        replace(rule, models=tuple(models))
        for rule, models in watching
        if models and written.isdisjoint({rule.name, rule.alertname})
    ]
    return [*own, *pack]


def _has_any(rules: Sequence[Rule], model: str) -> bool:
    return any(rule.applies_to(model) for rule in rules)
