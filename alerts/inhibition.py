"""Inhibition: an alert that explains others keeps them out of messages while it fires. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from alerts.model import Alert, Muted, MuteReason
from alerts.routing import Matcher, routable

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InhibitRule:
    """While an alert that `when` accepts fires, those that `mute` accepts with equal labels are muted.

    A label of `equal` that both lack counts as equal. An alert that both sides accept is not muted by
    another of its kind: two of them would otherwise mute each other.
    """

    when: tuple[Matcher, ...]
    mute: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()

    def explains(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels mutes others."""
        return all(matcher.accepts(labels) for matcher in self.when)

    def concerns(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels can be muted."""
        return all(matcher.accepts(labels) for matcher in self.mute)

    def key(self, labels: Mapping[str, str]) -> Key:
        """The values that must be equal."""
        return tuple(labels.get(name, "") for name in self.equal)


@dataclass(frozen=True, slots=True)
class Inhibitor:
    """The rules with the alerts that fire now and explain others, found by the values that must be equal."""

    sources: tuple[tuple[InhibitRule, Mapping[Key, tuple[Alert, ...]]], ...] = ()

    @classmethod
    def of(cls, rules: Iterable[InhibitRule], firing: Iterable[Alert]) -> Inhibitor:
        """Look once through everything that fires, in any order."""
        alerts = tuple(firing)
        return cls(tuple((rule, _sources(rule, alerts)) for rule in rules))

    def muted(self, alert: Alert) -> Muted | None:
        """Why this alert is muted, naming the oldest alert that explains it; None when it is not."""
        labels = routable(alert.labels, alert.severity)
        for rule, sources in self.sources:
            if not rule.concerns(labels):
                continue
            is_both = rule.explains(labels)
            for source in sources.get(rule.key(labels), ()):
                if not (is_both and rule.concerns(routable(source.labels, source.severity))):
                    return Muted(MuteReason.INHIBITED, f"alert {source.labels} fires")
        return None


def _sources(rule: InhibitRule, firing: tuple[Alert, ...]) -> Mapping[Key, tuple[Alert, ...]]:
    found: dict[Key, list[Alert]] = {}
    for alert in sorted(firing, key=lambda one: (one.starts_at, one.fingerprint)):
        labels = routable(alert.labels, alert.severity)
        if rule.explains(labels):
            found.setdefault(rule.key(labels), []).append(alert)
    return {key: tuple(alerts) for key, alerts in found.items()}
