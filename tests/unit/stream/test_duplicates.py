"""Event ids are recognised as the records before say, however polls, saves and restarts cut the stream."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    event_id: str
    at_ms: int
    restart: bool
    cut: bool


def reference(records: list[Record]) -> list[bool]:
    """Record by record, on one life of the process: what the text of SeenIds says."""
    known: OrderedDict[str, None] = OrderedDict()
    began = 0
    newest = met = -(2**60)
    answers = []
    for record in records:
        if newest < met - RETENTION_MS:
            known.clear()
            began = 0
        is_known = record.event_id in known
        answers.append(is_known)
        if not is_known:
            known[record.event_id] = None
            if (began + len(known)) % 8 == 0:
                while len(known) - 8 >= LEAST:
                    for _ in range(8):
                        known.popitem(last=False)
                    began += 8
        newest, met = max(newest, record.at_ms), max(met, record.at_ms)
    return answers


def recognised(records: list[Record]) -> list[bool]:
    """The same in polls and lives of the process that end wherever the records say so."""
    stored, answers = Stored(), []
    watched = {REF.name: model(remember_ids=LEAST, retention=timedelta(milliseconds=RETENTION_MS))}
    seen = SeenEvents(watched, ())
    met, at = -(2**60), 0
    while at < len(records):
        stop = next((i + 1 for i in range(at, len(records)) if records[i].cut or records[i].restart), len(records))
        poll = records[at:stop]
        times = [record.at_ms for record in poll]
        met_by = np.maximum.accumulate(np.array([met, *times]))[:-1]
        made = replace(batch(times, at), event_ids=[record.event_id for record in poll])
        mask = seen.recognise(made, met_by)
        answers += [False] * len(poll) if mask is None else mask.tolist()
        met, at = max(met, *times), stop
        if poll[-1].restart:
            stored.save(seen.unsaved(met), seen.forgotten(met))
            seen.saved(met)
            seen = SeenEvents(watched, tuple(stored.rows.values()))
    return answers


records = st.lists(
    st.builds(
        Record,
        st.integers(0, 40).map(lambda number: f"e{number}"),
        st.integers(0, 300),
        restart=st.integers(0, 9).map(lambda n: n == 0),
        cut=st.integers(0, 3).map(lambda n: n == 0),
    ),
    max_size=150,
)


def admitted(drawn: list[Record]) -> list[Record]:
    """Records out of retention are refused before anybody looks at their ids."""
    kept, met = [], -(2**60)
    for record in drawn:
        if record.at_ms >= met - RETENTION_MS:
            kept.append(record)
            met = max(met, record.at_ms)
    return kept


@settings(max_examples=100, deadline=None)
@given(drawn=records)
def test_what_is_a_duplicate_depends_on_the_records_alone(drawn: list[Record]) -> None:
    kept = admitted(drawn)

    assert recognised(kept) == reference(kept)


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
