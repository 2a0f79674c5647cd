"""The fold of a rule: from the outcomes of consecutive windows to phases and transitions, in event time."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from monitor.domain.rules import Memory, Phase, Rule, RuleState, Subject, Transition
from monitor.domain.windows import Window
from monitor.rules.leaves import asks_rules, looks_back
from monitor.rules.outcome import Outcome
from monitor.rules.weighing import weigh

Judged = tuple[Window, Outcome]


def advance(  # noqa: PLR0917 - a rule, its state, one window
    rule: Rule, subject: Subject, state: RuleState, outcome: Outcome, window: Window, version: str = ""
) -> tuple[RuleState, Transition | None]:
    """Move one rule, for one subject, by the outcome of one window of the version that serves.

    The instant is the end of the window (event time), never the wall clock, so that a replay of the same windows gives
    the same alerts. A rule fires when its condition has held for `hold` since it was first seen to hold, and is over
    when the condition has been false for `keep`, as Prometheus has it. An unknown outcome is neither a breach nor a
    recovery and leaves the phase as it is; a window that was folded before is not folded again (see `refold`).
    """
    if was_folded(state, window):
        return state, None
    memory, said = weigh(rule, state.memory, outcome, window, version)
    before, at = replace(state, memory=memory), window.end
    if said.holds is None:
        return before, None
    after = _breached(rule, before, at) if said.holds else _recovered(rule, before, at)
    after = replace(after, memory=_with_severity(after, outcome))
    if after.phase is state.phase:
        return after, None
    return after, Transition(subject, state.phase, after.phase, at, window, said.because)


def _with_severity(state: RuleState, outcome: Outcome) -> Memory:
    """How bad it is: known while the alert fires, and as of the last window in which the condition held."""
    if not state.phase.is_active:
        return replace(state.memory, severity=None)
    return replace(state.memory, severity=outcome.severity) if outcome.holds else state.memory


def was_folded(state: RuleState, window: Window) -> bool:
    """Whether the rule has gone past this window."""
    return state.folded_to is not None and window.end <= state.folded_to


def may_refold(rule: Rule, state: RuleState, window: Window) -> bool:
    """Whether late records of an already folded window may still change the rule's mind.

    Only while the window is inside the hold time and nobody has been told: a rule that is active, or one without hold,
    keeps what it said, and the new revision of the finding is recorded alone. So does one that looks further than at
    single windows: at votes, versions, other rules, the past.
    """
    if state.folded_to is None or state.phase.is_active or not looks_at_single_windows(rule):
        return False
    return window.end <= state.folded_to and state.folded_to - window.end < rule.hold


def refold_since(rule: Rule, state: RuleState) -> datetime | None:
    """The end of the earliest window that `refold` needs; None when nothing was folded yet."""
    if state.folded_to is None:
        return None
    return min(state.since or state.folded_to, state.folded_to - rule.hold)


def refold(
    rule: Rule, subject: Subject, state: RuleState, judged: Sequence[Judged]
) -> tuple[RuleState, Transition | None]:
    """Fold again the windows from `refold_since` on, in order, with the outcomes of their newest revisions.

    A rule that is not active owes its state to these windows alone: had the condition held for longer, it would fire.
    The result is one step from the state as it was to the state as it should be, so nobody hears of steps between.
    """
    again, last = RuleState(), state.folded_to
    reached: Transition | None = None
    for window, outcome in judged:
        again, step = advance(rule, subject, again, outcome, window)
        reached = step or reached
    again = replace(again, folded_to=last)
    if again.phase is state.phase or not judged:
        return again, None
    window, outcome = judged[-1]
    said = reached or Transition(subject, state.phase, again.phase, window.end, window, outcome.because)
    return again, replace(said, before=state.phase, after=again.phase)


def looks_at_single_windows(rule: Rule) -> bool:
    """Whether the rule's state follows from the outcomes of the windows within its hold time alone."""
    remembers = rule.of_last > 1 or rule.after_deploy or rule.no_data_after
    return not remembers and not looks_back(rule) and not asks_rules(rule)


def _breached(rule: Rule, state: RuleState, at: datetime) -> RuleState:
    if state.phase.is_active:
        return replace(state, phase=Phase.FIRING, clear_since=None, folded_to=at)
    since = state.since or at
    if at - since >= rule.hold:
        return RuleState(Phase.FIRING, since, fired_at=at, folded_to=at, memory=state.memory)
    return RuleState(Phase.PENDING, since, folded_to=at, memory=state.memory)


def _recovered(rule: Rule, state: RuleState, at: datetime) -> RuleState:
    if not state.phase.is_active:
        return RuleState(folded_to=at, memory=state.memory)
    clear_since = state.clear_since or at
    if at - clear_since < rule.keep:
        return replace(state, phase=Phase.RECOVERING, clear_since=clear_since, folded_to=at)
    return RuleState(folded_to=at, memory=state.memory)
