"""What a middleware saw of a request and its response, and how that becomes records."""

import logging
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from monitor.client.logger import Logger

log = logging.getLogger("driftline.client")

MOST_BODY_BYTES = 1 << 20
_FIRST_ERROR = 400


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request that was answered without error. `latency_ms` runs from its arrival to the response's last byte."""

    method: str
    path: str
    request: bytes
    response: bytes
    status: int
    latency_ms: float


Extract = Callable[[Exchange], Mapping[str, Any] | Iterable[Mapping[str, Any]] | None]
"""The arguments of `Logger.log` for a request's prediction, of several for a batch, None when there is none."""


@dataclass(frozen=True, slots=True)
class Capture:
    """What middlewares share. Bodies above `most_body_bytes` are let through unseen: such a request is not logged."""

    logger: Logger
    extract: Extract
    paths: Container[str]
    most_body_bytes: int = MOST_BODY_BYTES

    def log(self, exchange: Exchange) -> None:
        """Log the exchange's predictions; whatever goes wrong is told to the log and to nobody else."""
        if exchange.status >= _FIRST_ERROR:
            return
        try:
            found = self.extract(exchange)
            predictions = [found] if isinstance(found, Mapping) else found or ()
            for prediction in predictions:
                self.logger.log(**{"latency_ms": exchange.latency_ms, **prediction})
        except Exception:
            log.exception("no prediction could be taken from %s %s", exchange.method, exchange.path)


class Body:
    """Collects a body up to a bound; `content` is None once there was more."""

    def __init__(self, most_bytes: int) -> None:
        self._room = most_bytes
        self._parts: list[bytes] = []

    def add(self, part: bytes) -> None:
        """The next bytes."""
        self._room -= len(part)
        if self._room < 0:
            self._parts.clear()
        else:
            self._parts.append(part)

    @property
    def content(self) -> bytes | None:
        """All of it."""
        return b"".join(self._parts) if self._room >= 0 else None
