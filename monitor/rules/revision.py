"""What a revised window changes in what a rule has told: alerts that were none, and alerts that nobody heard of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.domain.rules import Rule, RuleState, Subject
from monitor.rules.fold import Judged, advance


@dataclass(frozen=True, slots=True)
class Episode:
    """One alert: when it began and ended in event time (None: it goes on)."""

    began: datetime
    ended: datetime | None

    def overlaps(self, other: "Episode") -> bool:
        """Whether both are on at some instant."""
        first, second = sorted((self, other), key=lambda one: one.began)
        return first.ended is None or first.ended >= second.began


@dataclass(frozen=True, slots=True)
class Revised:
    """Where the rule stands by what is known now, and what people have to hear of it.

    `is_withdrawn`: the alert that fires should never have. `late`: an alert that should have fired and did not (None:
    there is none); it may be over already.
    """

    state: RuleState
    is_withdrawn: bool = False
    late: Episode | None = None


def revise(
    rule: Rule, subject: Subject, state: RuleState, told: Sequence[Judged], known: Sequence[Judged]
) -> Revised | None:
    """Compare what the rule made of some windows with what it makes of them now; None when what was told holds.

    Both are the outcomes of the same windows, in order, from before the alert that fires (or would fire) on: `told` as
    they were judged before, `known` as they are judged now.
    """
    before, _ = _story(rule, subject, told)
    after, again = _story(rule, subject, known)
    again = replace(again, folded_to=state.folded_to)
    if state.phase.is_active:
        began = state.fired_at
        if began is None or began not in {window.end for window, _ in known}:
            return None  # what it fired for is forgotten: nothing can be said against it
        bears_out = any(one.overlaps(Episode(began, None)) for one in after)
        return None if bears_out else Revised(again, is_withdrawn=True)
    unheard = [one for one in after if not any(one.overlaps(other) for other in before)]
    if not unheard:
        return None
    late = unheard[-1]
    return Revised(again if late.ended is None else state, late=late)


def _story(rule: Rule, subject: Subject, judged: Sequence[Judged]) -> tuple[list[Episode], RuleState]:
    state, episodes = RuleState(), list[Episode]()
    for window, outcome in judged:
        was_active = state.phase.is_active
        state, _ = advance(rule, subject, state, outcome, window)
        if state.phase.is_active and not was_active:
            episodes.append(Episode(window.end, None))
        elif was_active and not state.phase.is_active:
            episodes[-1] = replace(episodes[-1], ended=window.end)
    return episodes, state
