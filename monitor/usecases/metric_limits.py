"""The limit of a metric, which has none of its own unless a configuration sets one."""

import sys
from dataclasses import replace

from monitor.domain.checks import Threshold

_NO_FLOOR, _NO_CEILING = -1.0, sys.float_info.max


def limit_of(limit: Threshold | None, *, higher_is_better: bool) -> tuple[Threshold, bool]:
    """The threshold on the side where the metric is bad, and whether it is one at all."""
    threshold = limit or Threshold(_NO_FLOOR if higher_is_better else _NO_CEILING)
    return replace(threshold, below=higher_is_better), limit is not None


def is_limit(threshold: Threshold) -> bool:
    """Whether it is one that a configuration or a metric has set."""
    return threshold.drifted not in {_NO_FLOOR, _NO_CEILING}
