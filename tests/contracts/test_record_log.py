"""The durable log of submitted records, on SQLite and PostgreSQL: a source like any other, and idempotent by id."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine

from monitor.adapters.record_log.log import SqlRecordLog
from monitor.adapters.record_log.segments import LENGTH, pack, unpack
from monitor.adapters.record_log.source import TERM_S, RecordLogSource
from monitor.adapters.sql.engine import create_engine, durably, reading, writing
from monitor.adapters.sql.ingest import SqlIngestStore
from monitor.adapters.sql.migrate import migrate
from monitor.domain.errors import RejectReason, SubmissionFault, SubmissionRefused
from monitor.domain.partitions import PartitionId
from monitor.domain.stream import Flush, TopicKind
from monitor.domain.submission import SHOWN, Message, Receipt, Refusal, SubmissionKey
from monitor.stream.served import Statement, read_headers
from monitor.testing.sources import SourceConformance, SourceRig, read, values

PARTITION = PartitionId("http:records", 0)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    url: str = request.getfixturevalue(f"{request.param}_url")
    engine = create_engine(url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def log(engine: Engine) -> SqlRecordLog:
    return SqlRecordLog(engine, PARTITION)


def messages(*numbers: int) -> list[Message]:
    return [Message(n.to_bytes(16), b'{"n":%d}' % n) for n in numbers]


def stored(engine: Engine) -> list[bytes | None]:
    source = RecordLogSource(engine, PARTITION, "reader")
    got = values(read(source, 1_000_000, 0.3))
    source.close()
    return got


def fold(engine: Engine, up_to: int) -> None:
    """Save progress as a worker does that has read so far."""
    store = SqlIngestStore(engine)
    claim = store.claim(PARTITION, TopicKind.MIXED, "worker")
    store.flush([Flush(claim, TopicKind.MIXED, claim.next_offset, up_to, None, None, saved_at_ms=0)])


class TestRecordLogSource(SourceConformance):
    @pytest.fixture
    def rig(self, engine: Engine, log: SqlRecordLog) -> SourceRig:
        written = iter(range(1_000_000))

        def write(sent: Sequence[bytes]) -> None:
            log.append([Message(next(written).to_bytes(16), value) for value in sent], [], None, 0)

        return SourceRig(lambda: RecordLogSource(engine, PARTITION, "reader"), write, patience_s=5)


def test_a_batch_sent_again_is_stored_once_and_only_its_new_records_are_added(
    engine: Engine, log: SqlRecordLog
) -> None:
    first = log.append(messages(1, 2, 2), [], None, 0)
    second = log.append(messages(1, 2, 3), [], None, 0)

    assert first == Receipt(3, 1, 0)
    assert second == Receipt(3, 2, 0)
    assert stored(engine) == [b'{"n":1}', b'{"n":2}', b'{"n":3}']


def test_a_known_key_is_answered_as_the_first_time_and_must_not_come_with_other_content(log: SqlRecordLog) -> None:
    key = SubmissionKey("k", b"content")
    refusals = [Refusal(i, RejectReason.EMPTY, "nothing") for i in range(SHOWN + 1)]

    first = log.append(messages(1), refusals, key, 0)
    again = log.append(messages(1), refusals, key, 0)
    with pytest.raises(SubmissionRefused) as refused:
        log.append(messages(2), [], SubmissionKey("k", b"other"), 0)

    assert (first.accepted, first.refused, len(first.refusals), first.is_repeated) == (1, SHOWN + 1, SHOWN, False)
    assert (again.accepted, again.duplicates, again.refused, again.is_repeated) == (1, 0, SHOWN + 1, True)
    assert refused.value.fault is SubmissionFault.KEY_REUSED


def test_senders_at_the_same_time_leave_no_hole_and_no_double(engine: Engine, log: SqlRecordLog) -> None:
    batches = [messages(*range(start, start + 20)) for start in range(0, 200, 10)]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda batch: log.append(batch, [], None, 0), batches))
    source = RecordLogSource(engine, PARTITION, "reader")
    records = read(source, 210, 5)[PARTITION]
    source.close()

    assert [record.offset for record in records] == list(range(210))
    assert len({record.value for record in records}) == 210


def test_a_long_batch_is_read_in_parts_from_anywhere_in_it(engine: Engine, log: SqlRecordLog) -> None:
    log.append(messages(*range(2 * LENGTH + 10)), [], None, 7)
    source = RecordLogSource(engine, PARTITION, "reader", max_records=300)

    records = read(source, LENGTH + 20, 10, {PARTITION: LENGTH - 10})[PARTITION]

    source.close()
    assert [record.offset for record in records] == list(range(LENGTH - 10, 2 * LENGTH + 10))
    assert {record.timestamp_ms for record in records} == {7}


def test_the_backlog_is_what_is_not_folded_yet(engine: Engine, log: SqlRecordLog) -> None:
    empty = log.backlog()
    log.append(messages(*range(10)), [], None, 0)

    unread = log.backlog()
    fold(engine, 4)

    assert (empty, unread, log.backlog()) == (0, 10, 6)


def test_only_what_is_folded_and_old_enough_is_dropped_and_reading_goes_on_behind_it(
    engine: Engine, log: SqlRecordLog
) -> None:
    for number in range(4):
        log.append(messages(number), [], SubmissionKey(f"k{number}", b""), number)
    fold(engine, 3)

    swept = log.sweep(keep_after_ms=2, remember_after_ms=1)
    again = log.append(messages(0, 1), [], None, 9)

    assert swept == {"log_segments": 2, "log_ids": 1, "log_receipts": 1}
    assert again == Receipt(2, 1, 0)
    assert stored(engine) == [b'{"n":2}', b'{"n":3}', b'{"n":0}']


def test_records_that_nobody_has_folded_are_kept_for_ever(engine: Engine, log: SqlRecordLog) -> None:
    log.append(messages(1), [], None, 0)

    swept = log.sweep(keep_after_ms=10**15, remember_after_ms=10**15)

    assert swept == {"log_segments": 0, "log_ids": 1, "log_receipts": 0}
    assert stored(engine) == [b'{"n":1}']


@dataclass
class Hours:
    """A clock that tests move."""

    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_second_worker_waits_for_the_lease_and_goes_on_when_the_first_leaves(
    engine: Engine, log: SqlRecordLog
) -> None:
    log.append(messages(1), [], None, 0)
    clock = Hours()
    first = RecordLogSource(engine, PARTITION, "one", monotonic=clock)
    second = RecordLogSource(engine, PARTITION, "two", monotonic=clock)

    before = (dict(first.assigned()), dict(second.assigned()))
    first.close()
    clock.now_s += TERM_S
    second.poll(0)
    second.seek(PARTITION, None)

    assert before == ({PARTITION: TopicKind.MIXED}, {})
    assert values(second.poll(0)) == [b'{"n":1}']


def test_what_is_accepted_is_forced_to_the_disk_and_other_transactions_are_not(engine: Engine) -> None:
    question = "PRAGMA synchronous" if engine.dialect.name == "sqlite" else "SHOW synchronous_commit"
    full, normal = ("2", "1") if engine.dialect.name == "sqlite" else ("on", "off")
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            connection.exec_driver_sql("SET SESSION synchronous_commit = off")
            connection.commit()

    levels = []
    for opened in (writing, durably, writing, reading):
        with opened(engine) as connection:
            levels.append(str(connection.exec_driver_sql(question).scalar()))

    assert levels == [normal, full, normal, normal]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b'{"event_id": "a", "producer": {"id": "web-1", "number": 7, "weight": 2.5}}', Statement("web-1", 7, 2_500)),
        (b'{"producer": {"id": "web-1", "sequence": 7}}', None),
        (b'{"producer": {"id": 5, "number": 7}}', None),
        (b'{"producer": "web-1"}', None),
        (b'{"features": {"producer": 1}}', None),
        (b'{"producer": {"weight": 10}}', Statement("", None, 10_000)),
        (b'{"producer": ', None),
    ],
)
def test_what_a_record_says_of_its_producer_is_read_as_headers_are(value: bytes, said: Statement | None) -> None:
    (record,) = unpack(pack([value]), 5, 0)

    assert (record.offset, record.value) == (5, value)
    assert read_headers(record.headers) == said
