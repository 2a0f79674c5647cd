"""The Slack channel: a bot that edits its message in place, or an incoming webhook that can only post."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from http.client import HTTPException
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, SecretStr, StringConstraints, model_validator
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse
from slack_sdk.webhook import WebhookClient

from alerts.buttons import Button
from alerts.errors import DeliveryError, FailureReason, Permanent, Retryable, no_connection
from alerts.http_outcome import failure_of, retry_after
from alerts.incidents import Change
from alerts.model import NotifyReason, Receipt
from alerts.ports import Channel, ChannelKind, Clock
from alerts.render.chart_png import alt_text, chart_png
from alerts.render.document import Message
from alerts.render.slack import fallback_text, render_slack, thread_reply
from alerts.settings import ChannelSettings, PositiveDuration, Secret

# What Slack says with `ok: false`; a word that is in none of these is the request's fault and final.
_AUTH = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
        "no_permission",
        "org_login_required",
        "ekm_access_denied",
        "not_allowed_token_type",
        "team_access_not_granted",
        "access_denied",
    }
)
_BROKEN = frozenset(
    {"fatal_error", "internal_error", "service_unavailable", "request_timeout", "team_added_to_org", "unknown_error"}
)
_BUSY = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_TOO_LARGE = frozenset({"msg_too_long", "msg_blocks_too_long", "too_many_attachments"})
_CANNOT_EDIT = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "is_inactive"})

SILENT = logging.getLogger("driftline.slack_sdk")  # the client writes addresses, which are secrets, into its log
SILENT.addHandler(logging.NullHandler())
SILENT.propagate = False
SILENT.setLevel(logging.CRITICAL + 1)


class SlackSettings(ChannelSettings):
    """Settings of `kind: slack`: either `token` and `channel`, or `webhook_url`."""

    kind: Literal["slack"]
    token: Secret | None = None
    channel: str | None = None
    webhook_url: Secret | None = None
    base_url: Annotated[str, Field(pattern=r"^https?://.+/$")] = "https://slack.com/api/"
    timeout: PositiveDuration = timedelta(seconds=10)
    charts: bool = True
    signing_secret: Secret | None = None
    """By which Slack signs what buttons send to `POST /v1/slack/actions`; with it, messages carry buttons."""
    app_token: Secret | None = None
    """An app-level token (`xapp-...`): buttons come over Socket Mode, where Slack cannot reach this program."""
    buttons: tuple[Button, ...] = tuple(Button)
    """Which buttons, in their order."""
    may_press: tuple[Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]+$")], ...] = ()
    """Slack's ids of the people who may press them; without any, all who see the message may."""

    @model_validator(mode="after")
    def _has_one_mode(self) -> Self:
        bot = self.token is not None and self.channel is not None
        webhook = self.webhook_url is not None and self.token is None and self.channel is None
        if bot == webhook or (bot and self.webhook_url is not None):
            msg = "give either token and channel (a bot, which can edit its message) or webhook_url alone"
            raise ValueError(msg)
        if webhook and (self.signing_secret or self.app_token):
            name = "signing_secret" if self.signing_secret else "app_token"
            msg = f"buttons need a bot that can edit its message: give token and channel beside {name}"
            raise ValueError(msg)
        return self


class SlackBot:
    """Posts once a group, edits that message on every change, and says in its thread what an edit cannot."""

    shows_changes = frozenset(Change)

    def __init__(self, name: str, settings: SlackSettings, token: SecretStr, clock: Clock) -> None:
        """Speak as the bot of this token."""
        self.name = name
        self._settings = settings
        self._buttons = settings.buttons if settings.signing_secret or settings.app_token else ()
        self._clock = clock
        self._client = WebClient(
            token=token.get_secret_value(),
            base_url=settings.base_url,
            timeout=int(settings.timeout.total_seconds()),
            retry_handlers=[],  # the outbox retries; the client's own would sleep in our thread
            logger=SILENT,
        )

    def __repr__(self) -> str:
        return f"SlackBot({self.name!r})"

    def send(self, message: Message, previous: Receipt | None) -> Receipt:
        """Edit the previous message of the group, else post; raises Retryable or Permanent."""
        if previous is not None and previous.handle.get("ts"):
            receipt = self._edit(message, previous.handle)
            if receipt is not None:
                return receipt
        return self._post(message)

    def follow_up(self, message: Message, receipt: Receipt) -> None:
        """Put the charts into the thread of a message that was just posted."""
        if not self._settings.charts or receipt.handle.get("posted") != message.delivery_id:
            return
        for place, chart in enumerate(message.charts, 1):
            self._client.files_upload_v2(
                content=chart_png(chart),
                filename=f"chart-{place}.png",
                title=chart.title[:200],
                alt_txt=alt_text(chart),
                channel=receipt.handle["channel"],
                thread_ts=receipt.handle["ts"],
            )

    def _edit(self, message: Message, handle: Mapping[str, str]) -> Receipt | None:
        """Edit and, where an edit would go unnoticed, say so in the thread; None when it cannot be edited."""
        channel, ts = handle["channel"], handle["ts"]
        text, blocks = fallback_text(message), render_slack(message, self._buttons)
        answer = self._call(
            lambda: self._client.chat_update(channel=channel, ts=ts, text=text, blocks=blocks), optional=_CANNOT_EDIT
        )
        if answer is None:
            return None
        reply = thread_reply(message)
        if reply is not None:
            is_urgent = message.reason in {NotifyReason.SEVERITY_RAISED, NotifyReason.REMINDER, NotifyReason.UNMUTED}
            self._call(
                lambda: self._client.chat_postMessage(
                    channel=channel, thread_ts=ts, text=reply, reply_broadcast=is_urgent
                )
            )
        return Receipt({"channel": channel, "ts": ts})

    def _post(self, message: Message) -> Receipt:
        about = {"event_type": "driftline_notification", "event_payload": {"delivery_id": message.delivery_id}}
        answer = self._call(
            lambda: self._client.chat_postMessage(
                channel=self._settings.channel or "",
                text=fallback_text(message),
                blocks=render_slack(message, self._buttons),
                metadata=about,
                unfurl_links=False,
                unfurl_media=False,
            )
        )
        data: Mapping[str, Any] = answer.data if answer is not None and isinstance(answer.data, dict) else {}
        handle = {"channel": str(data.get("channel", "")), "ts": str(data.get("ts", ""))}
        return Receipt({**handle, "posted": message.delivery_id})

    def _call(self, call: Callable[[], SlackResponse], optional: frozenset[str] = frozenset()) -> SlackResponse | None:
        failure: DeliveryError
        try:
            return call()
        except SlackApiError as error:
            if isinstance(error.response, SlackResponse) and error.response.get("error") in optional:
                return None
            failure = self._failure_of(error)
        except TimeoutError:
            failure = Retryable(FailureReason.TIMEOUT, detail="no answer in time; it may have arrived")
        except (OSError, HTTPException, SlackClientError) as error:
            failure = _connection_failure(error)
        raise failure from None  # the cause holds the request, and with it the token

    def _failure_of(self, error: SlackApiError) -> DeliveryError:
        response = error.response
        if not isinstance(response, SlackResponse):
            return Retryable(FailureReason.SERVER_ERROR, detail="an answer that is not Slack's")
        headers = {str(name): str(value) for name, value in response.headers.items()}
        if not 200 <= response.status_code < 300:
            by_status = failure_of(response.status_code, headers, self._clock.now())
            if by_status is not None:
                return by_status
        word = str(response.get("error", ""))
        return _failure_by_word(word, retry_after(headers, self._clock.now()))


class SlackWebhook:
    """Posts every message anew: an incoming webhook hands back nothing that could be edited."""

    def __init__(self, name: str, settings: SlackSettings, url: SecretStr, clock: Clock) -> None:
        """Post to this address, which is itself the secret."""
        self.name = name
        self._clock = clock
        self._url = url
        self._timeout_s = int(settings.timeout.total_seconds())

    def send(self, message: Message, previous: Receipt | None) -> Receipt:  # noqa: ARG002 - nothing can be edited
        """Post; raises Retryable or Permanent."""
        client = WebhookClient(self._url.get_secret_value(), timeout=self._timeout_s, retry_handlers=[], logger=SILENT)
        failure: DeliveryError | None
        try:
            answer = client.send(text=fallback_text(message), blocks=render_slack(message))
            headers = {str(name): str(value) for name, value in answer.headers.items()}
            failure = failure_of(answer.status_code, headers, self._clock.now())
        except TimeoutError:
            failure = Retryable(FailureReason.TIMEOUT, detail="no answer in time; it may have arrived")
        except (OSError, HTTPException, SlackClientError) as error:
            failure = _connection_failure(error)
        if failure is not None:
            raise failure from None  # the cause holds the address
        return Receipt({"mode": "webhook"})


def _failure_by_word(word: str, after: timedelta | None) -> DeliveryError:
    if word in _BUSY:
        return Retryable(FailureReason.RATE_LIMITED, after, detail=word)
    if word in _BROKEN or not re.fullmatch(r"[a-z0-9_]{1,60}", word):
        return Retryable(FailureReason.SERVER_ERROR, after, detail=word if word in _BROKEN else "an unreadable answer")
    if word in _AUTH:
        return Permanent(FailureReason.AUTH_ERROR, f"{word}: check the token and the scopes chat:write, files:write")
    if word in _TOO_LARGE:
        return Permanent(FailureReason.OVERSIZE, word)
    advice = "; invite the bot to the channel" if word in {"channel_not_found", "not_in_channel"} else ""
    return Permanent(FailureReason.CLIENT_ERROR, f"{word}{advice}")


def _connection_failure(error: Exception) -> DeliveryError:
    """Name the kind of error and nothing of its text; urllib wraps a time-out that happens while connecting."""
    if isinstance(getattr(error, "reason", None), TimeoutError):
        return Retryable(FailureReason.TIMEOUT, detail="no connection in time")
    return no_connection(error)


def _build(name: str, settings: BaseModel, clock: Clock) -> Channel:
    checked = SlackSettings.model_validate(settings)
    if checked.webhook_url is not None:
        return SlackWebhook(name, checked, checked.webhook_url.read(), clock)
    if checked.token is None:
        msg = f"channel {name} has neither token nor webhook_url"
        raise ValueError(msg)
    return SlackBot(name, checked, checked.token.read(), clock)


KIND = ChannelKind("slack", SlackSettings, _build)
