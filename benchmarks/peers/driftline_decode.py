"""JSON messages to updated profiles in memory: decoded, admitted, counted; nothing is saved.

Called with the file of messages, the records of a poll, the number of models of the `crowd` (0: the benchmark's own)
and `safe` or `fast`. Prints CPU seconds.
"""

import gc
import sys
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.payloads import MODEL, REF, column_of, columns, model_baseline, name_of
from monitor.adapters.codec import JsonCodec
from monitor.domain.models import ModelRef
from monitor.domain.records import PartitionId, RawRecord
from monitor.domain.stream import Claim, TopicKind
from monitor.stats.baseline import Baseline
from monitor.stream.gathered import Gathered
from monitor.stream.intake import PartitionIntake
from monitor.stream.schema import RecordSchema

PARTITION = PartitionId("inference", 0)


def main(messages: str, polled: str, models: str, path: str) -> None:
    codec = JsonCodec(safe=path == "safe")
    if path == "fast" and codec.fast is None:
        raise SystemExit("the fast decoder is not built (make native)")
    baselines = _baselines(int(models))
    schemas = {name: RecordSchema(baseline.schema) for name, baseline in baselines.items()}
    watched = {name: replace(MODEL, name=name) for name in baselines}
    records = [RawRecord(offset, value) for offset, value in enumerate(Path(messages).read_bytes().splitlines())]
    intake = PartitionIntake(
        Claim(PARTITION, 1, 0, None), TopicKind.INFERENCE, watched, lambda ref, _start_ms: ("b", baselines[ref.name])
    )
    gc.collect()
    gc.freeze()  # the messages at hand are not the program's to look through
    began = time.process_time()
    gathered = Gathered()
    for start in range(0, len(records), int(polled)):
        gathered.add(records[start : start + int(polled)])
        if gathered.is_enough or start + int(polled) >= len(records):
            unseen = intake.unseen(gathered.take())
            decoded = codec.decode(PARTITION, TopicKind.INFERENCE, unseen, lambda model, _version: schemas.get(model))
            intake.accept(unseen, decoded, None)
    intake.settle()
    print(time.process_time() - began)


def _baselines(models: int) -> dict[str, Baseline]:
    if not models:
        return {REF.name: model_baseline()}
    made = columns(20_000, seed=99)
    found = {}
    for number in range(models):
        ref = ModelRef(name_of(number), REF.version)
        named = {column_of(number, name): column for name, column in made.items()}
        found[ref.name] = Baseline.build(ref, named, "made for the benchmark", with_pairs=True)
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
