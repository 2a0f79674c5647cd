"""Silences, and why nobody was told, for commands."""

import getpass
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from alerts.errors import SilenceRefused
from alerts.model import Decision, Repeated
from alerts.routing import Matcher
from alerts.silences import Silence, SilenceRequest
from monitor.bootstrap.app import App
from monitor.bootstrap.serving import alert_row
from monitor.bootstrap.telling import alert_service_of
from monitor.domain.errors import MonitorError
from monitor.domain.time import format_instant

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Wish:
    """A silence as a command asks for it; no start means now, no author means the user of this machine."""

    matchers: Sequence[str]
    reason: str
    ends_at: datetime
    starts_at: datetime | None = None
    author: str | None = None


@dataclass(frozen=True, slots=True)
class Hidden:
    """The alerts that matchers hide of those that fire, and how many others fire."""

    rows: Sequence[Row]
    others: int


def add_silence(app: App, wish: Wish) -> Row:
    """Store it; MonitorError says what is wrong with it."""
    with _explained():
        request = SilenceRequest(
            matchers=read_matchers(wish.matchers),
            author=wish.author or getpass.getuser(),
            reason=wish.reason,
            starts_at=wish.starts_at or app.clock.now(),
            ends_at=wish.ends_at,
        )
        return _silence_row(alert_service_of(app).silences.add(request), app)


def end_silence(app: App, beginning: str, ends_at: datetime | None) -> Row:
    """End it now, or move its end; MonitorError when there is no such silence or it is over."""
    with _explained():
        return _silence_row(alert_service_of(app).silences.move_end(beginning, ends_at), app)


def list_silences(app: App, *, is_all: bool) -> Sequence[Row]:
    """Those that are not over, or the latest hundred."""
    return [_silence_row(one, app) for one in alert_service_of(app).silences.listed(is_all=is_all)]


def preview_silence(app: App, matchers: Sequence[str]) -> Hidden:
    """What a silence with these matchers would hide now."""
    with _explained():
        preview = alert_service_of(app).silences.preview(read_matchers(matchers))
    return Hidden([alert_row(alert) for alert in preview.hidden], preview.others)


def why_not(app: App, matchers: Sequence[str], limit: int) -> Sequence[Row]:
    """Why nobody was told of alerts that the matchers accept, the latest first.

    With matchers `alerts` and `answer` say of which alerts and what it was for them; `reason` is what their group did.
    """
    with _explained():
        found = alert_service_of(app).why_not(read_matchers(matchers), limit)
    return [_answer_row(one) for one in found]


def read_matchers(texts: Sequence[str]) -> tuple[Matcher, ...]:
    """Matchers as they were typed; ValueError with an example."""
    return tuple(map(Matcher.parse, texts))


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (SilenceRefused, ValueError) as error:
        raise MonitorError(str(error)) from error


def _silence_row(silence: Silence, app: App) -> Row:
    return {
        "id": silence.id,
        "state": silence.state(app.clock.now()).value,
        "matchers": list(map(str, silence.matchers)),
        "author": silence.author,
        "reason": silence.reason,
        "starts_at": format_instant(silence.starts_at),
        "ends_at": format_instant(silence.ends_at),
    }


def _answer_row(one: Repeated) -> Row:
    row = {**_decision_row(one.last), "first_at": format_instant(one.first_at), "times": one.count}
    return {**row, "alerts": list(map(dict, one.alerts)), "answer": one.answer} if one.alerts else row


def _decision_row(decision: Decision) -> Row:
    return {
        "at": format_instant(decision.at),
        "channel": decision.channel,
        "group": dict(decision.group_labels or {}),
        "reason": str(decision.reason),
        "muted": [
            {"labels": dict(one.labels), "reason": one.muted.reason.value, "by": one.muted.by} for one in decision.muted
        ],
        "next_at": format_instant(decision.next_at) if decision.next_at else None,
    }
