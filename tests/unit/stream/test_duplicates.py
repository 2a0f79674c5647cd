"""Event ids are recognised as the records before say, however polls, saves and restarts cut the stream."""

from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random

import numpy as np
import pytest

from monitor.domain.models import ModelRef
from monitor.domain.stream import IdBlock
from monitor.stream import duplicates
from monitor.stream.duplicates import EVERYTHING, SeenEvents, SeenIds
from tests.unit.stream.making import REF, batch, model

LEAST, RETENTION_MS = 10, 50


@pytest.fixture(autouse=True)
def small_blocks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "BLOCK", 8)
        patch.setattr(duplicates, "SAVED_TOGETHER", 4)
        yield


@dataclass
class Stored:
    """The rows of one partition, as the database keeps them."""

    rows: dict[tuple[str, str, int], IdBlock] = field(default_factory=dict)

    def save(self, blocks: list[IdBlock], forgotten: list[tuple[ModelRef, int]]) -> None:
        for ref, before in forgotten:
            gone = [key for key in self.rows if key[:2] == (ref.name, ref.version) and key[2] < before]
            for key in gone:
                del self.rows[key]
        self.rows |= {(block.model, block.version, block.first): block for block in blocks}


@dataclass(frozen=True)
class Record:
    version: str
    event_id: str
    at_ms: int
    cut: bool
    saves: bool
    restart: bool


@dataclass
class Naive:
    """One version, record by record, in one life of the process: what the text of SeenIds says."""

    known: OrderedDict[str, None] = field(default_factory=OrderedDict)
    began: int = 0
    newest: int = -(2**60)

    def is_duplicate(self, record: Record, met: int) -> bool:
        if self.newest < met - RETENTION_MS:
            self.known.clear()
            self.began = 0
        self.newest = max(self.newest, record.at_ms)
        if record.event_id in self.known:
            return True
        self.known[record.event_id] = None
        if (self.began + len(self.known)) % duplicates.BLOCK == 0:
            while len(self.known) - duplicates.BLOCK >= LEAST:
                for _ in range(duplicates.BLOCK):
                    self.known.popitem(last=False)
                self.began += duplicates.BLOCK
        return False


def reference(records: list[Record]) -> list[bool]:
    versions: dict[str, Naive] = defaultdict(Naive)
    met, answers = -(2**60), []
    for record in records:
        answers.append(versions[record.version].is_duplicate(record, met))
        met = max(met, record.at_ms)
    return answers


def recognised(records: list[Record]) -> list[bool]:
    """The same in polls and lives of the process that end wherever the records say so."""
    watched = {REF.name: model(remember_ids=LEAST, retention=timedelta(milliseconds=RETENTION_MS))}
    stored, seen = Stored(), SeenEvents(watched, ())
    met, at, answers = -(2**60), 0, [False] * len(records)
    while at < len(records):
        stop = next((i + 1 for i in range(at, len(records)) if records[i].cut), len(records))
        met_by = np.maximum.accumulate(np.array([met, *(record.at_ms for record in records[at:stop])]))
        for version in ("1", "2"):
            rows = [row for row in range(at, stop) if records[row].version == version]
            made = batch([records[row].at_ms for row in rows], ref=ModelRef(REF.name, version))
            made = replace(made, event_ids=[records[row].event_id for row in rows])
            mask = seen.recognise(made, met_by[[row - at for row in rows]])
            for row, is_known in zip(rows, [] if mask is None else mask.tolist(), strict=mask is not None):
                answers[row] = is_known
        met = int(met_by[-1])
        if records[stop - 1].saves:
            stored.save(seen.unsaved(met), seen.forgotten(met))
            seen.saved(met)
        if records[stop - 1].restart:
            seen = SeenEvents(watched, tuple(stored.rows.values()))
        at = stop
    return answers


def drawn(seed: int) -> list[Record]:
    """Two versions with few ids, time that goes on in small steps, stands still or leaps, and rare restarts."""
    chance = Random(seed)
    now, found = 0, []
    serving = "1"
    for _ in range(400):
        now += chance.choice([0, 0, 1, 2, 5]) if chance.random() < 0.97 else chance.choice([40, 60, 200])
        serving = chance.choice("12") if chance.random() < 0.05 else serving
        event_id = f"e{chance.randrange(60) + 40 * (now // 150)}"
        at_ms = now - chance.choice([0, 0, 0, 10, RETENTION_MS])
        cut = chance.random() < 0.25
        saves = cut and chance.random() < 0.6
        found.append(Record(serving, event_id, at_ms, cut, saves, saves and chance.random() < 0.4))
    return admitted(found)


def admitted(records: list[Record]) -> list[Record]:
    """Records out of retention are refused before anybody looks at their ids."""
    kept, met = [], -(2**60)
    for record in records:
        if record.at_ms >= met - RETENTION_MS:
            kept.append(record)
            met = max(met, record.at_ms)
    return kept


@pytest.mark.parametrize("seed", range(60))
def test_what_is_a_duplicate_depends_on_the_records_alone(seed: int) -> None:
    records = drawn(seed)

    answers = recognised(records)

    assert answers == reference(records)
    assert 20 < sum(answers) < len(answers)


def test_an_id_within_the_bound_is_recognised_and_one_beyond_it_is_not() -> None:
    seen = SeenIds(REF, LEAST, RETENTION_MS)
    times = np.zeros(40, np.int64)
    seen.recognise([f"e{i}" for i in range(40)], times, times)

    again = seen.recognise(["e39", f"e{40 - LEAST}", "e0"], times[:3], times[:3])

    assert again.tolist() == [True, True, False]


def test_memory_stays_within_its_bound_whatever_comes() -> None:
    seen = SeenIds(REF, LEAST, RETENTION_MS)
    times = np.zeros(7, np.int64)

    for start in range(0, 7_000, 7):
        seen.recognise([f"e{i}" for i in range(start, start + 7)], times, times)
        assert len(seen._closed) + len(seen._open) <= LEAST + 2 * duplicates.BLOCK


def test_a_record_without_an_id_is_never_a_duplicate() -> None:
    seen = SeenIds(REF, LEAST, RETENTION_MS)
    times = np.zeros(4, np.int64)

    assert seen.recognise(["", "a", "", "a"], times, times).tolist() == [False, False, False, True]


def test_a_version_that_has_been_away_for_longer_than_the_retention_is_forgotten_and_its_rows_go() -> None:
    watched = {REF.name: model(remember_ids=LEAST)}
    seen = SeenEvents(watched, ())
    seen.recognise(batch([0, 1]), np.zeros(2, np.int64))
    hour_later = 2 * 3_600_000

    assert seen.unsaved(hour_later) == []
    assert seen.forgotten(hour_later) == [(REF, EVERYTHING)]


def test_ids_of_a_model_that_does_not_want_them_any_more_are_dropped() -> None:
    block = IdBlock(REF.name, REF.version, 0, 5, b"\0" * 8)

    seen = SeenEvents({REF.name: model()}, (block,))

    assert seen.forgotten(None) == [(REF, EVERYTHING)]
    assert seen.recognise(batch([1, 1]), np.zeros(2, np.int64)) is None
