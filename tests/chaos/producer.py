"""Writes the known log to the topic in its own time, whatever happens to the broker."""

import threading
import time
from collections import Counter
from collections.abc import Iterable

from confluent_kafka import KafkaError, KafkaException, Message, Producer

_PATIENCE_S = 300


class Writer(threading.Thread):
    """A thread that writes all values at a steady rate, each once (idempotent producer), and counts what was taken.

    The last twentieth waits until it `may_finish`: whatever is added on the way is written to and read.
    """

    def __init__(
        self, bootstrap: str, topic: str, partitions: int, values: Iterable[bytes | None], total: int, rate: float
    ) -> None:
        super().__init__(daemon=True, name="producer")
        self._topic, self._values, self._rate = topic, values, rate
        self._held_from = total - total // 20
        self.may_finish = threading.Event()
        self.partitions = partitions
        self.written: Counter[int] = Counter()
        self.errors: list[str] = []
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "linger.ms": 50,
                "compression.type": "lz4",
                "message.timeout.ms": _PATIENCE_S * 1000,
                "topic.metadata.refresh.interval.ms": 1_000,
                "queue.buffering.max.messages": 2_000_000,
                "queue.buffering.max.kbytes": 1_000_000,
                "log_level": 2,
            }
        )

    def run(self) -> None:
        try:
            self._write()
        except (KafkaException, BufferError) as error:
            self.errors.append(str(error))

    def use(self, partitions: int) -> None:
        """Write to so many partitions from now on, once the producer knows them."""
        end = time.monotonic() + _PATIENCE_S
        while len(self._producer.list_topics(self._topic, timeout=30).topics[self._topic].partitions) < partitions:
            assert time.monotonic() < end, f"{self._topic} never got {partitions} partitions"
            time.sleep(0.2)
        self.partitions = partitions

    def _write(self) -> None:
        began = time.monotonic()
        for number, value in enumerate(self._values):
            self._producer.produce(self._topic, value, partition=number % self.partitions, on_delivery=self._note)
            if number % 200 == 0:
                self._producer.poll(0)
                time.sleep(max(0.0, began + number / self._rate - time.monotonic()))
            while number == self._held_from and not self.may_finish.wait(0.2):
                self._producer.poll(0)
        if left := self._producer.flush(_PATIENCE_S):
            self.errors.append(f"{left} events were never taken")

    def _note(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.errors.append(error.str())
            return
        partition = message.partition()
        assert partition is not None
        self.written[partition] += 1
