"""The muting stages: inhibition, mute times, silences, budgets. Each marks alerts as muted, with its reason. Pure.

A mark stays with the first stage that made it. Alerts that are over are marked as well: their end is
owed to whoever was told the start, but quietly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from alerts.budgets import Budget, Demoter
from alerts.inhibition import Inhibitor, InhibitRule
from alerts.model import Alert, Muted, MuteReason
from alerts.mute_times import MuteTime
from alerts.pipeline import STAGES, Candidate, Stage
from alerts.routing import Route
from alerts.silences import Silence, Silencer

Judge = Callable[[Alert], Muted | None]


@dataclass(frozen=True, slots=True)
class MutingRules:
    """What the configuration says about muting."""

    inhibit: tuple[InhibitRule, ...] = ()
    mute_times: Mapping[str, MuteTime] = field(default_factory=dict)
    budgets: tuple[Budget, ...] = ()


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What else there is at an instant: everything that fires, of all groups; silences; rules demoted, by team."""

    firing: Iterable[Alert] = ()
    silences: Iterable[Silence] = ()
    demoted: frozenset[tuple[str, str]] = frozenset()


def stages_at(rules: MutingRules, given: Circumstances, now: datetime) -> tuple[Stage, ...]:
    """All stages in order, for one instant: inhibition, mute times, silences, budgets, what the channel knows."""
    inhibitor = Inhibitor.of(rules.inhibit, given.firing)
    silencer = Silencer.of(given.silences, now)
    demoter = Demoter(rules.budgets, given.demoted)

    def inhibit(candidate: Candidate) -> Candidate:
        return _mark(candidate, inhibitor.muted) if inhibitor.sources else candidate

    def keep_mute_times(candidate: Candidate) -> Candidate:
        why = mute_time(candidate.route, rules.mute_times, now)
        return candidate if why is None else _mark(candidate, lambda _: why)

    def silence(candidate: Candidate) -> Candidate:
        return _mark(candidate, silencer.muted) if silencer.active else candidate

    def keep_budgets(candidate: Candidate) -> Candidate:
        return _mark(candidate, demoter.muted) if given.demoted else candidate

    return (inhibit, keep_mute_times, silence, keep_budgets, *STAGES)


def mute_time(route: Route, mute_times: Mapping[str, MuteTime], now: datetime) -> Muted | None:
    """Why a route does not tell at an instant; None when it does."""
    during = next((name for name in route.mute if mute_times[name].holds(now)), None)
    if during is not None:
        return Muted(MuteReason.MUTE_TIME, f"mute time {during}")
    if route.mute_outside and not any(mute_times[name].holds(now) for name in route.mute_outside):
        return Muted(MuteReason.MUTE_TIME, f"outside of {', '.join(route.mute_outside)}")
    return None


def _mark(candidate: Candidate, judge: Judge) -> Candidate:
    found = {
        alert.fingerprint: why
        for alert in (*candidate.firing, *candidate.resolved)
        if alert.fingerprint not in candidate.muted and (why := judge(alert)) is not None
    }
    return replace(candidate, muted={**candidate.muted, **found}) if found else candidate
