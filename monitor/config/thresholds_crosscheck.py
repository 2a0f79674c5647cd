"""Mistakes about thresholds that show only when it is known which values a test can have, and which of them are bad."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from monitor.config.check_section import ThresholdSection
from monitor.config.yaml_file import Loc


@dataclass(frozen=True, slots=True)
class Scale:
    """The least and the largest value that a test can have, and whether small ones are bad (None: one may say)."""

    least: float = 0.0
    is_bad_below: bool | None = None
    most: float = math.inf


def threshold_mistakes(name: str, threshold: ThresholdSection, scale: Scale) -> Iterator[tuple[Loc, str, str]]:
    """A side that is not the bad one, limits that cannot be reached, a warning that comes too late."""
    side = scale.is_bad_below
    if side is not None and threshold.below not in {None, side}:
        bad = "small" if side else "large"
        yield ("below",), f"{name} is bad when it is {bad}, whatever `below` says", "leave `below` out"
        return
    warning, drifted = threshold.warning, threshold.drifted
    for key, value in (("drifted", drifted), ("warning", warning)):
        if value is not None and value < scale.least:
            hint = f"{name} is never below {scale.least:g}: use a number above that"
            yield (key,), f"`{key}` is {value:g}, which no value of {name} reaches", hint
            return
        if value is not None and value > scale.most:
            hint = f"{name} is never above {scale.most:g}: use a number below that"
            yield (key,), f"`{key}` is {value:g}, which no value of {name} reaches", hint
            return
    below = bool(threshold.below) if side is None else side
    if warning is not None and (warning > drifted) != below and warning != drifted:
        where = "above" if below else "below"
        message = f"`warning` ({warning:g}) would come after `drifted` ({drifted:g})"
        yield ("warning",), message, f"warning must lie {where} drifted"
