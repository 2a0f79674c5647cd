"""Scripts of what is pushed when, played to a real service in scripted time.

A script maps seconds after START to steps. `+a` is pushed firing, `-a` resolved, `+a<4` with an announced
end at 4; `+a(n)` has the label model=n instead of m, `+a!critical` that severity. `silence a 6` silences
name=a until 6, `unsilence` ends every silence, `restart` makes a new service on the same database, `stop`
and `start` leave a pause between them, `kill` stops the first of several processes for good.

What is told reads `F{a}@1.2` (something fires) or `R{r:a}@3.2` (all is over); `r:` marks a resolved member,
`1 muted` counts those that fire and are left out, and `~` after the time a quiet message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from alerts.config import parse
from alerts.model import AlertEvent, Labels, NotifyReason, Receipt, Severity
from alerts.plugins import discover
from alerts.render.document import Entry, Message
from alerts.routing import Matcher, Operator
from alerts.service import AlertService
from alerts.silences import SilenceRequest
from alerts.storage.engine import memory_engine
from alerts.testing.messages import START, FixedClock

STEP = timedelta(milliseconds=100)
Fails = Callable[[float], Exception | None]
Script = Mapping[float, Sequence[str]]

_EVENT = re.compile(r"([+-])(\w+)(?:\((\w+)\))?(?:!(\w+))?(?:<(\S+))?")


class Recorder:
    """A channel that remembers what it was told and when, in seconds after START; it may fail at will."""

    def __init__(self, name: str, clock: FixedClock, fails: Fails = lambda _: None) -> None:
        """Fail whenever `fails` gives an error for the second it is."""
        self.name = name
        self.clock = clock
        self.fails = fails
        self.messages: list[Message] = []
        self.told: list[str] = []
        self.tried_at: list[float] = []
        self.reasons: list[NotifyReason] = []

    def send(self, message: Message, previous: Receipt | None) -> Receipt:  # noqa: ARG002 - a channel's signature
        """Remember, or fail."""
        seconds = (self.clock.now() - START).total_seconds()
        self.tried_at.append(seconds)
        failure = self.fails(seconds)
        if failure is not None:
            raise failure
        self.told.append(told_text(message, seconds))
        self.reasons.append(message.reason)
        self.messages.append(message)
        return Receipt({"number": str(len(self.told))})


def told_text(message: Message, seconds: float) -> str:
    """A message in the short form."""
    members = sorted(("r:" if entry.is_resolved else "") + _name(entry) for entry in message.entries)
    members += [f"{message.muted_count} muted"] if message.muted_count else []
    quiet = "~" if message.is_quiet else ""
    return f"{'R' if message.is_resolved else 'F'}{{{','.join(members)}}}@{seconds:g}{quiet}"


def _name(entry: Entry) -> str:
    return next((field.value for field in entry.labels if field.name == "name"), entry.title)


def event(text: str, at: float, started: float | None = None) -> AlertEvent:
    """The event that a step pushes at a second."""
    found = _EVENT.fullmatch(text)
    if found is None:
        msg = f"{text!r} is no step; write it like +a, -a, +a<4, +a(n), +a!critical"
        raise ValueError(msg)
    sign, name, model, severity, ends = found.groups()
    ends_at = instant(at) if sign == "-" else instant(float(ends)) if ends else None
    labels = Labels.of({"model": model or "m", "name": name})
    return AlertEvent(labels, {}, Severity(severity or "warning"), instant(at if started is None else started), ends_at)


def instant(seconds: float) -> datetime:
    """So many seconds after START."""
    return START + timedelta(seconds=seconds)


class World:
    """Services on one database in memory, with their clock, ticked every tenth of a second."""

    def __init__(
        self,
        route: Mapping[str, object],
        channels: Mapping[str, Mapping[str, object]] | None = None,
        *,
        fails: Mapping[str, Fails] | None = None,
        processes: int = 1,
        **sections: object,
    ) -> None:
        """Begin at START; `sections` are further ones of the routes file."""
        self.clock = FixedClock()
        named = channels or {"box": {}}
        settings = {name: {"kind": "console", **more} for name, more in named.items()}
        self.config = parse({"channels": settings, "route": route, **sections}, discover())
        self.channels = {name: Recorder(name, self.clock, (fails or {}).get(name, lambda _: None)) for name in named}
        self.engine = memory_engine()
        self.services = [self._service(f"process {number}") for number in range(processes)]
        self.started: dict[str, float] = {}
        self.is_running = True
        self.next_tenth = 0

    @property
    def service(self) -> AlertService:
        """The first that is alive."""
        return self.services[0]

    @service.setter
    def service(self, service: AlertService) -> None:
        self.services[0] = service

    @property
    def box(self) -> Recorder:
        """The channel that there is when none is named."""
        return self.channels["box"]

    def push(self, *events: AlertEvent) -> int:
        """Hand events to every process."""
        return sum(service.accept(events) for service in self.services)

    def run(self, script: Script, until: float) -> list[str]:
        """Play a script; what the first channel was told so far."""
        for tenth in range(self.next_tenth, round(until * 10) + 1):
            self.clock.at = START + tenth * STEP
            for text in script.get(tenth / 10, ()):
                self._do(text, tenth / 10)
            for service in self.services if self.is_running else ():
                service.tick()
                service.dispatch()
        self.next_tenth = round(until * 10) + 1
        return next(iter(self.channels.values())).told

    def _service(self, owner: str) -> AlertService:
        return AlertService(self.engine, self.config, self.channels, self.clock, owner=owner)

    def _do(self, text: str, at: float) -> None:
        word, *rest = text.split()
        match word:
            case "silence":
                self._silence(rest[0], at, float(rest[1]))
            case "unsilence":
                for silence in self.service.silences.listed():
                    self.service.silences.move_end(silence.id)
            case "restart":
                self.services[0] = self._service(f"restarted at {at}")
            case "stop" | "start":
                self.is_running = word == "start"
            case "kill":
                del self.services[0]
            case _:
                self._push_step(text, at)

    def _push_step(self, text: str, at: float) -> None:
        subject = text.removeprefix("+").removeprefix("-").partition("<")[0].partition("!")[0]
        if text.startswith("+"):
            self.started[subject] = self.started.get(subject, at) if "<" in text else at
        self.push(event(text, at, self.started[subject]))

    def _silence(self, name: str, at: float, until: float) -> None:
        matchers = (Matcher("name", Operator.EQUAL, name),)
        request = SilenceRequest(matchers, "ann", "deploying", instant(at), instant(until))
        self.service.silences.add(request)
