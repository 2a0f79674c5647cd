"""Alertmanager as a channel: what fires and what is over, to its API v2, for sites whose on-call routing is there.

What fires is given an end `ends_after` ahead, since Alertmanager waits for no sender for ever: the route's
`remind_every` must be shorter, so that it is renewed in time. Severity is a label there and no part of the identity
here, so an alert whose severity has changed is ended under the old one; the receipt says which that was.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from alerts.egress import EgressPolicy
from alerts.http_post import Address, check_url, post
from alerts.model import Receipt
from alerts.ports import ChannelKind, Clock
from alerts.render.document import Entry, Message
from alerts.settings import ChannelSettings, PositiveDuration, SecretMissing, SecretRef

_MAX_TEXT_CHARS = 1024


class AlertmanagerSettings(ChannelSettings):
    """Settings of `kind: alertmanager`."""

    kind: Literal["alertmanager"]
    url: str
    """Where it is, without `/api/v2`."""
    token: SecretRef | None = None
    """Sent as `Authorization: Bearer ...`."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Further labels of every alert."""
    ends_after: PositiveDuration = timedelta(hours=12)
    """When Alertmanager takes an alert for over that was not renewed; longer than `remind_every` of the route."""
    allow: tuple[str, ...] = ()
    """Networks and hosts inside your own network that may be called."""
    timeout: PositiveDuration = timedelta(seconds=15)
    """How long one call may take."""


class AlertmanagerChannel:
    """Posts the alerts of a message; Alertmanager groups, routes and silences them itself."""

    def __init__(self, name: str, settings: AlertmanagerSettings, token: SecretStr | None, clock: Clock) -> None:
        """Post with this token, if there is one."""
        self.name = name
        self._settings = settings
        self._token = token
        url = SecretStr(f"{settings.url.rstrip('/')}/api/v2/alerts")
        self._address = Address(url, EgressPolicy.of(settings.allow), settings.timeout)
        self._clock = clock

    def send(self, message: Message, previous: Receipt | None) -> Receipt:
        """Post once; raises Retryable or Permanent by the table in `alerts.http_outcome`."""
        now = self._clock.now()
        severities = {entry.fingerprint: entry.severity.value for entry in message.entries}
        before = previous.handle if previous else {}
        changed = [
            self._alert(entry, now, before[entry.fingerprint], is_over=True)
            for entry in message.entries
            if before.get(entry.fingerprint, entry.severity.value) != entry.severity.value
        ]
        alerts = changed + [
            self._alert(entry, now, entry.severity.value, is_over=entry.is_resolved) for entry in message.entries
        ]
        headers = {"content-type": "application/json", "user-agent": "driftline"}
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token.get_secret_value()}"
        post(self._address, json.dumps(alerts, ensure_ascii=False).encode(), headers, now)
        left_out = f"{message.more} alerts did not fit; give the route group_by: ['...']"
        return Receipt(severities, (left_out,) if message.more else ())

    def _alert(self, entry: Entry, now: datetime, severity: str, *, is_over: bool) -> dict[str, object]:
        labels = {field.name: field.value for field in entry.labels} | self._settings.labels
        name = labels.get("alertname") or labels.get("rule") or "Driftline"
        texts = {
            "title": entry.title,
            "summary": entry.summary,
            "description": entry.description,
            "reason": entry.reason,
        }
        ends_at = (entry.ends_at or now) if is_over else now + self._settings.ends_after
        alert: dict[str, object] = {
            "labels": {**labels, "alertname": name, "severity": severity},
            "annotations": {name: text[:_MAX_TEXT_CHARS] for name, text in texts.items() if text},
            "startsAt": min(entry.starts_at, ends_at).isoformat(),
            "endsAt": ends_at.isoformat(),
        }
        if entry.links:
            alert["generatorURL"] = entry.links[0].url
        return alert


def _build(name: str, settings: BaseModel, clock: Clock) -> AlertmanagerChannel:
    checked = AlertmanagerSettings.model_validate(settings)
    try:
        check_url(checked.url)
    except ValueError as error:
        raise SecretMissing(str(error)) from None
    return AlertmanagerChannel(name, checked, checked.token.read() if checked.token else None, clock)


KIND = ChannelKind("alertmanager", AlertmanagerSettings, _build, tells_digests=False)
