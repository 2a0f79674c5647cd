"""The dead-letter topic: rejected records forwarded with their reason in headers, at least once."""

from collections.abc import Sequence
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from monitor.adapters.kafka.settings import KafkaSettings
from monitor.adapters.kafka.source import security_options
from monitor.domain.errors import SourceUnavailable
from monitor.domain.records import DeadLetter

_WAIT_S = 30


class KafkaDeadLetterTopic:
    """Writes dead letters to a topic; the table stays the record of truth, the topic a copy for other tools.

    Value and key are those of the rejected record (the value possibly cut, see `size_bytes`); the headers
    `driftline-reason`, `-detail`, `-topic`, `-partition`, `-offset` and `-size-bytes` say why and whence.
    """

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._settings, self._topic = settings, topic
        self._producer: KafkaProducer | None = None

    def send(self, letters: Sequence[DeadLetter]) -> None:
        """Write all and wait until the broker has them; SourceUnavailable when it does not take them."""
        try:
            if self._producer is None:
                self._producer = KafkaProducer(**self._options())
            sent = [
                self._producer.send(self._topic, letter.value, key=letter.key, headers=_headers(letter))
                for letter in letters
            ]
            for future in sent:
                future.get(timeout=_WAIT_S)
        except (KafkaError, OSError) as error:
            raise SourceUnavailable(f"dead-letter topic {self._topic}: {type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Release the connection."""
        if self._producer is not None:
            self._producer.close(timeout=5)

    def _options(self) -> dict[str, Any]:
        options = {
            "bootstrap_servers": self._settings.bootstrap_servers.split(","),
            "bootstrap_timeout_ms": self._settings.bootstrap_timeout_ms,
            "api_version": self._settings.api_version,
            "linger_ms": 20,
            "metrics_enabled": False,
        }
        return {name: value for name, value in options.items() if value is not None} | security_options(
            self._settings.security
        )


def _headers(letter: DeadLetter) -> list[tuple[str, bytes]]:
    about = {
        "reason": letter.reason,
        "detail": letter.detail,
        "topic": letter.partition.topic,
        "partition": letter.partition.partition,
        "offset": letter.offset,
        "size-bytes": letter.size_bytes,
    }
    return [(f"driftline-{name}", str(value).encode()) for name, value in about.items()]
