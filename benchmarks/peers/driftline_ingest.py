"""JSON messages to saved shares, windows by event time. Called with the file of messages, the records of a poll,
the database, and the number of columns that every sequential detector watches (0: there are no detectors).

Prints CPU seconds, from the first message read to the last share saved; the log in memory stands for a client.
"""

import gc
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from benchmarks.payloads import MODEL, REF, model_baseline
from monitor.adapters.codec import JsonCodec
from monitor.adapters.memory.source import MemoryLog, MemorySource
from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.sql.stores import SqlStores
from monitor.adapters.system import SystemClock
from monitor.domain.models import ColumnKind
from monitor.domain.records import PartitionId
from monitor.domain.sequential import SequentialSpec, parse_false_alarm_rate
from monitor.stats.baseline import Baseline
from monitor.usecases.ingest import Ingest, IngestSettings


def main(messages: str, polled: str, database: str, watched: str = "0", detectors: str = "") -> None:
    log = MemoryLog()
    log.create("inference")
    log.append(PartitionId("inference", 0), Path(messages).read_bytes().splitlines())
    engine = create_engine(f"sqlite:///{database}")
    migrate(engine)
    stores, baseline = SqlStores.of(engine), model_baseline()
    stores.baselines.put(baseline.id, REF, baseline.to_bytes(), baseline.describe())
    stores.baselines.promote(REF, baseline.id, None, "benchmark")
    ingest = Ingest(
        MemorySource(log, max_records=int(polled)),
        stores.ingest,
        JsonCodec(),
        baselines=stores.baselines,
        models={MODEL.name: replace(MODEL, sequential=_specs(baseline, int(watched), detectors.split()))},
        clock=SystemClock(),
        settings=IngestSettings("benchmark", timedelta(seconds=1), max_future_skew=None),
    )
    total = len(log.records[PartitionId("inference", 0)])
    counted = 0
    gc.collect()
    gc.freeze()  # the messages at hand are not the program's to look through
    began = time.process_time()
    while counted < total:
        counted += ingest.step(0).counted.total()
    ingest.drain()
    print(time.process_time() - began)


def _specs(baseline: Baseline, watched: int, detectors: Sequence[str]) -> tuple[SequentialSpec, ...]:
    columns = [spec.name for spec in baseline.schema if spec.kind is ColumnKind.NUMERIC][:watched]
    rate = parse_false_alarm_rate("1 per 1000000 records")
    return tuple(SequentialSpec(name, column, rate) for name in detectors for column in columns)


if __name__ == "__main__":
    main(*sys.argv[1:])
