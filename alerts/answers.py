"""What became of single alerts: the record is of groups, and one alert may stand elsewhere than its group does. Pure.

A decision stands until the next about the same group and channel, and is written again only where its reason or what is
muted changes: of an alert that joins meanwhile it may hold, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alerts.model import Alert, Decision, GroupKey, Labels, Muted, NotifyReason, Repeated, SkipReason

_GO_ON = {SkipReason.COLLECTING, SkipReason.WAITING, SkipReason.CHANNEL_REMOVED, SkipReason.ROUTE_REMOVED}
"""Reasons that an alert which comes new into a group need not change; any other would be followed by another."""

_OF_OTHERS = {
    SkipReason.COLLECTING,
    SkipReason.WAITING,
    SkipReason.RESOLVED_BEFORE_TOLD,
    SkipReason.INHIBITED,
    SkipReason.MUTE_TIME,
    SkipReason.SILENCED,
    SkipReason.DEMOTED,
}
"""Reasons about what is new: of an alert that fires and was told of there is nothing new, whatever others wait for."""

_Place = tuple[GroupKey, str]


@dataclass(frozen=True, slots=True)
class _Answered:
    place: int  # in the record, which tells the latest
    decision: Decision
    alert: Labels
    answer: str


def answers(wanted: Iterable[tuple[Alert, Sequence[GroupKey]]], record: Sequence[Decision]) -> list[Repeated]:
    """What came of each alert in its groups, the latest first; `record` is all that is known of these, oldest first.

    An answer that several alerts had, or one had again and again, comes once; that an alert was told is one, too.
    """
    stands: dict[_Place, list[tuple[int, Decision]]] = {}
    for place, decision in enumerate(record):
        stands.setdefault((decision.group_key, decision.channel), []).append((place, decision))
    found = [
        one
        for alert, keys in wanted
        for (key, _), own in stands.items()
        if key in keys
        for one in _answered(alert, own)
    ]
    return _folded(sorted(found, key=lambda one: one.place))


def _folded(found: Iterable[_Answered]) -> list[Repeated]:
    same: dict[object, list[_Answered]] = {}
    for one in found:
        of = one.decision
        same.setdefault((of.group_key, of.generation, of.channel, of.reason, one.answer), []).append(one)
    return [_repeated(own) for own in sorted(same.values(), key=lambda own: -own[-1].place)]


def _repeated(own: Sequence[_Answered]) -> Repeated:
    alerts, last = tuple(dict.fromkeys(one.alert for one in own)), own[-1].decision
    left_out = tuple(one for one in last.muted if one.labels in alerts)
    times = len({one.place for one in own})
    return Repeated(replace(last, muted=left_out), own[0].decision.at, times, alerts, own[-1].answer)


def _answered(alert: Alert, own: Sequence[tuple[int, Decision]]) -> Iterator[_Answered]:
    """What one channel's decisions about one group were for an alert, until its end was told or could not be."""
    over_at = None if alert.ends_at is None else max(alert.ends_at, alert.last_seen_at)
    is_told = False
    for (place, decision), (_, after) in zip(own, [*own[1:], (0, None)], strict=True):
        if not _holds_for(decision, after, alert.first_seen_at):
            continue
        is_over = over_at is not None and over_at <= decision.at
        muted = next((one.muted for one in decision.muted if one.labels == alert.labels), None)
        yield _Answered(place, decision, alert.labels, _words(decision, muted, is_over=is_over, is_told=is_told))
        if is_over and (decision.is_told or not is_told):
            return
        is_told = is_told or (decision.is_told and muted is None)


def _holds_for(decision: Decision, after: Decision | None, since: datetime) -> bool:
    """Whether a decision is one about an alert that was first seen at an instant; `after` is the next of its place."""
    if decision.at >= since:
        return True
    goes_on = after is None or (after.generation == decision.generation and after.at > since)
    return goes_on and decision.reason in _GO_ON


def _words(decision: Decision, muted: Muted | None, *, is_over: bool, is_told: bool) -> str:
    """The answer for an alert; `is_told`: of an earlier message it is known that it fires."""
    reason = decision.reason
    if muted is not None and not is_over:
        return f"left out: {muted.by}"
    if is_over and not is_told:
        return str(SkipReason.RESOLVED_BEFORE_TOLD)
    if isinstance(reason, NotifyReason):
        return f"its end was told ({reason})" if is_over else f"told ({reason})"
    if is_told and not is_over and reason in _OF_OTHERS:
        return str(SkipReason.NOTHING_NEW)
    return str(reason)
