"""The buttons that a message may carry, and which of them make sense. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from alerts.incidents import IncidentState


class Button(StrEnum):
    """What a message can offer."""

    ACKNOWLEDGE = "acknowledge"
    SILENCE_HOUR = "silence_1h"
    SILENCE_DAY = "silence_1d"
    RETRAIN = "retrain"
    NOT_A_PROBLEM = "not_a_problem"


def offered(state: IncidentState, buttons: Sequence[Button], *, is_marked: bool) -> tuple[Button, ...]:
    """Those of these buttons that make sense as an incident stands; what it was can be said after its end, too."""
    senseless = {
        IncidentState.OPEN: set[Button](),
        IncidentState.ACKNOWLEDGED: {Button.ACKNOWLEDGE},
        IncidentState.RESOLVED: set(Button) - {Button.NOT_A_PROBLEM},
    }[state]
    return tuple(one for one in buttons if one not in senseless and not (one is Button.NOT_A_PROBLEM and is_marked))
