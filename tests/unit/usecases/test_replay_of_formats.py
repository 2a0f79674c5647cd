"""Refused messages of other formats, replayed: each row is counted once, and what cannot be counted alone is kept."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.adapters.codec import JsonCodec
from monitor.adapters.formats.codec import FormatCodec
from monitor.adapters.formats.format import Format
from monitor.adapters.memory.source import MemorySource
from monitor.adapters.sql.halves import SqlHalfStore
from monitor.adapters.sql.records import SqlRecords
from monitor.bootstrap.formats import build_format
from monitor.domain.models import ModelRef
from monitor.domain.records import LetterQuery, PartitionId
from monitor.stream.dead_letter_limit import DeadLetterLimit
from monitor.usecases.ingest import Ingest, IngestSettings, Pairs
from monitor.usecases.replay_letters import Replayed, ReplayLetters
from tests.unit.usecases.ingest_rig import MINUTE_MS, START_MS, TOPIC, Rig, models, partition, run_to_end
from tests.unit.usecases.test_ingest_pairs import event

KNOWN = ModelRef("churn", "1")
LATECOMER = ModelRef("late-comer", "1")
MLRUN = build_format("mlrun", {"columns": ["age", "plan"]}, None)
KSERVE = build_format("kserve-ce", {"columns": ["age", "plan"], "wait": "2m"}, None)
MAPPING = {
    "rows": "$.rows[*]", "event_id": "@.id", "event_time": "@.at", "model": "$.model", "model_version": "1",
    "features": "@.f",
}  # fmt: skip


class FormatRig(Rig):
    """The rig with a topic in a format of its own."""

    its_format: Format = MLRUN

    def codec(self) -> FormatCodec:
        return FormatCodec(JsonCodec(), {TOPIC: self.its_format}.get)

    def read(self) -> None:
        codec, no_limit = self.codec(), DeadLetterLimit(None, 1, None)
        worker = Ingest(
            MemorySource(self.log), self.store, codec, baselines=self.baselines, models=self.models, clock=self.clock,
            settings=IngestSettings("me", dead_letters=no_limit), monotonic=self.ticks,
            pairs=Pairs(SqlHalfStore(self.engine), codec),
        )  # fmt: skip
        run_to_end(self, worker, 5)

    def replay(self) -> list[Replayed]:
        return ReplayLetters(
            self.store, SqlRecords(self.engine), self.reads, self.codec(), baselines=self.baselines,
            models=self.models, clock=self.clock, owner="me", max_future_skew=timedelta(minutes=5), pairs=self.codec(),
        ).run(LetterQuery(), 100)  # fmt: skip

    def configure_latecomer(self) -> None:
        self.models[LATECOMER.name] = replace(models()["churn"], name=LATECOMER.name)


@pytest.fixture
def rig() -> Iterator[FormatRig]:
    made = FormatRig()
    yield made
    made.engine.dispose()


def served(request_id: str, ref: ModelRef, rows: Sequence[Sequence[object]], at_ms: int = START_MS) -> bytes:
    """A message of MLRun's serving stream."""
    request = {"id": request_id, "inputs": [list(row) for row in rows]}
    named = {"model": ref.name, "version": ref.version, "when": at_ms, "op": "infer"}
    return json.dumps({**named, "request": request, "resp": {"outputs": ["yes"] * len(rows)}}).encode()


def fates(done: Sequence[Replayed]) -> list[tuple[int, str]]:
    return [(one.letter.offset, one.fate.value) for one in done]


def test_a_message_of_a_model_that_is_configured_by_now_counts_with_all_its_rows_once(rig: FormatRig) -> None:
    rig.log.append(partition(), [served("a", LATECOMER, [(40, "pro"), (50, "basic")])])
    rig.read()
    rig.configure_latecomer()

    done, again = rig.replay(), rig.replay()

    assert (fates(done), fates(again)) == ([(0, "counted")], [])
    assert sum(rig.counted(LATECOMER).values()) == 2


def test_a_message_whose_other_rows_were_counted_is_never_counted_twice(rig: FormatRig) -> None:
    rig.log.append(partition(), [served("a", KNOWN, [(40, "pro"), (50,), (60, "basic")])])
    rig.read()

    (done,) = rig.replay()

    assert (done.fate.value, done.why.split(",")[0]) == ("refused", "its other rows were counted")
    assert sum(rig.counted(KNOWN).values()) == 2
    assert len(rig.replay()) == 1


def test_of_a_message_with_a_bad_row_nothing_counts_before_all_of_it_is_good(rig: FormatRig) -> None:
    rig.log.append(partition(), [served("a", LATECOMER, [(40, "pro"), (50,)]), served("b", LATECOMER, [(1, "pro")])])
    rig.read()
    rig.configure_latecomer()

    done = rig.replay()

    assert fates(done) == [(0, "refused"), (1, "counted")]
    assert done[0].why.startswith("wrong_type: row 1: 1 value for 2 columns")
    assert sum(rig.counted(LATECOMER).values()) == 1


def test_rows_out_of_retention_by_now_are_told_beside_those_that_counted(rig: FormatRig) -> None:
    rig.its_format = build_format("json", {"mapping": MAPPING}, None)
    for model in (LATECOMER.name, KNOWN.name):
        rows = [{"id": f"{model}-{minutes}", "at": START_MS + minutes * MINUTE_MS, "f": {}} for minutes in (0, 70)]
        rig.log.append(partition(), [json.dumps({"model": model, "rows": rows}).encode()])
    rig.read()
    rig.configure_latecomer()

    (done,) = [one for one in rig.replay() if one.letter.offset == 0]

    assert (done.fate.value, done.why.split(":")[0]) == ("counted_in_part", "too_late")
    assert sum(rig.counted(LATECOMER).values()) == 1
    assert 0 not in [one.letter.offset for one in rig.replay()]


def test_a_half_that_nothing_came_for_stays_a_dead_letter_whatever_is_replayed(rig: FormatRig) -> None:
    rig.its_format = KSERVE
    rig.log.append(partition(), [event("request", 1), event("request", 2, START_MS + 60 * MINUTE_MS)])
    rig.read()

    (done,) = rig.replay()

    assert (done.letter.reason.value, done.fate.value) == ("unpaired", "refused")
    assert done.why == "half of a record, whose other half did not come: send both again"
    assert len(rig.replay()) == 1


def test_a_half_that_can_be_read_by_now_is_kept_because_it_has_nobody_to_wait_for_here(rig: FormatRig) -> None:
    rig.log.append(partition(), [event("request", 1)])  # the topic was taken for MLRun's
    rig.read()
    rig.its_format = KSERVE

    (done,) = rig.replay()

    assert (done.fate.value, done.why) == (
        "refused", "half of a record, which waits for nothing here: send both halves again",
    )  # fmt: skip


def test_a_pair_that_was_read_with_the_wrong_columns_counts_once_the_format_is_mended(rig: FormatRig) -> None:
    rig.its_format = build_format("kserve-ce", {"columns": ["age"], "wait": "2m"}, None)
    rig.log.append(partition(), [event("request", 1, rows=2), event("response", 1, rows=2)])
    rig.read()
    rig.its_format = KSERVE

    done, again = rig.replay(), rig.replay()

    assert (fates(done), fates(again)) == ([(1, "counted")], [])
    assert sum(rig.counted(ModelRef("churn", "default")).values()) == 2


def test_headers_and_the_time_of_the_log_come_with_a_replayed_message(rig: FormatRig) -> None:
    said = [("x-model", b"churn"), ("x-empty", None)]
    rig.log.append(PartitionId(TOPIC, 0), [b"{"], timestamp_ms=START_MS, headers=said)
    rig.read()

    (kept,) = SqlRecords(rig.engine).dead_letters(1)

    assert (list(kept.letter.headers), kept.letter.timestamp_ms) == (said, START_MS)
