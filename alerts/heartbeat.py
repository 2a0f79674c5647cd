"""A sign of life to an address outside, which raises the alarm when it stops: for all that we cannot tell ourselves."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from pydantic import SecretStr

from alerts.egress import EgressPolicy
from alerts.errors import DeliveryError
from alerts.http_post import Address, post
from alerts.settings import PositiveDuration, SecretRef, Settings

_log = structlog.get_logger(__name__)


class HeartbeatSettings(Settings):
    """An address outside that is called while messages are planned and sent; it raises the alarm when calls stop."""

    url: str | SecretRef
    """Where to post; `{env: NAME}` or `{file: PATH}` where the address itself is secret."""
    every: PositiveDuration = timedelta(minutes=1)
    """How often."""
    allow: tuple[str, ...] = ()
    """Networks and hosts inside your own network that may be called."""
    timeout: PositiveDuration = timedelta(seconds=10)
    """How long one call may take."""


class Heartbeat:
    """Calls the address when it is time; a call that fails is logged and made again the next time."""

    def __init__(self, settings: HeartbeatSettings) -> None:
        """Read the address; raises SecretMissing."""
        url = SecretStr(settings.url) if isinstance(settings.url, str) else settings.url.read()
        self._address = Address(url, EgressPolicy.of(settings.allow), settings.timeout)
        self._every = settings.every
        self._due_at: datetime | None = None

    def beat(self, now: datetime) -> bool:
        """Call if it is time; whether the call was made and answered well."""
        if self._due_at is not None and now < self._due_at:
            return False
        self._due_at = now + self._every
        try:
            post(self._address, b"", {"user-agent": "driftline"}, now)
        except DeliveryError as failure:
            _log.warning("heartbeat_failed", failure=failure.reason.value, detail=failure.detail)
            return False
        return True
