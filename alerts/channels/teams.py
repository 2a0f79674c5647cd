"""The Microsoft Teams channel: an Adaptive Card to the webhook of a workflow.

The workflow is "Post to a channel when a webhook request is received"; the address that it shows is its secret. It can
neither edit nor thread: every message is a new card.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, SecretStr

from alerts.egress import EgressPolicy
from alerts.http_post import Address, check_url, post
from alerts.model import Receipt, Severity
from alerts.ports import ChannelKind, Clock
from alerts.render.document import Entry, Message, Table
from alerts.settings import ChannelSettings, PositiveDuration, Secret, SecretMissing

_MAX_BYTES = 24_000  # Teams refuses messages over 28 KB, and counts what the workflow adds
_TEXT_CHARS = 600
_MAX_CAUSES = 5
_MAX_ROWS = 10
_STYLE = {Severity.INFO: "accent", Severity.WARNING: "warning", Severity.CRITICAL: "attention"}


class TeamsSettings(ChannelSettings):
    """Settings of `kind: teams`."""

    kind: Literal["teams"]
    webhook_url: Secret
    """The address that the workflow shows."""
    allow: tuple[str, ...] = ()
    """Networks and hosts inside your own network that may be called."""
    timeout: PositiveDuration = timedelta(seconds=15)
    """How long one call may take."""


class TeamsChannel:
    """Posts one card a message."""

    def __init__(self, name: str, settings: TeamsSettings, url: SecretStr, clock: Clock) -> None:
        """Post to this address."""
        self.name = name
        self._address = Address(url, EgressPolicy.of(settings.allow), settings.timeout)
        self._clock = clock

    def send(self, message: Message, previous: Receipt | None) -> Receipt:  # noqa: ARG002 - a card cannot be edited
        """Post once; raises Retryable or Permanent by the table in `alerts.http_outcome`."""
        headers = {"content-type": "application/json", "user-agent": "driftline"}
        post(self._address, card_of(message).encode(), headers, self._clock.now())
        return Receipt({"delivery": message.delivery_id})


def card_of(message: Message) -> str:
    """The card as JSON; alerts that do not fit are left out and counted."""
    kept = len(message.entries)
    while True:
        text = json.dumps(_envelope(message, kept), ensure_ascii=False)
        if len(text.encode()) <= _MAX_BYTES or kept == 0:
            return text
        kept //= 2


def _envelope(message: Message, kept: int) -> dict[str, object]:
    style = "good" if message.is_resolved else _STYLE[message.severity]
    left_out = len(message.entries) - kept + message.more
    head = [_text(message.title, size="large", weight="bolder"), _text(message.lead, isSubtle=True)]
    body: list[dict[str, object]] = [{"type": "Container", "style": style, "bleed": True, "items": head}]
    if message.fields:
        facts = [{"title": _plain(field.name), "value": _plain(field.value)} for field in message.fields]
        body.append({"type": "FactSet", "facts": facts})
    body += [_entry(entry) for entry in message.entries[:kept]]
    if left_out:
        body.append(_text(f"and {left_out} more", isSubtle=True))
    body += [_table(table) for table in message.tables]
    body.append(_text(message.footer, isSubtle=True, size="small"))
    links = {link.url: link.text for entry in message.entries[:kept] for link in entry.links}
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
        "actions": [{"type": "Action.OpenUrl", "title": text, "url": url} for url, text in list(links.items())[:6]],
    }
    content_type = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": content_type, "contentUrl": None, "content": card}]}


def _entry(entry: Entry) -> dict[str, object]:
    mark = "\N{WHITE HEAVY CHECK MARK} " if entry.is_resolved else ""
    lines = [entry.summary, entry.reason, *entry.causes[:_MAX_CAUSES]]
    items = [_text(f"{mark}{entry.title}", weight="bolder"), *(_text(line) for line in lines if line)]
    return {"type": "Container", "separator": True, "items": items}


def _table(table: Table) -> dict[str, object]:
    lines = [" · ".join(filter(None, row)) for row in table.rows[:_MAX_ROWS]] or [table.empty]
    left_out = len(table.rows[_MAX_ROWS:]) + table.more
    items = [_text(table.title, weight="bolder"), *map(_text, lines)]
    items += [_text(f"and {left_out} more", isSubtle=True)] if left_out else []
    return {"type": "Container", "separator": True, "items": items}


def _text(text: str, **style: object) -> dict[str, object]:
    return {"type": "TextBlock", "text": _plain(text), "wrap": True, **style}


def _plain(text: str) -> str:
    """Cut, and without the marks that Teams would read as Markdown."""
    cut = text if len(text) <= _TEXT_CHARS else f"{text[: _TEXT_CHARS - 1]}\N{HORIZONTAL ELLIPSIS}"
    return "".join(f"\\{char}" if char in r"\`*_[]#" else char for char in cut)


def _build(name: str, settings: BaseModel, clock: Clock) -> TeamsChannel:
    checked = TeamsSettings.model_validate(settings)
    url = checked.webhook_url.read()
    try:
        check_url(url.get_secret_value())
    except ValueError as error:
        raise SecretMissing(str(error)) from None
    return TeamsChannel(name, checked, url, clock)


KIND = ChannelKind("teams", TeamsSettings, _build)
