"""The wall clock and chance of the client: its only door to each, as `adapters.system` is the monitor's."""

import os
import random
import uuid
from datetime import UTC, datetime


def now() -> datetime:
    """The present as an aware UTC instant."""
    return datetime.now(UTC)


def fresh_event_id() -> str:
    """An id that nobody else makes."""
    return uuid.uuid4().hex


def fresh_producer_id() -> str:
    """Another one for every process that sends."""
    return f"{os.getpid()}-{uuid.uuid4().hex[:12]}"


def jittered(seconds: float) -> float:
    """Between half of the time and all of it, so that many clients do not come back together."""
    return seconds * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
