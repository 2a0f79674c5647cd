"""Does retraining pay: the loss that a worse model is expected to make, against the cost of a new one."""

from collections.abc import Sequence

from monitor.domain.retraining import CostPolicy, CostSum
from monitor.domain.time import in_one_unit

POINT = 0.01
"""One point of a metric, in its unit."""

_AT_FIRST = 10
"""So many windows say how good a version was when it began."""


def levels(values: Sequence[float]) -> tuple[float, float] | None:
    """(how good at first, how good now) from a version's values, window after window; None with fewer than two.

    At first is the median of the first ten windows (of all but the last, where there are fewer).
    """
    if len(values) < 2:
        return None
    early = sorted(values[: min(_AT_FIRST, len(values) - 1)])
    middle = len(early) // 2
    return (early[middle] if len(early) % 2 else (early[middle - 1] + early[middle]) / 2), values[-1]


def expected_cost(
    policy: CostPolicy, level: tuple[float, float] | None, per_day: float | None, *, higher_is_better: bool, how: str
) -> CostSum:
    """The sum in numbers and words, whatever its answer. `per_day` are predictions; `how`: measured or estimated."""
    money = f" {policy.currency}" if policy.currency else ""
    if level is None or per_day is None:
        what = f"{policy.metric} of at least two windows" if level is None else "the traffic"
        return CostSum(policy.retrain, None, f"{what} is not known, so nobody can say whether retraining pays")
    first, now = level
    points = max(0.0, (first - now if higher_is_better else now - first) / POINT)
    predictions = per_day * policy.horizon.total_seconds() / 86_400
    loss = points * predictions / 1000 * policy.error_point_per_1k
    comparison = "more" if loss > policy.retrain else "not more"
    return CostSum(
        policy.retrain,
        loss,
        f"{how} {policy.metric} went from {first:.4g} to {now:.4g}: {points:.3g} points x {predictions:,.0f}"
        f" predictions in {in_one_unit(policy.horizon)} x {policy.error_point_per_1k:g}{money} per point and 1,000"
        f" = {loss:,.2f}{money}, {comparison} than retraining costs ({policy.retrain:,.2f}{money}); by the values"
        f" alone: how sure they are (the intervals of {policy.metric}) does not count",
    )
