"""What Slack sends when somebody presses a button: who sent it, what was pressed, and what to answer.

Slack signs its requests (v0, HMAC-SHA256 over the time and the body) and waits three seconds for an answer. What a
press did is shown by an edit of the message, which goes out like any other; what could not be done is said to the
person alone.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import structlog
from slack_sdk.signature import Clock as SlackClock
from slack_sdk.signature import SignatureVerifier
from slack_sdk.webhook import WebhookClient

from alerts.buttons import Button
from alerts.channels.slack import SlackSettings
from alerts.incident_book import IncidentBook
from alerts.ports import Clock
from alerts.presses import Press, Retrain, perform
from alerts.render.slack import ACTION_PREFIX, escape_mrkdwn
from alerts.settings import SecretRef

_ANSWER_S = 5
_log = structlog.get_logger(__name__)
_SILENT = logging.getLogger("driftline.slack_sdk")  # the client writes addresses, which are secrets, into its log


@dataclass(frozen=True, slots=True)
class SlackPress:
    """A press in Slack, on a message of our channel of this name.

    `user_id` is Slack's, `answer_url` takes a word to that person for half an hour.
    """

    press: Press
    channel: str
    user_id: str
    answer_url: str


@dataclass(frozen=True, slots=True)
class SlackApp:
    """The app behind one of our channels: how it signs, and who may press there (empty: everybody who sees it)."""

    channel: str
    verifier: SignatureVerifier
    may_press: frozenset[str]

    def has_signed(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """Whether it sent this within the last five minutes; compared in constant time."""
        try:
            return self.verifier.is_valid_request(body, dict(headers))
        except (ValueError, TypeError):  # a time that is no number, a body or signature that is no text
            return False


def apps_of(channels: Mapping[str, object], clock: Clock) -> list[SlackApp]:
    """The apps of the channels, by name, that have a signing secret; raises SecretMissing."""
    return [
        SlackApp(name, _verifier(settings.signing_secret, clock), frozenset(settings.may_press))
        for name, settings in channels.items()
        if isinstance(settings, SlackSettings) and settings.signing_secret is not None
    ]


def _verifier(secret: SecretRef, clock: Clock) -> SignatureVerifier:
    return SignatureVerifier(secret.read().get_secret_value(), _Seconds(clock))


def read_presses(body: bytes) -> list[SlackPress]:
    """The presses of our buttons in the body of an interaction; none in one that is about something else."""
    try:
        payload = json.loads(parse_qs(body.decode(), strict_parsing=True)["payload"][0])
    except (ValueError, KeyError):
        return []
    return presses_in(payload)


def presses_in(payload: object) -> list[SlackPress]:
    """The presses of our buttons in an interaction, as it comes over HTTP or over a socket."""
    if not isinstance(payload, dict) or payload.get("type") != "block_actions":
        return []
    user: Mapping[str, Any] = payload.get("user") or {}
    name, user_id = user.get("username") or user.get("name") or "somebody", str(user.get("id", ""))
    found = []
    for action in payload.get("actions") or ():
        word = str(action.get("action_id", "")).removeprefix(ACTION_PREFIX)
        if word not in list(Button):
            continue
        key = f"{user_id}/{word}/{action.get('action_ts', '')}"
        press = Press(Button(word), str(action.get("value", "")), f"{name} (Slack {user_id})", key)
        channel = str(action.get("block_id", "")).removeprefix(ACTION_PREFIX)
        found.append(SlackPress(press, channel, user_id, str(payload.get("response_url", ""))))
    return found


def handle(found: SlackPress, may_press: frozenset[str], book: IncidentBook, retrain: Retrain) -> None:
    """Do what was pressed, and tell the person why, if it was not done."""
    press = found.press
    if may_press and found.user_id not in may_press:
        refused: str | None = "You are not among those who may press this (may_press of the channel)."
    else:
        refused = perform(press, book, retrain)
    _log.info("slack_press", button=press.button.value, incident=press.incident, by=press.by, refused=refused)
    if refused and found.answer_url.startswith(("https://", "http://127.0.0.1:")):
        _answer(found.answer_url, refused)


def _answer(url: str, text: str) -> None:
    client = WebhookClient(url, timeout=_ANSWER_S, retry_handlers=[], logger=_SILENT)
    try:
        client.send(text=escape_mrkdwn(text), response_type="ephemeral", replace_original=False)
    except Exception as error:  # noqa: BLE001 - a word to one person, which may be lost in any way
        _log.warning("slack_answer_failed", error=type(error).__name__)


class _Seconds(SlackClock):
    """Our clock as the verifier wants it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock.now().timestamp()
