"""The webhook channel: a signed POST as Standard Webhooks describes it (standardwebhooks.com, version 1).

`webhook-id` is the delivery's id, the same at every try: a receiver that keeps the ids it has seen gets
every message once. `webhook-timestamp` is the time of the try.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, SecretStr, model_validator
from standardwebhooks import Webhook

from alerts.egress import EgressPolicy
from alerts.http_post import Address, check_url, post
from alerts.model import NotifyReason, Receipt
from alerts.ports import ChannelKind, Clock
from alerts.render.document import Entry, Message
from alerts.settings import ChannelSettings, PositiveDuration, Secret, SecretMissing, SecretRef

_MIN_SECRET_BYTES = 24


class WebhookSettings(ChannelSettings):
    """Settings of `kind: webhook`. `url` may itself be a secret; `allow` lists inner networks and hosts."""

    kind: Literal["webhook"]
    url: str | SecretRef
    """Where to post."""
    secret: Secret
    """What messages are signed with: `whsec_` and at least 24 random bytes in base64."""
    allow: tuple[str, ...] = ()
    """Networks and hosts inside your own network that may be called."""
    timeout: PositiveDuration = timedelta(seconds=15)
    """How long one call may take."""
    charts: bool = False
    """Whether the numbers of the charts are sent along."""
    max_bytes: Annotated[int, Field(ge=2_000)] = 20_000
    """The largest body; alerts that do not fit are left out and counted."""
    cloud_events: bool = False
    """Whether the headers of CloudEvents 1.0 (binary mode) are added."""

    @model_validator(mode="after")
    def _has_good_url(self) -> Self:
        if isinstance(self.url, str):
            check_url(self.url)
        return self


class WebhookChannel:
    """Posts `{type, timestamp, data}`; follows no redirect and calls only permitted addresses."""

    def __init__(self, name: str, settings: WebhookSettings, url: SecretStr, secret: SecretStr, clock: Clock) -> None:
        """Sign with this secret: 24 bytes or more, as `whsec_` and base64."""
        self.name = name
        self._settings = settings
        self._address = Address(url, EgressPolicy.of(settings.allow), settings.timeout)
        self._webhook = Webhook(_key(secret))
        self._clock = clock

    def send(self, message: Message, previous: Receipt | None) -> Receipt:  # noqa: ARG002 - a POST cannot be edited
        """Post once; raises Retryable or Permanent by the table in `alerts.http_outcome`."""
        now = self._clock.now()
        body = body_of(message, self._settings.max_bytes, with_charts=self._settings.charts)
        headers = self._headers(message.delivery_id, body, now)
        if self._settings.cloud_events:
            headers |= _cloud_event(message)
        post(self._address, body.encode(), headers, now)
        return Receipt({"webhook_id": message.delivery_id})

    def _headers(self, name: str, body: str, now: datetime) -> dict[str, str]:
        return {
            "content-type": "application/json",
            "user-agent": "driftline",
            "webhook-id": name,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(name, now, body),
        }


def body_of(message: Message, max_bytes: int, *, with_charts: bool) -> str:
    """The document that is posted; alerts that do not fit are left out, and `truncated` says how many."""
    kept = len(message.entries)
    while True:
        body = json.dumps(_document(message, kept, with_charts=with_charts), ensure_ascii=False)
        if len(body.encode()) <= max_bytes or kept == 0:
            return body
        kept //= 2


def _document(message: Message, kept: int, *, with_charts: bool) -> dict[str, object]:
    return {
        "type": _type(message),
        "timestamp": message.at.isoformat(),
        "data": {
            "group": message.group_key,
            "generation": message.generation,
            "channel": message.channel,
            "title": message.title,
            "severity": message.severity.value,
            "reason": message.reason.value,
            "explanation": message.lead,
            "since": message.since.isoformat(),
            "fields": {field.name: field.value for field in message.fields},
            "firing": message.firing_count,
            "resolved": message.resolved_count,
            "muted": message.muted_count,
            "quiet": message.is_quiet,
            "alerts": [_alert(entry, with_charts=with_charts) for entry in message.entries[:kept]],
            "truncated": len(message.entries) - kept + message.more,
            **({"tables": [asdict(table) for table in message.tables]} if message.tables else {}),
        },
    }


def _cloud_event(message: Message) -> dict[str, str]:
    """The attributes of the event as headers; `ce-id` is `webhook-id`, the same at every try."""
    return {
        "ce-specversion": "1.0",
        "ce-id": message.delivery_id,
        "ce-source": f"driftline/groups/{message.group_key}",
        "ce-type": _type(message),
        "ce-time": message.at.isoformat(),
    }


def _type(message: Message) -> str:
    if message.reason in {NotifyReason.DIGEST, NotifyReason.BUDGET}:
        return "digest" if message.reason is NotifyReason.DIGEST else "budget.spent"
    return "alert.resolved" if message.is_resolved else "alert.firing"


def _alert(entry: Entry, *, with_charts: bool) -> dict[str, object]:
    return {
        "fingerprint": entry.fingerprint,
        "title": entry.title,
        "severity": entry.severity.value,
        "status": "resolved" if entry.is_resolved else "firing",
        "labels": {field.name: field.value for field in entry.labels},
        "summary": entry.summary,
        "description": entry.description,
        "reason": entry.reason,
        "causes": list(entry.causes),
        "details": {field.name: field.value for field in entry.details},
        "startsAt": entry.starts_at.isoformat(),
        "endsAt": entry.ends_at.isoformat() if entry.ends_at else None,
        "links": {link.text: link.url for link in entry.links},
        "charts": [asdict(chart) for chart in entry.charts] if with_charts else [],
    }


def _key(secret: SecretStr) -> bytes:
    try:
        key = base64.b64decode(secret.get_secret_value().removeprefix("whsec_") + "==")
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < _MIN_SECRET_BYTES:
        msg = "the webhook secret must be whsec_ and at least 24 random bytes in base64 (openssl rand -base64 32)"
        raise SecretMissing(msg) from None
    return key


def _build(name: str, settings: BaseModel, clock: Clock) -> WebhookChannel:
    checked = WebhookSettings.model_validate(settings)
    url = SecretStr(checked.url) if isinstance(checked.url, str) else checked.url.read()
    try:
        check_url(url.get_secret_value())
    except ValueError as error:
        raise SecretMissing(str(error)) from None
    return WebhookChannel(name, checked, url, checked.secret.read(), clock)


KIND = ChannelKind("webhook", WebhookSettings, _build)
