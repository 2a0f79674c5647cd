"""What an outcome counts for: windows that are not judged, windows without data, votes of several windows."""

from dataclasses import replace

from monitor.domain.rules import Memory, NoData, Rule
from monitor.domain.time import format_duration
from monitor.domain.windows import Window
from monitor.rules.hours import cover
from monitor.rules.outcome import Outcome

HELD, NOT_HELD = "b", "o"
"""Letters of votes: the condition held, or did not."""

_COUNTED = {NoData.OK, NoData.ALERT}


def weigh(rule: Rule, memory: Memory, outcome: Outcome, window: Window, version: str) -> tuple[Memory, Outcome]:
    """The outcome as it counts for the rule, and what the rule remembers from now on.

    A window that is not to be judged, after a deployment or at excepted hours, tells nothing. One without an answer is
    what the rule's no-data policy says. With `of_last` windows, the condition holds when enough of them say so.
    """
    excepted = next((f"{window} lies in the rule's excepted hours" for h in rule.except_in if cover(h, window)), "")
    memory = _as_of(rule, memory, outcome if not excepted else None, window, version)
    why_not = excepted or _deployed(rule, memory, window)
    if why_not:
        return memory, Outcome(None, why_not, parts=(outcome,))
    if outcome.holds is None:
        outcome = _without_data(rule, memory, outcome, window)
    else:
        memory = replace(memory, unknown_since=None)
    if outcome.holds is None or rule.of_last <= 1:
        return memory, outcome
    votes = (memory.votes + (HELD if outcome.holds else NOT_HELD))[-rule.of_last :]
    return replace(memory, votes=votes), _voted(rule, votes, outcome)


def _as_of(rule: Rule, memory: Memory, outcome: Outcome | None, window: Window, version: str) -> Memory:
    """The memory as of this window; one that was seen before tells nothing new about versions and missing data."""
    deploys = bool(rule.after_deploy and version)
    waits = bool(rule.no_data in _COUNTED and rule.no_data_after)
    if not (deploys or waits) or (memory.seen_to is not None and window.end <= memory.seen_to):
        return memory
    if deploys and version != memory.version:
        memory = replace(memory, version=version, deployed_at=window.start if memory.version else None)
    if waits and outcome is not None:
        since = (memory.unknown_since or window.end) if outcome.holds is None else None
        memory = replace(memory, unknown_since=since)
    return replace(memory, seen_to=window.end)


def _deployed(rule: Rule, memory: Memory, window: Window) -> str:
    if not rule.after_deploy or memory.deployed_at is None:
        return ""
    if not memory.deployed_at <= window.start < memory.deployed_at + rule.after_deploy:
        return ""
    return f"version {memory.version} serves for less than {format_duration(rule.after_deploy)}"


def _without_data(rule: Rule, memory: Memory, outcome: Outcome, window: Window) -> Outcome:
    if rule.no_data not in _COUNTED:
        return outcome
    lasted = window.end - (memory.unknown_since or window.end)
    if lasted < rule.no_data_after:
        return outcome
    since = f" for {format_duration(lasted)}" if lasted else ""
    return replace(outcome, holds=rule.no_data is NoData.ALERT, because=f"no data{since}: {outcome.because}")


def _voted(rule: Rule, votes: str, outcome: Outcome) -> Outcome:
    held = votes.count(HELD)
    because = f"in {held} of the last {len(votes)} windows (at least {rule.at_least}); in this one: {outcome.because}"
    return replace(outcome, holds=held >= rule.at_least, because=because)
