"""What should be told, by the rules of Alertmanager and by ours: one small model, and every deviation a named rule.

With no deviation the model is Alertmanager: the real one must agree with it. With all of them it is what
docs/explanation/telling.md promises: our service must agree with it. What differs between the two is thereby
explained, and by which deviation: the one without which the model says something else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from alerts.config import AlertsConfig
from alerts.grouping import homes
from alerts.inhibition import Inhibitor
from alerts.lifecycle import fold
from alerts.model import Alert, AlertEvent, Fingerprint, Group, GroupKey, Muted, MuteReason
from alerts.routing import Matcher, Route
from alerts.silences import Silence, Silencer, SilenceRequest, make, with_end
from tests.differential.messages import Heard, Heards
from tests.differential.ours import config_of, event_of, instant
from tests.differential.scripts import STEPS_A_SECOND, UNTIL, Push, Script, Silencing, Step


class Deviation(StrEnum):
    """Where we deviate on purpose; the words are those of docs/explanation/telling.md."""

    EXACT_REMINDERS = "reminders come at their exact times"
    ONLY_TOLD_ENDS = "only the end of an alert that was told is told"
    MUTED_STAY = "a muted alert stays in its group, and its end is owed"
    UNMUTED_AT_ONCE = "what still fires when its silence ends is told at once"
    QUIET_ENDS = "the end of a muted alert is told at once, quietly"
    NEW_CLOCK = "a group that is over is gone at once, with its clock"
    ONLY_FIRING_OPENS = "only an alert that fires opens a group"
    LATEST_END = "the latest news says when an alert ends"
    AGAIN_IS_NEWS = "an alert that fires again is news, where ends are not told too"


ALL = frozenset(Deviation)
Deviations = frozenset[Deviation]


def expected(script: Script, deviations: Deviations) -> Heards:
    """What every channel hears, where these deviations apply."""
    return _World(script, deviations).run()


def needed(script: Script) -> list[Deviation]:
    """The deviations that make a difference in this script, alone or among the others."""
    theirs, ours = expected(script, frozenset()), expected(script, ALL)
    return [
        one
        for one in Deviation
        if expected(script, frozenset({one})) != theirs or expected(script, ALL - {one}) != ours
    ]


@dataclass(slots=True)
class _Log:
    """What one channel knows of one group."""

    firing: set[Fingerprint] = field(default_factory=set)
    owed: set[Fingerprint] = field(default_factory=set)
    resolved: set[Fingerprint] = field(default_factory=set)
    silenced: set[Fingerprint] = field(default_factory=set)
    told_at: float | None = None

    @property
    def believed(self) -> set[Fingerprint]:
        return self.firing | self.owed


@dataclass(slots=True)
class _Group:
    """One group, its members and its clock."""

    group: Group
    route: Route
    opened_at: float
    members: set[Fingerprint] = field(default_factory=set)
    log: _Log = field(default_factory=_Log)

    def is_collecting(self, at: float) -> bool:
        return at < self.opened_at + self.route.collect_for.total_seconds()

    def is_update(self, at: float) -> bool:
        since = at - self.opened_at - self.route.collect_for.total_seconds()
        return since >= 0 and since % self.route.update_every.total_seconds() == 0


@dataclass(frozen=True, slots=True)
class _Look:
    """A group at an instant: what fires and is heard, what fires and is muted, what is over."""

    audible: set[Fingerprint]
    hidden: set[Fingerprint]
    over: set[Fingerprint]
    muted: Mapping[Fingerprint, Muted]
    at: float
    is_update: bool
    wants_resolved: bool


class _World:
    """The alerts, groups and silences of one script."""

    def __init__(self, script: Script, deviations: Deviations) -> None:
        self.script = script
        self.having = deviations
        self.config: AlertsConfig = config_of(script)
        self.routes = {route.key: route for route in self.config.root.walk()}
        self.alerts: dict[Fingerprint, Alert] = {}
        self.groups: dict[GroupKey, _Group] = {}
        self.silences: list[Silence] = []
        self.heard = Heards()

    def run(self) -> Heards:
        for count in range(round(UNTIL * STEPS_A_SECOND)):
            at = count / STEPS_A_SECOND
            if at.is_integer():
                for step in self.script.steps.get(int(at), ()):
                    self._take(step, at)
            self._look_at_all(at)
        return self.heard

    def _take(self, step: Step, at: float) -> None:
        now = instant(at)
        if isinstance(step, Push):
            self._push(event_of(step, now), at)
        elif isinstance(step, Silencing):
            matchers = (Matcher.parse(step.matcher),)
            self.silences.append(make(SilenceRequest(matchers, "ann", "x", now, instant(step.until)), now))
        else:
            self.silences = [one if one.ends_at <= now else with_end(one, now, now) for one in self.silences]

    def _push(self, event: AlertEvent, at: float) -> None:
        before = self.alerts.get(event.labels.fingerprint)
        if Deviation.LATEST_END not in self.having:
            event = _with_the_later_end(before, event, at)
        alert = fold(before, event, instant(at)).alert
        self.alerts[alert.fingerprint] = alert
        if not alert.is_firing(instant(at)) and Deviation.ONLY_FIRING_OPENS in self.having:
            return
        for home in homes(self.config.root, alert.labels, alert.severity):
            group = self.groups.setdefault(home.key, _Group(home.open(instant(at)), self.routes[home.route], at))
            if not group.members and Deviation.NEW_CLOCK in self.having:
                group.opened_at, group.log = at, _Log()
            group.members.add(alert.fingerprint)

    def _look_at_all(self, at: float) -> None:
        now = instant(at)
        firing = [alert for alert in self.alerts.values() if alert.is_firing(now)]
        inhibitor = Inhibitor.of(self.config.muting.inhibit, firing)
        silencer = Silencer.of(self.silences, now)
        muted = {
            name: why for name, alert in self.alerts.items() if (why := inhibitor.muted(alert) or silencer.muted(alert))
        }
        for group in self.groups.values():
            if group.members:
                self._look(group, muted, at)

    def _look(self, group: _Group, muted: Mapping[Fingerprint, Muted], at: float) -> None:
        firing = {name for name in group.members if self.alerts[name].is_firing(instant(at))}
        over = group.members - firing
        stays = Deviation.MUTED_STAY in self.having
        look = _Look(
            audible=firing - muted.keys(),
            hidden=firing & muted.keys() if stays else set(),
            over=over if stays else over - muted.keys(),
            muted=muted,
            at=at,
            is_update=group.is_update(at),
            wants_resolved=self.config.channels[group.route.channels[0]].send_resolved,
        )
        if not group.is_collecting(at):
            self._decide(group, look)
            gone = over - group.log.believed if stays else over if look.is_update else set()
            group.members -= gone
        by_silence = {name for name, why in muted.items() if why.reason is MuteReason.SILENCED}
        group.log.silenced = firing & by_silence

    def _decide(self, group: _Group, look: _Look) -> None:
        if self._is_told(group, look):
            self._tell(group, look)
        elif Deviation.AGAIN_IS_NEWS in self.having and look.is_update and not look.wants_resolved:
            group.log.firing -= look.over
            group.log.owed -= look.over

    def _is_told(self, group: _Group, look: _Look) -> bool:
        log = group.log
        if Deviation.UNMUTED_AT_ONCE in self.having and look.audible & log.silenced:
            return True
        if log.told_at is None:
            return look.is_update and bool(look.audible)
        if self._is_news(log, look) and (look.is_update or self._is_quiet(log, look)):
            return True
        return self._is_reminder(group, look)

    def _is_news(self, log: _Log, look: _Look) -> bool:
        if look.audible - log.firing:
            return True
        if Deviation.ONLY_TOLD_ENDS in self.having:
            has_ended = bool(look.over & log.believed)
            is_everything = not look.audible and not look.hidden
            return has_ended and (look.wants_resolved or is_everything)
        if not look.audible and not look.hidden:
            return bool(look.over) and bool(log.firing)
        return look.wants_resolved and not look.over <= log.resolved

    def _is_quiet(self, log: _Log, look: _Look) -> bool:
        ended = look.over & log.believed
        return (
            Deviation.QUIET_ENDS in self.having
            and look.wants_resolved
            and bool(ended)
            and not look.audible - log.firing
            and ended <= look.muted.keys()
        )

    def _is_reminder(self, group: _Group, look: _Look) -> bool:
        every, told_at = group.route.remind_every, group.log.told_at
        if every is None or told_at is None or not look.audible:
            return False
        is_due = look.at - told_at >= every.total_seconds()
        return is_due and (look.is_update or Deviation.EXACT_REMINDERS in self.having)

    def _tell(self, group: _Group, look: _Look) -> None:
        log = group.log
        ended = look.over & log.believed if Deviation.ONLY_TOLD_ENDS in self.having else look.over
        resolved = ended if look.wants_resolved else set()
        if look.audible or resolved:
            is_over = not look.audible and not look.hidden
            channel = group.route.channels[0]
            heard = Heard(look.at, channel, is_over, self._names(look.audible), self._names(resolved))
            self.heard[heard] += 1
        owed = log.believed & look.hidden
        log.firing, log.owed, log.resolved, log.told_at = set(look.audible), owed, set(look.over), look.at

    def _names(self, members: set[Fingerprint]) -> tuple[str, ...]:
        labels = [self.alerts[name].labels for name in members]
        return tuple(sorted(f"{one['name']}({one['model']})" for one in labels))


def _with_the_later_end(before: Alert | None, event: AlertEvent, at: float) -> AlertEvent:
    """Of two announced ends that are still to come Alertmanager keeps the later."""
    now = instant(at)
    if before is None or before.ends_at is None or event.ends_at is None or event.ends_at <= now:
        return event
    return replace(event, ends_at=max(before.ends_at, event.ends_at)) if before.ends_at > now else event
