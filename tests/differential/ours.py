"""A script played to our own service, in scripted time."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from alerts.config import AlertsConfig, parse
from alerts.model import AlertEvent, Labels, Receipt, Severity
from alerts.plugins import discover
from alerts.render.document import Field, Message
from alerts.routing import Matcher
from alerts.service import AlertService
from alerts.silences import SilenceRequest
from alerts.storage.engine import memory_engine
from alerts.testing.messages import START, FixedClock
from tests.differential.messages import Heard, Heards
from tests.differential.scripts import (
    SEVERITY,
    STEPS_A_SECOND,
    UNTIL,
    Push,
    RouteScript,
    Script,
    Silencing,
    Step,
)

_KINDS = discover()


class Ear:
    """A channel that keeps what it is told."""

    def __init__(self, name: str, clock: FixedClock, heard: Heards) -> None:
        self.name = name
        self._clock = clock
        self._heard = heard

    def send(self, message: Message, previous: Receipt | None) -> Receipt:
        """Keep it."""
        named = [(entry.is_resolved, _name(entry.labels)) for entry in message.entries]
        firing = tuple(sorted(name for is_resolved, name in named if not is_resolved))
        resolved = tuple(sorted(name for is_resolved, name in named if is_resolved))
        at = (self._clock.now() - START).total_seconds()
        self._heard[Heard(at, self.name, message.is_resolved, firing, resolved)] += 1
        return Receipt({"at": str(at)})


def play(script: Script) -> Heards:
    """What every channel hears."""
    clock, heard = FixedClock(), Heards()
    config = config_of(script)
    channels = {name: Ear(name, clock, heard) for name in config.channels}
    engine = memory_engine()
    service = AlertService(engine, config, channels, clock, owner="ours")
    for count in range(round(UNTIL * STEPS_A_SECOND)):
        clock.at = START + timedelta(seconds=count / STEPS_A_SECOND)
        if count % STEPS_A_SECOND == 0:
            for step in script.steps.get(count // STEPS_A_SECOND, ()):
                _take(step, service, clock.at)
        service.tick()
        service.dispatch()
    engine.dispose()
    return heard


def event_of(push: Push, at: datetime) -> AlertEvent:
    """The push at an instant as an alert event."""
    labels = Labels.of(push.labels)
    ends_at = None if push.ends is None else instant(push.ends)
    return AlertEvent(labels, {}, Severity(SEVERITY[push.name]), instant(push.starts), ends_at, updated_at=at)


def instant(second: float) -> datetime:
    """So many seconds after the start."""
    return START + timedelta(seconds=second)


def config_of(script: Script) -> AlertsConfig:
    """The script's configuration, read as a routes file is."""
    nodes = script.root.walk()
    channels = {node.channel: {"kind": "console", "send_resolved": node.send_resolved} for node in nodes}
    inhibit = [{"when": [*rule.when], "mute": [*rule.mute], "equal": [*rule.equal]} for rule in script.inhibit]
    return parse({"channels": channels, "route": _route(script.root), "inhibit": inhibit}, _KINDS)


def _route(node: RouteScript) -> Mapping[str, object]:
    return {
        "name": node.channel,
        "match": [*node.match],
        "channels": [node.channel],
        "group_by": [*node.group_by],
        "collect_for": timedelta(seconds=node.collect),
        "update_every": f"{node.update}s",
        "remind_every": f"{node.remind}s" if node.remind else "never",
        "continue": node.continues,
        "routes": [_route(child) for child in node.routes],
    }


def _take(step: Step, service: AlertService, now: datetime) -> None:
    if isinstance(step, Push):
        service.accept([event_of(step, now)])
    elif isinstance(step, Silencing):
        matchers = (Matcher.parse(step.matcher),)
        service.silences.add(SilenceRequest(matchers, "ann", "deploying", now, instant(step.until)))
    else:
        for silence in service.silences.listed():
            service.silences.move_end(silence.id)


def _name(labels: Iterable[Field]) -> str:
    found = {field.name: field.value for field in labels}
    return f"{found['name']}({found['model']})"
