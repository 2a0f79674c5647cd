"""JSON messages to saved shares, windows by event time. Called with the file of messages, the records of a poll
and the database.

Prints CPU seconds, from the first message read to the last share saved; the log in memory stands for a client.
"""

import gc
import sys
import time
from datetime import timedelta
from pathlib import Path

from benchmarks.payloads import MODEL, REF, model_baseline
from monitor.adapters.codec import JsonCodec
from monitor.adapters.memory.source import MemoryLog, MemorySource
from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.sql.stores import SqlStores
from monitor.adapters.system import SystemClock
from monitor.domain.records import PartitionId
from monitor.usecases.ingest import Ingest, IngestSettings


def main(messages: str, polled: str, database: str) -> None:
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
        models={MODEL.name: MODEL},
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


if __name__ == "__main__":
    main(*sys.argv[1:])
