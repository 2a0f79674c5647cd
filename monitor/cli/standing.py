"""Why a rule fires, or does not, in lines: its phase, its progress, and the tree of its conditions."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from monitor.domain.rules import AllOf, AnyOf, Condition, Not, Phase, Unknown
from monitor.domain.time import format_duration, format_instant
from monitor.rules.explain import severity_in
from monitor.rules.outcome import Outcome, ranked

if TYPE_CHECKING:
    from monitor.bootstrap.rehearsing import Standing

_MARKS = {True: "yes", False: "no ", None: "?  "}
_WORDS: Mapping[type[Condition], str] = {AllOf: "all of", AnyOf: "any of", Not: "not", Unknown: "unknown"}
_MAX_FINDINGS = 3


def standing_lines(standing: "Standing") -> Iterator[str]:
    """One rule and subject."""
    rule, state = standing.rule, standing.state
    name = rule.name + (f" [{standing.subject.segment}]" if standing.subject.segment else "")
    yield f"{name}: {state.phase}{_since(standing)}"
    yield from (f"  {line}" for line in _progress(standing))
    if standing.outcome is None:
        yield "  no window was judged yet that it could be asked about"
        return
    yield f"  newest judged window {standing.window}, version {standing.version or '-'}:"
    if standing.not_judged:
        yield f"  the window does not count: {standing.not_judged}"
    yield from (f"    {line}" for line in _tree(rule.when, standing.outcome))
    if standing.outcome.escalated:
        yield f"    escalated to {standing.outcome.escalated}"


def standing_row(standing: "Standing") -> Mapping[str, object]:
    """The same for machines."""
    rule, state, outcome = standing.rule, standing.state, standing.outcome
    return {
        "rule": rule.name,
        "model": standing.subject.model,
        "segment": standing.subject.segment,
        "phase": state.phase.value,
        "severity": severity_in(rule, state).value,
        "since": format_instant(state.since) if state.since else None,
        "folded_to": format_instant(state.folded_to) if state.folded_to else None,
        "progress": list(_progress(standing)),
        "window": str(standing.window) if standing.window else None,
        "not_judged": standing.not_judged or None,
        "condition": None if outcome is None else _condition_row(rule.when, outcome),
    }


def _since(standing: "Standing") -> str:
    state = standing.state
    if state.phase.is_active and state.fired_at:
        return f" ({severity_in(standing.rule, state)}) since {format_instant(state.fired_at)}"
    return f" since {format_instant(state.since)}" if state.since else ""


def _progress(standing: "Standing") -> Iterator[str]:
    rule, state = standing.rule, standing.state
    at = state.folded_to
    if at is not None:
        yield f"folded up to {format_instant(at)} (event time)"
    if state.phase is Phase.PENDING and at and state.since:
        yield f"held for {_of(at - state.since, rule.hold)}: fires when that is full"
    if state.phase is Phase.RECOVERING and at and state.clear_since:
        yield f"clear for {_of(at - state.clear_since, rule.keep)}: over when that is full"
    if rule.of_last > 1:
        votes = state.memory.votes
        held = votes.count("b")
        yield f"votes {votes or '(none yet)'} (b held, o did not): {held}, at least {rule.at_least} of {rule.of_last}"
    if state.memory.unknown_since:
        yield f"without an answer since {format_instant(state.memory.unknown_since)} (no_data: {rule.no_data})"
    if state.memory.deployed_at:
        since, waits = format_instant(state.memory.deployed_at), format_duration(rule.after_deploy)
        yield f"version {state.memory.version} serves since {since}; after_deploy {waits}"


def _of(part: timedelta, whole: timedelta) -> str:
    return f"{format_duration(part) if part else '0s'} of {format_duration(whole)}"


def _tree(condition: Condition, outcome: Outcome) -> Iterator[str]:
    parts = _parts(condition)
    if parts and len(parts) == len(outcome.parts):
        yield f"{_MARKS[outcome.holds]} {_WORDS[type(condition)]}:"
        for part, said in zip(parts, outcome.parts, strict=True):
            yield from (f"  {line}" for line in _tree(part, said))
        return
    yield f"{_MARKS[outcome.holds]} {outcome.because}"
    shown = ranked(outcome.looked_at, {})
    yield from (f"      {finding.verdict}: {finding.reason}" for finding in shown[:_MAX_FINDINGS])
    if len(shown) > _MAX_FINDINGS:
        yield f"      and {len(shown) - _MAX_FINDINGS} more"


def _condition_row(condition: Condition, outcome: Outcome) -> Mapping[str, object]:
    parts = _parts(condition)
    row: dict[str, object] = {"holds": outcome.holds, "because": outcome.because}
    if parts and len(parts) == len(outcome.parts):
        row["parts"] = [_condition_row(*pair) for pair in zip(parts, outcome.parts, strict=True)]
        return row | {"of": _WORDS[type(condition)]}
    findings = [{"check": f.check.name, "verdict": f.verdict.value, "reason": f.reason} for f in outcome.looked_at]
    return row | {"findings": findings}


def _parts(condition: Condition) -> tuple[Condition, ...]:
    match condition:
        case AllOf(parts) | AnyOf(parts):
            return parts
        case Not(part) | Unknown(part):
            return (part,)
        case _:
            return ()
