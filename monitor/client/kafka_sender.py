"""Batches to Kafka topics, with each record's place in the headers."""

from collections.abc import Sequence
from typing import Any

from monitor.client.items import Item, Outcome

PRODUCER_HEADER, NUMBER_HEADER = "driftline-producer", "driftline-number"
"""Names of the headers: the producer's id, and which of its records of a model version this is, in decimal digits."""


class KafkaSender:
    """Keyed by event id; a batch is sent when every record of it is acknowledged. Not thread-safe.

    kafka-python is imported by the first batch. `options` are handed to its KafkaProducer as they are.
    """

    def __init__(
        self,
        bootstrap_servers: str | Sequence[str],
        topic: str,
        ground_truth_topic: str,
        timeout_s: float = 10.0,
        **options: object,
    ) -> None:
        self._options = {"bootstrap_servers": bootstrap_servers, "acks": "all", "linger_ms": 5} | options
        self._topic, self._truth_topic, self._timeout_s = topic, ground_truth_topic, timeout_s
        self._producer: Any = None

    def send(self, batch: Sequence[Item]) -> Outcome:
        """Send all and wait for the acknowledgements; what has none is to be sent again, and may then be twice."""
        sending, refused = [], 0
        try:
            for item in batch:
                try:
                    value = item.to_json()
                except (TypeError, ValueError, RecursionError):
                    refused += 1
                    continue
                sending.append((item, self._sent(item, value)))
            if sending:
                self._producer.flush(self._timeout_s)
        except Exception as error:  # noqa: BLE001 - the client raises protocol, type and runtime errors alike
            self.close()
            missing = batch[len(sending) + refused :]
            return self._outcome(sending, refused, missing, f"{type(error).__name__}: {error}")
        return self._outcome(sending, refused, (), "")

    def close(self) -> None:
        """Leave; the next batch connects anew."""
        if self._producer is not None:
            self._producer.close(timeout=self._timeout_s)
            self._producer = None

    def _sent(self, item: Item, value: bytes) -> Any:  # noqa: ANN401 - kafka-python has no types
        if self._producer is None:
            from kafka import KafkaProducer  # noqa: PLC0415 - only who sends to Kafka needs it

            self._producer = KafkaProducer(**self._options)
        topic = self._truth_topic if item.is_truth else self._topic
        headers = [(PRODUCER_HEADER, item.producer.encode())]
        if not item.is_truth:
            headers.append((NUMBER_HEADER, b"%d" % item.number))
        return self._producer.send(topic, value, key=str(item.record["event_id"]).encode(), headers=headers)

    def _outcome(self, sending: Sequence[tuple[Item, Any]], refused: int, missing: Sequence[Item], why: str) -> Outcome:
        again = [item for item, future in sending if not future.succeeded()] + list(missing)
        failures = [str(future.exception) for _, future in sending if future.failed()]
        return Outcome(len(sending) - (len(again) - len(missing)), refused, again, None, why or (failures or [""])[0])
