"""What a metric says of a window when its truth has come."""

import math

import numpy as np
import pytest

from monitor.domain.checks import Check, Threshold
from monitor.domain.findings import Verdict
from monitor.stats.performance import PERFORMANCE_METRICS
from monitor.stats.performance.metric import Judged
from monitor.usecases.model_checks import MetricCheck
from monitor.usecases.realized import measure

JUDGED = Judged(("yes",) * 200, np.full(200, math.nan), ("yes",) * 150 + ("no",) * 50)


@pytest.mark.parametrize(("is_limited", "limit"), [(False, "no limit is set"), (True, "floor 0.7")])
def test_a_metric_is_never_shown_without_its_interval(is_limited: bool, limit: str) -> None:
    check = Check("accuracy", "ground_truth", "", Threshold(0.7 if is_limited else -1.0, below=True), 10)

    _, verdict, reason, result = measure(MetricCheck(check, PERFORMANCE_METRICS["accuracy"], is_limited), JUDGED, "yes")

    assert verdict is Verdict.OK
    assert result is not None
    interval = f"(95 % interval {result.low:.4g} to {result.high:.4g})"
    assert reason.startswith(f"accuracy(ground_truth) = 0.75 {interval}, {limit}; 200 predictions with known truth")
