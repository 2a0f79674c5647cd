"""The section `teams` of the routes file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from alerts.budgets import Budget
from alerts.muting_settings import read_label_name
from alerts.routing import Matcher, Operator
from alerts.settings import Settings

_EVERY = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}
LONGEST = max(_EVERY.values())
"""How long at most what was spent counts."""
_BUDGET = re.compile(r"([1-9]\d{0,5}) per (day|week|month)")


def read_budget(text: str) -> tuple[int, timedelta]:
    """Read `20 per week`; a month is 30 days; raises ValueError with an example."""
    found = _BUDGET.fullmatch(text)
    if found is None:
        msg = f"{text!r} is no budget; write messages per day, week or month, like 20 per week"
        raise ValueError(msg)
    return int(found[1]), _EVERY[found[2]]


def _checked(text: str) -> str:
    read_budget(text)
    return text


class TeamSettings(Settings):
    """A team, and how many messages it bears."""

    budget: Annotated[str, AfterValidator(_checked)]
    """`20 per week`: when more were sent, the noisiest rule is told in digests only."""
    channels: Annotated[tuple[str, ...], Field(min_length=1)]
    """Who hears that it is spent."""
    match: tuple[str, ...] = ()
    """Conditions on labels that its alerts fulfil; without any, `team="<its name>"`."""
    rule_label: Annotated[str, AfterValidator(read_label_name)] = "alertname"
    """The label that names the rule of an alert."""
    demote_critical: bool = False
    """Whether critical alerts may be left to digests, too."""


TeamsSettings = Mapping[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,99}$")], TeamSettings]


def budgets_of(settings: TeamsSettings) -> tuple[Budget, ...]:
    """The budgets as they were written, in their order."""
    return tuple(
        Budget(
            name,
            *read_budget(one.budget),
            one.budget,
            one.channels,
            tuple(map(Matcher.parse, one.match)) or (Matcher("team", Operator.EQUAL, name),),
            one.rule_label,
            one.demote_critical,
        )
        for name, one in settings.items()
    )
