"""What the areas under curves of a binary model's scores have in common."""

from collections.abc import Callable

import numpy as np

from monitor.domain.findings import TestResult
from monitor.stats.columns import Floats
from monitor.stats.performance.influence import share_result, standard_error
from monitor.stats.performance.metric import Judged
from monitor.stats.performance.ranking import RankedArea, scored_groups


def scored_area(
    judged: Judged, positive: str | None, area_of: Callable[[Floats, Floats], RankedArea | None]
) -> TestResult | None:
    """The area with its interval; None without scores, without a configured positive label, or with one class only."""
    scored = np.isfinite(judged.scores)
    if positive is None or not scored.any():
        return None
    truth = judged.is_label(positive)[scored]
    groups = scored_groups(truth, judged.scores[scored])
    area = area_of(*groups)
    return None if area is None else share_result(area.value, standard_error(area.influence, groups), len(truth))
