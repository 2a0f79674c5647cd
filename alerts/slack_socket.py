"""Presses of buttons over Slack's Socket Mode, for those whom Slack cannot reach over HTTP.

We connect to Slack, and envelopes come over the WebSocket. Each is acknowledged before anything is done about it, for
Slack waits three seconds; one that comes again is acknowledged again and done once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING

import structlog
from pydantic import SecretStr
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse

from alerts.channels.slack import SILENT, SlackSettings
from alerts.slack_actions import SlackPress, presses_in

if TYPE_CHECKING:
    from slack_sdk.socket_mode.client import BaseSocketModeClient
    from slack_sdk.socket_mode.request import SocketModeRequest

_REMEMBERED = 1_000
_WATCH_S = 1.0
_PATIENCE_S = 30.0
_TIMEOUT_S = 10
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0
_log = structlog.get_logger(__name__)

Handle = Callable[[SlackPress, frozenset[str]], None]
"""Does what was pressed, on a message of one of our channels, of whose buttons these people may make use."""


@dataclass(frozen=True, slots=True)
class SocketApp:
    """An app that presses come from over a socket: its token, and who may press on messages of which channel."""

    token: SecretStr
    base_url: str
    may_press: Mapping[str, frozenset[str]]


def socket_apps(channels: Mapping[str, object]) -> list[SocketApp]:
    """The apps of the channels that have an app token, one for each token; raises SecretMissing."""
    found: dict[tuple[str, str], dict[str, frozenset[str]]] = {}
    for name, settings in channels.items():
        if isinstance(settings, SlackSettings) and settings.app_token is not None:
            key = settings.app_token.read().get_secret_value(), settings.base_url
            found.setdefault(key, {})[name] = frozenset(settings.may_press)
    return [SocketApp(SecretStr(token), url, may_press) for (token, url), may_press in found.items()]


class SocketListener:
    """Stays connected to one app, and hands on what is pressed."""

    def __init__(self, app: SocketApp, handle: Handle) -> None:
        """Hand presses to `handle`, one after the other, while the next are acknowledged."""
        self._app = app
        self._handle = handle
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="slack-press")

    def listen(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Until asked to stop; whatever goes wrong with the connection, another is made after a growing wait."""
        wait_s = _FIRST_WAIT_S
        while not stop.is_set():
            client = self._client()
            try:
                client.connect()
                wait_s = _FIRST_WAIT_S
                _log.info("slack_socket_connected", channels=sorted(self._app.may_press))
                self._watch(client, stop, beat)
            except (OSError, HTTPException, SlackClientError) as error:
                _log.warning("slack_socket_unavailable", error=_words(error), again_in_s=wait_s)
            finally:
                client.close()
            beat()
            stop.wait(wait_s)
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    def _client(self) -> SocketModeClient:
        token = self._app.token.get_secret_value()
        web = WebClient(base_url=self._app.base_url, timeout=_TIMEOUT_S, retry_handlers=[], logger=SILENT)
        client = SocketModeClient(token, logger=SILENT, web_client=web)
        client.socket_mode_request_listeners.append(self._on_request)
        return client

    def _watch(self, client: SocketModeClient, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Return when asked to stop, or when the client has not been able to connect again for a while."""
        lost_s = 0.0
        while not stop.wait(_WATCH_S):
            beat()
            lost_s = 0.0 if client.is_connected() else lost_s + _WATCH_S
            if lost_s >= _PATIENCE_S:
                _log.warning("slack_socket_lost", channels=sorted(self._app.may_press))
                return

    def _on_request(self, client: BaseSocketModeClient, request: SocketModeRequest) -> None:
        client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
        if request.type != "interactive" or not self._is_first(request.envelope_id):
            return
        for press in presses_in(request.payload):
            if press.channel in self._app.may_press:
                self._worker.submit(self._do, press)

    def _do(self, press: SlackPress) -> None:
        try:
            self._handle(press, self._app.may_press[press.channel])
        except Exception as error:  # noqa: BLE001 - the connection must outlive whatever one press meets
            _log.warning("slack_press_failed", button=press.press.button.value, error=type(error).__name__)

    def _is_first(self, envelope: str) -> bool:
        with self._lock:
            if envelope in self._seen:
                return False
            self._seen[envelope] = None
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
            return True


def listeners(apps: Sequence[SocketApp], handle: Handle) -> list[SocketListener]:
    """One for each app."""
    return [SocketListener(app, handle) for app in apps]


def _words(error: Exception) -> str:
    """What Slack said, or the kind of error; nothing of its text, which may hold an address with a ticket."""
    return str(error.response.get("error", "")) if isinstance(error, SlackApiError) else type(error).__name__
