"""Which group an alert belongs to, and at which times a group may speak. Pure; times are exact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from alerts.model import Group, GroupKey, Labels, Severity, content_id
from alerts.routing import Route, match, routable


class Phase(StrEnum):
    """What a group may do at an instant."""

    COLLECTING = "collecting"  # nothing yet
    UPDATE = "update"  # anything that is new
    BETWEEN = "between"  # only what cannot wait: a raised severity, a reminder


@dataclass(frozen=True, slots=True)
class Timing:
    """The phase of a group now, the latest update time that has come, and the next one."""

    phase: Phase
    latest_at: datetime | None
    next_at: datetime


@dataclass(frozen=True, slots=True)
class Home:
    """Where an alert belongs: the route, the labels by which it groups there, and the key that they make."""

    key: GroupKey
    route: str
    labels: Labels

    def open(self, now: datetime) -> Group:
        """The group in its first generation."""
        return Group(self.key, self.route, self.labels, generation=1, opened_at=now)


def homes(root: Route, own: Labels, severity: Severity) -> tuple[Home, ...]:
    """Where an alert with these labels and this severity belongs: once for every route that it matches."""
    return tuple(_homes(root, routable(own, severity)))


def _homes(root: Route, labels: Mapping[str, str]) -> Iterator[Home]:
    for route in match(root, labels):
        yield _home(route.key, route.group_labels(labels))


@lru_cache(maxsize=16_384)
def _home(route: str, labels: Labels) -> Home:
    return Home(GroupKey(content_id(route, *(part for pair in labels.pairs for part in pair))), route, labels)


def reopen(group: Group, now: datetime) -> Group:
    """A finished group begins again: it collects again, and its channels know nothing."""
    return replace(group, generation=group.generation + 1, opened_at=now, checked_at=None)


def timing(group: Group, route: Route, now: datetime) -> Timing:
    """Where a group stands between its update times, which are `update_every` apart from the first.

    An update time that was missed (a restart, a long pause) is used once, as soon as somebody looks;
    the clock does not shift, so a late look never delays the updates after it.
    """
    first = group.opened_at + route.collect_for
    if now < first:
        return Timing(Phase.COLLECTING, None, first)
    latest = first + ((now - first) // route.update_every) * route.update_every
    is_used = group.checked_at is not None and latest <= group.checked_at
    return Timing(Phase.BETWEEN if is_used else Phase.UPDATE, latest, latest + route.update_every)
