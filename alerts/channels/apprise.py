"""The Apprise channel (the extra `apprise`): a message as text to any of the services that Apprise knows.

Apprise opens its own connections, follows redirects, and answers only whether it worked. So it runs in a process of its
own, for one message each, in which every connection is checked on the address that is connected to, whatever library
makes it (`alerts.apprise_worker`); the address goes there by a pipe, and nothing that the process logs comes back.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from importlib.util import find_spec
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, SecretStr, model_validator

from alerts.errors import DeliveryError, FailureReason, Permanent, Retryable
from alerts.model import Receipt, Severity
from alerts.ports import ChannelKind, Clock
from alerts.render.document import Message
from alerts.render.text import mark, render_text
from alerts.settings import ChannelSettings, PositiveDuration, Secret, SecretMissing

_WORKER = "alerts.apprise_worker"
_INSTALL = "kind apprise needs Apprise: pip install 'driftline[apprise]'"
_CUT = "\n[cut]"
_KIND = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}


class AppriseSettings(ChannelSettings):
    """Settings of `kind: apprise`."""

    kind: Literal["apprise"]
    url: Secret
    """The address as Apprise writes it, as tgram://TOKEN/CHAT or json://host/path; it holds the credentials."""
    allow: tuple[str, ...] = ()
    """Networks and hosts inside your own network that may be connected to."""
    timeout: PositiveDuration = timedelta(seconds=30)
    """How long one message may take."""
    max_chars: Annotated[int, Field(ge=200)] = 3_000
    """The longest text; a longer one is cut, with a mark. Services have limits of their own."""

    @model_validator(mode="after")
    def _is_installed(self) -> Self:
        if find_spec("apprise") is None:
            raise ValueError(_INSTALL)
        return self


class AppriseChannel:
    """Sends each message as a new one: Apprise can neither edit nor answer."""

    def __init__(self, name: str, settings: AppriseSettings, url: SecretStr) -> None:
        """Send to this address."""
        self.name = name
        self._settings = settings
        self._url = url

    def send(self, message: Message, previous: Receipt | None) -> Receipt:  # noqa: ARG002 - it cannot be edited
        """Send once.

        Permanent where Apprise does not understand the address, or a connection is not allowed. Everything else is
        Retryable, a wrong token too: Apprise does not tell what went wrong.
        """
        answer = self._answer(self._question(message))
        if answer.get("sent"):
            return Receipt({"delivery": message.delivery_id})
        if answer.get("refused"):
            raise Permanent(FailureReason.REFUSED, answer["refused"])
        if answer.get("unknown"):
            raise Permanent(FailureReason.CLIENT_ERROR, "Apprise does not understand the address of this channel")
        raise Retryable(
            FailureReason.SERVER_ERROR,
            detail="Apprise says no more than that it failed: try the address of this channel with its command line",
        )

    def _question(self, message: Message) -> bytes:
        text = render_text(message)
        most = self._settings.max_chars
        asked = {
            "url": self._url.get_secret_value(),
            "allow": self._settings.allow,
            "title": f"[{mark(message)}] {message.title}"[:most],
            "body": text if len(text) <= most else text[: most - len(_CUT)] + _CUT,
            "kind": "success" if message.is_resolved else _KIND[message.severity],
        }
        return json.dumps(asked).encode()

    def _answer(self, question: bytes) -> dict[str, str]:
        failure: DeliveryError
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter and module, no shell
                [sys.executable, "-m", _WORKER],
                input=question,
                capture_output=True,
                timeout=self._settings.timeout.total_seconds(),
                env={name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
                check=True,
            )
            answer: dict[str, str] = json.loads(done.stdout)
        except subprocess.TimeoutExpired:
            failure = Retryable(FailureReason.TIMEOUT, detail="no answer in time")
        except (subprocess.CalledProcessError, ValueError):
            failure = Retryable(FailureReason.UNEXPECTED, detail="the process that runs Apprise ended with an error")
        else:
            return answer
        raise failure from None  # the cause may repeat the address, and with it a secret


def _build(name: str, settings: BaseModel, clock: Clock) -> AppriseChannel:  # noqa: ARG001 - it needs no time
    checked = AppriseSettings.model_validate(settings)
    url = checked.url.read()
    if "://" not in url.get_secret_value():
        msg = "the address begins with a scheme of Apprise, as tgram:// or json://"
        raise SecretMissing(msg)
    return AppriseChannel(name, checked, url)


KIND = ChannelKind("apprise", AppriseSettings, _build)
