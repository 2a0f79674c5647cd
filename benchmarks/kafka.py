"""A real broker to saved shares, client included, by both clients; CPU seconds of the consuming process."""

import time
from collections.abc import Callable
from datetime import timedelta

from kafka import KafkaProducer

from benchmarks.payloads import MODEL, REF, model_baseline, payloads
from monitor.adapters.codec import JsonCodec
from monitor.adapters.kafka.confluent_source import ConfluentSource
from monitor.adapters.kafka.settings import KafkaSettings
from monitor.adapters.kafka.source import KafkaSource
from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.sql.stores import SqlStores
from monitor.adapters.system import SystemClock
from monitor.domain.ports import Source
from monitor.domain.stream import TopicKind
from monitor.testing.servers.kafka import KafkaBroker
from monitor.usecases.ingest import Ingest, IngestSettings

RECORDS, PARTITIONS, ROUNDS = 120_000, 4, 2
PATIENCE_S = 120.0
CLIENTS: dict[str, Callable[[KafkaSettings], Source]] = {"kafka_python": KafkaSource, "confluent": ConfluentSource}


def run(progress: Callable[[str], None]) -> dict[str, float | int]:
    """Records per CPU second of one consuming process, the best of some alternating rounds."""
    with KafkaBroker(heap_mb=1024, quick_start=False) as broker:
        broker.create_topic("inference", partitions=PARTITIONS)
        progress(f"writing {RECORDS:,} records to a real broker")
        _produce(broker.bootstrap_servers)
        rates: dict[str, list[float]] = {name: [] for name in CLIENTS}
        for number in range(ROUNDS):
            for name, client in CLIENTS.items():
                rates[name].append(_consume(client, broker.bootstrap_servers, f"{name}-{number}"))
                progress(f"{name}, round {number + 1}: {rates[name][-1]:,.0f} records per CPU second")
    best: dict[str, float | int] = {f"{name}_events_per_s": round(max(found)) for name, found in rates.items()}
    return best | {"records": RECORDS, "partitions": PARTITIONS}


def _produce(bootstrap: str) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=50, batch_size=1 << 18)
    for number, value in enumerate(payloads(RECORDS)):
        producer.send("inference", value, partition=number % PARTITIONS)
    producer.flush(timeout=120)
    producer.close()


def _consume(client: Callable[[KafkaSettings], Source], bootstrap: str, group: str) -> float:
    engine = create_engine("sqlite://")
    migrate(engine)
    stores, baseline = SqlStores.of(engine), model_baseline()
    stores.baselines.put(baseline.id, REF, baseline.to_bytes(), baseline.describe())
    stores.baselines.promote(REF, baseline.id, None, "benchmark")
    settings = KafkaSettings(bootstrap, {"inference": TopicKind.INFERENCE}, group=group)
    ingest = Ingest(
        client(settings), stores.ingest, JsonCodec(), baselines=stores.baselines, models={MODEL.name: MODEL},
        clock=SystemClock(), settings=IngestSettings("benchmark", timedelta(seconds=1), max_future_skew=None),
    )  # fmt: skip
    read, started, deadline = 0, 0.0, time.monotonic() + PATIENCE_S
    while read < RECORDS and time.monotonic() < deadline:
        report = ingest.step(0.5)
        if not read and report.records:
            started = time.process_time()  # the group has been joined; what this first poll cost is left out, too
            read = report.records
            first = read
        else:
            read += report.records
    ingest.close()
    if read < RECORDS:
        raise RuntimeError(f"{group}: only {read:,} of {RECORDS:,} records came within {PATIENCE_S:.0f} s")
    return (read - first) / (time.process_time() - started)
