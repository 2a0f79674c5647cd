"""The PagerDuty channel: Events API v2. One incident for each group: triggered, updated and resolved by its key.

The key is made of the group and its generation, so a repeated try or a reminder never opens a second incident, and an
alert that comes back after all was over opens a new one.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, SecretStr

from alerts.egress import EgressPolicy
from alerts.http_post import Address, check_url, post
from alerts.incidents import Change, IncidentState
from alerts.model import NotifyReason, Receipt, Severity
from alerts.ports import ChannelKind, Clock
from alerts.render.document import Message
from alerts.render.text import render_text
from alerts.settings import ChannelSettings, PositiveDuration, Secret, SecretMissing

_SUMMARY_CHARS = 1024
_DETAILS_CHARS = 20_000
_MAX_LINKS = 10
_SEVERITY = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "critical"}


class PagerDutySettings(ChannelSettings):
    """Settings of `kind: pagerduty`."""

    kind: Literal["pagerduty"]
    routing_key: Secret
    """The integration key of the service (Events API v2)."""
    url: str = "https://events.pagerduty.com/v2/enqueue"
    """Another address, for the EU (`https://events.eu.pagerduty.com/v2/enqueue`)."""
    source: str = "driftline"
    """What PagerDuty shows as the source of the event."""
    allow: tuple[str, ...] = ()
    """Networks and hosts inside your own network that may be called."""
    timeout: PositiveDuration = timedelta(seconds=15)
    """How long one call may take."""


class PagerDutyChannel:
    """Posts `trigger` while something fires, muted or not, and `resolve` when all is over.

    An incident that a person acknowledges or resolves in Driftline is acknowledged or resolved there, too.
    """

    shows_changes = frozenset({Change.ACKNOWLEDGED, Change.RESOLVED})

    def __init__(self, name: str, settings: PagerDutySettings, routing_key: SecretStr, clock: Clock) -> None:
        """Send with this integration key."""
        self.name = name
        self._settings = settings
        self._routing_key = routing_key
        self._address = Address(SecretStr(settings.url), EgressPolicy.of(settings.allow), settings.timeout)
        self._clock = clock

    def send(self, message: Message, previous: Receipt | None) -> Receipt:  # noqa: ARG002 - the key finds the incident
        """Post once; raises Retryable or Permanent by the table in `alerts.http_outcome`."""
        key = f"driftline-{message.group_key}-{message.generation}"
        event: dict[str, object] = {"routing_key": self._routing_key.get_secret_value(), "dedup_key": key}
        event |= self._action(message)
        body = json.dumps(event, ensure_ascii=False).encode()
        post(self._address, body, {"content-type": "application/json", "user-agent": "driftline"}, self._clock.now())
        return Receipt({"dedup_key": key})

    def _action(self, message: Message) -> dict[str, object]:
        if message.reason is NotifyReason.HANDLED and message.incident is not None:
            is_resolved = message.incident.state is IncidentState.RESOLVED
            return {"event_action": "resolve" if is_resolved else "acknowledge"}
        return {"event_action": "resolve"} if message.is_resolved else self._trigger(message)

    def _trigger(self, message: Message) -> dict[str, object]:
        links = {link.url: link.text for entry in message.entries for link in entry.links}
        return {
            "event_action": "trigger",
            "client": "Driftline",
            "links": [{"href": url, "text": text} for url, text in list(links.items())[:_MAX_LINKS]],
            "payload": {
                "summary": message.title[:_SUMMARY_CHARS],
                "source": self._settings.source,
                "severity": _SEVERITY[message.severity],
                "timestamp": message.since.isoformat(),
                "group": message.group_key,
                "custom_details": {
                    "reason": message.lead,
                    "firing": message.firing_count,
                    "muted": message.muted_count,
                    "fields": {field.name: field.value for field in message.fields},
                    "message": render_text(message)[:_DETAILS_CHARS],
                },
            },
        }


def _build(name: str, settings: BaseModel, clock: Clock) -> PagerDutyChannel:
    checked = PagerDutySettings.model_validate(settings)
    try:
        check_url(checked.url)
    except ValueError as error:
        raise SecretMissing(str(error)) from None
    return PagerDutyChannel(name, checked, checked.routing_key.read(), clock)


KIND = ChannelKind("pagerduty", PagerDutySettings, _build, tells_digests=False)
