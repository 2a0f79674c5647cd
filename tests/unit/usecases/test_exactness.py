"""Every record is in exactly one place, and people can see in which: counted, a duplicate, or refused."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from monitor.adapters.codec import JsonCodec
from monitor.adapters.memory.source import MemoryLog, MemorySource
from monitor.adapters.sql import ingest as sql_ingest
from monitor.adapters.sql.accounts import SqlAccounts
from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.evaluations import SqlEvaluationStore
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.sql.records import SqlRecords
from monitor.adapters.sql.stores import SqlStores
from monitor.adapters.sql.tables import seen_ids
from monitor.domain.errors import Fenced, StoreUnavailable
from monitor.domain.models import MonitoredModel
from monitor.domain.records import LetterQuery
from monitor.domain.stream import Flush, PaneAccount
from monitor.schedule.closing import closes_until_ms
from monitor.stream.dead_letter_limit import DeadLetterLimit
from monitor.usecases.accounts import WindowAccount, window_accounts
from monitor.usecases.baselines_in_use import BaselinesInUse
from monitor.usecases.ingest import Ingest, IngestSettings
from monitor.usecases.replay_letters import ReplayLetters
from tests.unit.usecases.ingest_rig import (
    CHURN,
    FRAUD,
    MINUTE_MS,
    PANE_MS,
    START_MS,
    TOPIC,
    Rig,
    ScriptedClock,
    baseline,
    message,
    models,
    partition,
    run_to_end,
)

ROOT = Path(__file__).parents[3]
NO_LIMIT = DeadLetterLimit(None, 1, None)


def watched() -> dict[str, MonitoredModel]:
    return {name: replace(one, remember_ids=1_000) for name, one in models().items()}


def rig_of(values: list[bytes | None], **settings: object) -> Rig:
    rig = Rig(models=watched())
    rig.promote(baseline(CHURN))
    rig.log.append(partition(), values, **settings)  # type: ignore[arg-type]
    return rig


def panes_of(engine: Engine) -> list[PaneAccount]:
    return SqlAccounts(engine).accounts("churn", 0, 2**53)


def windows_of(rig: Rig) -> list[WindowAccount]:
    return window_accounts(rig.models["churn"], SqlAccounts(rig.engine), SqlEvaluationStore(rig.engine))


def test_a_record_that_is_sent_twice_is_counted_once_and_said_to_be_a_duplicate() -> None:
    first = [message(i, START_MS + i * 1000) for i in range(20)]
    rig = rig_of([*first, *first[5:10], message(3, START_MS + 3000, ref=replace(CHURN, version="2"))])

    run_to_end(rig, rig.worker())

    assert rig.counted() == {0: 20}
    panes = {pane.version: pane for pane in panes_of(rig.engine)}
    assert (panes["1"].counted, panes["1"].duplicates) == (20, 5)
    assert (panes["2"].counted, panes["2"].duplicates) == (1, 0)  # another version answered the same request


def test_ids_are_not_compared_where_the_model_does_not_ask_for_it() -> None:
    rig = Rig()
    rig.log.append(partition(), [message(1, START_MS)] * 3)

    run_to_end(rig, rig.worker())

    assert rig.counted() == {0: 3}
    with rig.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(seen_ids)).scalar_one() == 0


def test_a_new_owner_knows_the_ids_that_were_saved_before_it_came() -> None:
    first = [message(i, START_MS + i * 1000) for i in range(20)]
    rig = rig_of(list(first))
    run_to_end(rig, rig.worker())
    rig.log.append(partition(), first)

    run_to_end(rig, rig.worker(owner="somebody else"))

    assert [(pane.counted, pane.duplicates) for pane in panes_of(rig.engine)] == [(20, 20)]


def test_refused_records_stand_by_reason_in_the_window_that_the_stream_had_reached() -> None:
    other_pane = START_MS + PANE_MS
    hours = 5 * 60 * MINUTE_MS
    rig = rig_of(
        [
            b"{nonsense",  # before anything was known of the time
            message(1, START_MS),
            b"{nonsense",
            message(2, other_pane),
            message(3, other_pane + hours),  # ahead of the clock
            message(4, other_pane - hours),  # long out of retention
            message(5, other_pane, features="none"),
        ]
    )

    run_to_end(rig, rig.worker(dead_letters=NO_LIMIT))

    by_pane = {pane.pane_start_ms: pane.refused for pane in panes_of(rig.engine) if not pane.version}
    assert by_pane == {other_pane: {"in_the_future": 1, "too_late": 1, "wrong_type": 1}}
    assert SqlAccounts(rig.engine).refused_of_no_model(START_MS, START_MS + 1) == {"malformed_json": 1}


def test_a_window_adds_up_over_its_panes_and_refusals_go_to_the_version_that_serves() -> None:
    old, new = CHURN, replace(CHURN, version="2")
    records = [message(i, START_MS + i * MINUTE_MS, ref=old) for i in range(20)]
    records += [message(i, START_MS + 19 * MINUTE_MS, ref=new) for i in range(5)]
    rig = rig_of([*records, message(99, START_MS - 10**8), records[19]])

    run_to_end(rig, rig.worker())

    whole = {account.version: account for account in windows_of(rig) if account.window.start_ms == START_MS}
    assert (whole["1"].counted, whole["1"].duplicates, whole["1"].refused) == (20, 1, {"too_late": 1})
    assert (whole["1"].seen, whole["1"].revision, whole["1"].weight) == (22, None, 20.0)
    assert (whole["2"].counted, whole["2"].seen) == (5, 5)


def test_late_records_are_counted_in_their_window_and_told_apart() -> None:
    rig = rig_of([message(0, START_MS), message(1, START_MS + 3 * PANE_MS), message(2, START_MS + 1)])

    run_to_end(rig, rig.worker())

    assert [(pane.counted, pane.late) for pane in panes_of(rig.engine)] == [(2, 1), (1, 0)]


def test_coverage_is_the_share_of_the_running_numbers_that_came_and_weights_add_up() -> None:
    rig = rig_of([])
    for number in (10, 11, 13, 14, 19):
        headers = [("driftline-producer", b"web-1"), ("driftline-number", str(number).encode())]
        rig.log.append(partition(), [message(number, START_MS)], headers=headers)
    rig.log.append(partition(), [message(50, START_MS)], headers=[("driftline-weight", b"2.5"), ("trace", b"x")])
    rig.log.append(partition(), [message(51, START_MS)], headers=[("driftline-weight", b"no number")])

    run_to_end(rig, rig.worker())

    account = next(one for one in windows_of(rig) if one.window.start_ms == START_MS)
    assert (account.counted, account.coverage, account.weight) == (7, 0.5, 8.5)


def test_memory_holds_at_most_the_stated_bytes_and_one_poll_while_the_database_is_away() -> None:
    rig = rig_of([message(i, START_MS, note="x" * 1_000) for i in range(1_000)])
    worker = rig.worker(MemorySource(rig.log, max_records=10), max_unsaved_bytes=50_000)
    worker.step(0)
    rig.store.refusals = 10**6

    reports = []
    for _ in range(300):
        reports.append(worker.step(0))
        rig.ticks.seconds += 0.2

    assert worker.is_full
    assert worker.unsaved_records < 60  # 50,000 bytes of about 1,200 each, and one poll
    assert any(report.pause_s for report in reports)
    rig.store.refusals = 0
    run_to_end(rig, worker, 200)
    assert sum(rig.counted().values()) == 1_000


def test_a_producer_that_makes_up_a_version_for_every_record_does_not_fill_memory_and_harms_no_other_model() -> None:
    rig = Rig(models={name: replace(one, max_versions=5) for name, one in watched().items()})
    rig.promote(baseline(FRAUD))
    made_up = [message(i, START_MS + i, ref=replace(CHURN, version=f"build-{i}")) for i in range(400)]
    good = [message(1_000 + i, START_MS + i, ref=FRAUD) for i in range(400)]
    rig.log.append(partition(), [one for pair in zip(made_up, good, strict=True) for one in pair])

    run_to_end(rig, rig.worker(MemorySource(rig.log, max_records=150)))
    run_to_end(rig, rig.worker(MemorySource(rig.log, max_records=40)))

    assert sum(share.n for share in rig.shares(FRAUD)) == 400
    in_use = BaselinesInUse(rig.baselines, rig.models)
    assert len({id(in_use.schema("churn", f"build-{i}")) for i in range(400)}) == 1
    letters = [kept.letter for kept in SqlRecords(rig.engine).kept_letters(LetterQuery(), 1_000)]
    assert {letter.reason.value for letter in letters} == {"too_many_versions"}
    assert [letter.offset for letter in letters] == [2 * i for i in range(5, 400)]
    assert letters[0].detail == "version 'build-5' would be one more than max_versions (5)"
    panes = SqlAccounts(rig.engine).accounts("churn", 0, 2**53)
    assert {pane.version for pane in panes if pane.counted} == {f"build-{i}" for i in range(5)}


def test_a_model_whose_baseline_cannot_be_read_is_counted_and_harms_no_other() -> None:
    rig = Rig()
    broken = baseline(CHURN)
    rig.baselines.put(broken.id, CHURN, b"torn", {})
    rig.baselines.promote(CHURN, broken.id, None, "test")
    rig.promote(baseline(FRAUD))
    rig.log.append(partition(), [message(i, START_MS, ref=ref) for i in range(10) for ref in (CHURN, FRAUD)])
    worker = rig.worker()
    worker.step(0)  # claims

    report = worker.step(0)
    run_to_end(rig, worker)

    assert list(report.unreadable_baselines) == [broken.id]
    assert [(share.n, bool(share.payload)) for share in rig.shares(CHURN)] == [(10, False)]
    assert [(share.n, bool(share.payload)) for share in rig.shares(FRAUD)] == [(10, True)]


# --- killed and restarted


def _log() -> MemoryLog:
    """Two partitions with duplicates, late records and nonsense among 600 messages each."""
    log = MemoryLog()
    log.create(TOPIC, 2)
    for number in range(2):
        values: list[bytes | None] = []
        for i in range(600):
            known = i - 37 if i % 11 == 0 and i > 40 else i
            at_ms = START_MS + known * 5_000 - (PANE_MS * 2 if known % 50 == 7 else 0)
            values.append(b"{" if i % 97 == 5 else message(1_000 * number + known, at_ms))
        log.append(partition(number), values)
    return log


def _ingest(url: str) -> Ingest:
    engine = create_engine(url)
    migrate(engine)
    stores, log = SqlStores.of(engine), _log()
    made = baseline(CHURN)
    if not stores.baselines.timeline("churn"):
        stores.baselines.put(made.id, made.ref, made.to_bytes(), made.describe())
        stores.baselines.promote(made.ref, made.id, None, "test")
    settings = IngestSettings("me", flush_every=timedelta(0), dead_letters=NO_LIMIT)
    source = MemorySource(log, max_records=70)
    clock = ScriptedClock()
    return Ingest(
        source, stores.ingest, JsonCodec(), baselines=stores.baselines, models=watched(), clock=clock, settings=settings
    )


def live_until_killed(url: str, flush: int, moment: str) -> None:
    """The process that dies: at the so many-th save, before it, within its transaction or after it."""
    worker = _ingest(url)
    whole, inner = sql_ingest.SqlIngestStore.flush, sql_ingest._write_accounts
    count = 0

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def counted(store: sql_ingest.SqlIngestStore, flushes: list[Flush]) -> None:
        nonlocal count
        count += 1
        if count == flush and moment == "before":
            die()
        whole(store, flushes)
        if count == flush and moment == "after":
            die()

    def within(*args: object) -> None:
        inner(*args)  # type: ignore[arg-type]
        if count == flush and moment == "within":
            die()

    sql_ingest.SqlIngestStore.flush = counted  # type: ignore[method-assign, assignment]
    sql_ingest._write_accounts = within  # type: ignore[assignment]
    _read_all(worker)


def _read_all(worker: Ingest) -> None:
    for _ in range(30):  # polls of 70
        worker.step(0)
    worker.drain()


@pytest.mark.parametrize("moment", ["before", "within", "after"])
def test_a_process_that_is_killed_at_a_save_changes_no_number(tmp_path: Path, moment: str) -> None:
    urls = [f"sqlite:///{tmp_path / name}.db" for name in ("clean", "killed")]
    _read_all(_ingest(urls[0]))
    code = f"from tests.unit.usecases.test_exactness import live_until_killed as f; f({urls[1]!r}, 7, {moment!r})"

    died = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)
    _read_all(_ingest(urls[1]))

    clean, killed = (panes_of(create_engine(url)) for url in urls)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert killed == clean
    assert sum(pane.duplicates for pane in clean) > 50
    assert sum(pane.counted + pane.duplicates for pane in clean) + 14 == 1_200


# --- replayed


def replay_of(rig: Rig, owner: str = "me") -> ReplayLetters:
    return ReplayLetters(
        rig.store,
        SqlRecords(rig.engine),
        rig.reads,
        JsonCodec(),
        baselines=rig.baselines,
        models=rig.models,
        clock=rig.clock,
        owner=owner,
        max_future_skew=timedelta(minutes=5),
    )


def with_refused() -> Rig:
    """Two records of a model that nobody had configured, one cut, one that stays nonsense, one counted."""
    known = models()["churn"]
    rig = rig_of([message(i, START_MS + i, ref=replace(CHURN, name="late-comer")) for i in range(2)])
    rig.log.append(partition(), [b"[" * 70_000, b"{", message(9, START_MS + 9)])
    run_to_end(rig, rig.worker(dead_letters=NO_LIMIT))
    rig.models["late-comer"] = replace(known, name="late-comer", remember_ids=10)
    return rig


def test_a_replay_counts_what_can_be_counted_now_and_says_what_became_of_each() -> None:
    rig = with_refused()

    done = replay_of(rig).run(LetterQuery(), 100)

    assert [(one.letter.offset, one.fate.value) for one in done] == [
        (0, "counted"),
        (1, "counted"),
        (2, "kept_cut"),
        (3, "refused"),
    ]
    assert done[2].why == "only 16,384 of its 70,000 bytes were kept: send it again"
    assert done[3].why.startswith("malformed_json: ")
    (pane,) = SqlAccounts(rig.engine).accounts("late-comer", 0, 2**53)
    assert (pane.counted, pane.replayed, pane.refused) == (2, 2, {})


def test_a_second_replay_finds_only_what_still_waits() -> None:
    rig = with_refused()
    replay_of(rig).run(LetterQuery(), 100)

    again = replay_of(rig).run(LetterQuery(), 100)

    assert [one.letter.offset for one in again] == [2, 3]
    assert sum(rig.counted(replace(CHURN, name="late-comer")).values()) == 2


def test_a_replay_whose_answer_was_lost_is_not_counted_again() -> None:
    rig = with_refused()
    rig.store.after_effect = True
    flush = rig.store.flush

    def lost(flushes: list[Flush]) -> None:
        rig.store.refusals = 1
        flush(flushes)

    rig.store.flush = lost  # type: ignore[method-assign, assignment]
    with pytest.raises(StoreUnavailable):
        replay_of(rig).run(LetterQuery(), 100)
    rig.store.flush = flush  # type: ignore[method-assign]

    again = replay_of(rig).run(LetterQuery(), 100)

    assert [one.fate.value for one in again] == ["kept_cut", "refused"]
    assert sum(rig.counted(replace(CHURN, name="late-comer")).values()) == 2


def test_of_two_replays_at_once_one_is_fenced_as_a_whole() -> None:
    rig = with_refused()
    flush = rig.store.flush

    def overtaken(flushes: list[Flush]) -> None:
        rig.store.flush = flush  # type: ignore[method-assign]
        replay_of(rig, "another").run(LetterQuery(), 100)
        flush(flushes)

    rig.store.flush = overtaken  # type: ignore[method-assign, assignment]
    with pytest.raises(Fenced):
        replay_of(rig).run(LetterQuery(), 100)

    assert sum(rig.counted(replace(CHURN, name="late-comer")).values()) == 2


def test_a_replayed_message_that_is_out_of_retention_by_now_is_refused_with_that_reason() -> None:
    rig = with_refused()
    rig.log.append(partition(), [message(10, START_MS + 120 * MINUTE_MS)])
    run_to_end(rig, rig.worker(dead_letters=NO_LIMIT))

    done = replay_of(rig).run(LetterQuery(offset=0, partition=partition()), 100)

    assert [(one.fate.value, one.why.split(":")[0]) for one in done] == [("refused", "too_late")]


def test_a_replay_holds_no_window_back_and_moves_no_clock() -> None:
    rig = with_refused()
    before = closes_until_ms(rig.models["churn"], rig.reads.progress())

    replay_of(rig).run(LetterQuery(), 100)

    assert closes_until_ms(rig.models["churn"], rig.reads.progress()) == before
    assert before is not None
