"""Sequential detectors in the service: from records as they are read to findings, rules and alerts, each once."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Connection, Engine, select

from monitor.adapters.codec import JsonCodec
from monitor.adapters.memory.source import MemoryLog, MemorySource
from monitor.adapters.sql import ingest as sql_ingest
from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.evaluations import SqlEvaluationStore
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.sql.sequential import SqlAlarmStore, write_detectors
from monitor.adapters.sql.stores import SqlStores
from monitor.adapters.sql.tables import sequential_alarms, sequential_states
from monitor.domain.findings import EvaluationKind, Verdict
from monitor.domain.models import MonitoredModel, Segment
from monitor.domain.rules import CheckIsBad, Phase, Rule
from monitor.domain.sequential import DETECTORS, SequentialAlarm, SequentialSpec, parse_false_alarm_rate
from monitor.domain.stream import Flush
from monitor.domain.time import from_ms
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, NumericColumn
from monitor.stats.sequential import watcher
from monitor.stream.watches import recompute
from monitor.usecases.evaluate import Evaluate
from monitor.usecases.ingest import Ingest, IngestSettings
from monitor.usecases.judging import Judge
from monitor.usecases.sequential import judge_minute, minute_until
from tests.unit.usecases.ingest_rig import (
    CHURN,
    START_MS,
    TOPIC,
    Rig,
    ScriptedClock,
    models,
    partition,
    run_to_end,
)

ROOT = Path(__file__).parents[3]
RATE = parse_false_alarm_rate("1 per 100000 records")
N, CHANGE = 900, 700
WINDOW = minute_until(START_MS)
BEGAN_MS = START_MS + CHANGE * 100


def known_ages() -> NumericColumn:
    return NumericColumn(np.random.default_rng(0).normal(40, 10, 5_000))


@cache
def known() -> Baseline:
    return Baseline.build(CHURN, {"age": known_ages()})


def watched(*names: str) -> dict[str, MonitoredModel]:
    specs = tuple(SequentialSpec(name, "age", RATE) for name in names or DETECTORS)
    churn = models(ground_truth=None, segments=())["churn"]
    return {"churn": replace(churn, sequential=specs, remember_ids=1_000)}


def record(number: int, age: float | str | None, at_ms: int) -> bytes:
    return json.dumps(
        {
            "event_id": f"e{number}",
            "model": "churn",
            "model_version": "1",
            "event_time": at_ms,
            "features": {"age": age},
            "prediction": "yes",
        }
    ).encode()


def records(seed: int = 1, shift: float = 10.0) -> list[bytes | None]:
    """Ten a second, whose mean moves by one standard deviation; one in fifty has no number, some come twice."""
    chance = np.random.default_rng(seed)
    ages = chance.normal(40, 10, N) + np.where(np.arange(N) < CHANGE, 0.0, shift)
    made: list[bytes | None] = []
    for i, age in enumerate(ages.tolist()):
        made.append(record(10_000 * seed + i, None if i % 50 == 7 else age, START_MS + i * 100))
        if i % 40 == 11:
            made.append(made[-1])
        if i % 90 == 33:
            made.append(b"{")
    return made


def rig_of(*names: str, log: Sequence[bytes | None] | None = None) -> Rig:
    rig = Rig(models=watched(*names))
    rig.promote(known())
    rig.log.append(partition(), records() if log is None else log)
    return rig


def alarms_of(engine: Engine) -> list[SequentialAlarm]:
    return SqlAlarmStore(engine).unjudged(["churn"], 1_000)


def alarms_of_all(engine: Engine) -> list[SequentialAlarm]:
    return SqlAlarmStore(engine).raised("churn", 0, 1 << 53)


def stored(engine: Engine) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """Every byte of the states and of the alarms."""
    with engine.connect() as connection:
        states, alarms = (connection.execute(select(table)).all() for table in (sequential_states, sequential_alarms))
    return sorted(map(tuple, states)), sorted(tuple(row)[:-1] for row in alarms)


# --- from records to alarms


def test_every_detector_tells_of_a_change_within_120_records_and_when_it_began() -> None:
    rig = rig_of()

    run_to_end(rig, rig.worker())

    first = {one.spec.detector: one for one in reversed(alarms_of(rig.engine))}
    assert set(first) == set(DETECTORS)
    for alarm in first.values():
        assert BEGAN_MS <= alarm.at_ms <= BEGAN_MS + 12_000
        assert abs(alarm.since_ms - BEGAN_MS) <= 4_000
        assert abs(alarm.statistic) >= abs(alarm.threshold)
        assert alarm.run_length == 100_000
        assert alarm.skipped in range(14, 19), "one in fifty had no value"


def test_an_alarm_can_be_computed_again_from_what_is_stored_with_it() -> None:
    rig = rig_of()

    run_to_end(rig, rig.worker())

    baseline = known()
    for alarm in alarms_of(rig.engine):
        again = recompute(alarm, watcher(alarm.spec, baseline)[1])
        assert again is not None
        assert (again.statistic, again.threshold) == (alarm.statistic, alarm.threshold)
        assert again.since_ms == alarm.since_ms


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "-Infinity", '"many"', "null"])
def test_a_value_that_is_no_finite_number_is_left_out_and_told(bad: str) -> None:
    log: list[bytes | None] = []
    for number, line in enumerate(records()):
        log.append(line)
        if line is not None and number % 10 == 3 and line != b"{":
            log.append(record(90_000 + number, 0, START_MS).replace(b'"age": 0', f'"age": {bad}'.encode()))
    rig, without = rig_of("cusum", "adwin", log=log), rig_of("cusum", "adwin")

    for one in (rig, without):
        run_to_end(one, one.worker())

    mine, others = alarms_of(rig.engine), alarms_of(without.engine)
    assert [(a.key.name, a.statistic, a.at_ms, a.n) for a in mine] == [
        (a.key.name, a.statistic, a.at_ms, a.n) for a in others
    ]
    if bad not in {"NaN", "Infinity", "-Infinity"}:  # those make no JSON: the whole record is refused
        assert mine[0].skipped > others[0].skipped


def test_late_records_are_not_shown_to_a_detector() -> None:
    hour_ms = 3_600_000
    late = [record(50_000 + i, 500.0, START_MS) for i in range(300)]
    rig = rig_of("cusum", log=[*(record(i, 40.0, START_MS + hour_ms * 50 // 60) for i in range(20)), *late])

    run_to_end(rig, rig.worker())

    assert rig.counted()[0] == 300
    assert alarms_of(rig.engine) == []


def test_a_detector_begins_anew_against_a_new_baseline() -> None:
    """Of a version without a baseline of its own, which the model's newest is for."""
    later_ms, values = START_MS + 600_000, NumericColumn(np.random.default_rng(9).normal(60, 10, 5_000))
    moved = Baseline.build(replace(CHURN, version="2"), {"age": values})
    rig = Rig(models=watched("cusum"))
    rig.promote(Baseline.build(replace(CHURN, version="0"), {"age": known_ages()}))
    rig.promote(moved, from_ms=later_ms)
    rig.log.append(partition(), [record(i, 60.0, START_MS + i * 100) for i in range(40)])
    rig.log.append(partition(), [record(70_000 + i, 60.0, later_ms + i * 100) for i in range(300)])

    run_to_end(rig, rig.worker())

    assert len(alarms_of(rig.engine)) == 1
    with rig.engine.connect() as connection:
        assert moved.id.encode() in connection.execute(select(sequential_states.c.payload)).scalar_one()


def test_what_lasts_is_told_once_a_minute() -> None:
    lasting = [record(i, 70.0, START_MS + i * 100) for i in range(2_400)]
    rig = rig_of("cusum", "conformal", log=lasting)

    run_to_end(rig, rig.worker())

    times = [alarm.at_ms for alarm in alarms_of(rig.engine) if alarm.spec.detector == "cusum"]
    assert len(times) == 4
    assert all(60_000 <= later - earlier <= 62_000 for earlier, later in pairwise(times))


# --- categories and segments

LINE = ("", "pro", "basic")


def plans(n: int, pro: float, seed: int) -> list[str]:
    return ["pro" if one else "basic" for one in (np.random.default_rng(seed).random(n) < pro).tolist()]


def with_plans() -> Baseline:
    segments = tuple(Segment(name, "plan", name) for name in LINE[1:])
    return Baseline.build(
        CHURN, {"age": known_ages(), "plan": CategoricalColumn(plans(5_000, 0.2, 1))}, segments=segments
    )


def planned(number: int, age: float, plan: str | None) -> bytes:
    return record(number, age, START_MS + number * 100).replace(b'"age"', f'"plan": {json.dumps(plan)}, "age"'.encode())


def rig_with_plans(log: Sequence[bytes | None], *specs: SequentialSpec) -> Rig:
    segments = tuple(Segment(name, "plan", name) for name in LINE[1:])
    rig = Rig(models={"churn": replace(watched()["churn"], sequential=specs, segments=segments)})
    rig.promote(with_plans())
    rig.log.append(partition(), log)
    return rig


def test_a_categorical_column_is_watched_and_the_alarm_says_which_category_changed() -> None:
    chosen = [*plans(CHANGE, 0.2, 2), *plans(N, 0.6, 3)]
    log = [planned(i, 40.0, None if i % 50 == 7 else plan) for i, plan in enumerate(chosen)]
    rig = rig_with_plans(log, SequentialSpec("conformal", "plan", RATE), SequentialSpec("cusum", "plan", RATE))

    run_to_end(rig, rig.worker())

    first = alarms_of(rig.engine)[0]
    assert first.key.name == "conformal(plan)", "cusum needs numbers, and does not run"
    assert BEGAN_MS < first.at_ms < BEGAN_MS + 12_000
    assert first.what in {"more of 'pro'", "less of 'basic'"}
    assert first.skipped >= CHANGE // 50
    again = recompute(first, watcher(first.spec, with_plans())[1])
    assert again is not None
    assert (again.statistic, again.since_ms, again.what) == (first.statistic, first.since_ms, first.what)


def test_a_segment_is_watched_by_itself_with_its_part_of_the_run_length() -> None:
    """What moves in one fifth of the traffic is found there, and not yet in the whole."""
    chance, chosen = np.random.default_rng(4), plans(2 * N, 0.2, 5)
    log = [
        planned(i, chance.normal(52 if plan == "pro" and i > CHANGE else 40, 10), plan) for i, plan in enumerate(chosen)
    ]
    specs = [SequentialSpec("cusum", "age", RATE, segment=name, parts=len(LINE)) for name in LINE]
    rig = rig_with_plans(log[: CHANGE + 200], *specs)

    run_to_end(rig, rig.worker())
    report = evaluate(rig, replace(SUDDEN, when=CheckIsBad(test="cusum", segment="pro"))).run_once(rig.clock.now())

    found = alarms_of_all(rig.engine)
    assert {one.key.name for one in found} == {"cusum(age)[pro]"}
    share = with_plans().segments["pro"].n / 5_000
    assert found[0].run_length == pytest.approx(3 * 100_000 * share)
    assert found[0].n < 300, "it counts its own records"
    assert [t.after for t in report.transitions] == [Phase.FIRING]
    [told] = [
        one
        for one in SqlEvaluationStore(rig.engine).findings("churn", kind=EvaluationKind.SEQUENTIAL)
        if one.verdict is Verdict.DRIFTED
    ]
    assert told.check.name == "cusum(age)[pro]"
    assert "in the records of segment pro of log/0" in told.reason


def test_a_segment_that_the_baseline_does_not_know_is_no_ok() -> None:
    spec = SequentialSpec("cusum", "age", RATE, segment="gold", parts=2)

    judged = judge_minute(
        replace(watched()["churn"], sequential=(spec,)), CHURN, WINDOW, 0, (), with_plans(), from_ms(START_MS), "test"
    )

    assert judged.findings[0].verdict is Verdict.INSUFFICIENT_DATA
    assert "before the segment 'gold' was configured: build it again" in judged.findings[0].reason


# --- exactness


@pytest.mark.parametrize("poll", [5, 150, 100_000])
def test_the_same_bits_come_out_whatever_the_polls_and_however_often_the_worker_dies(poll: int) -> None:
    clean, rig = rig_of(), rig_of()
    run_to_end(clean, clean.worker())

    while not rig.progress() or rig.progress()[partition()].next_offset != len(records()):
        worker = rig.worker(MemorySource(rig.log, max_records=poll), flush_every=timedelta(0))
        for _ in range(90 if poll == 5 else 5):
            worker.step(0)  # then it is dropped without a word, with whatever it had not saved

    assert stored(rig.engine) == stored(clean.engine)
    assert len(alarms_of(rig.engine)) >= len(DETECTORS)


def test_a_store_that_fails_after_it_has_saved_tells_no_alarm_twice() -> None:
    clean, rig = rig_of(), rig_of()
    run_to_end(clean, clean.worker())
    rig.store.refusals, rig.store.after_effect = 3, True

    for _ in range(4):
        run_to_end(rig, rig.worker(MemorySource(rig.log, max_records=200)), 30)

    assert stored(rig.engine) == stored(clean.engine)


def _ingest(url: str) -> Ingest:
    engine = create_engine(url)
    migrate(engine)
    stores, log, made = SqlStores.of(engine), MemoryLog(), known()
    log.create(TOPIC, 2)
    for number in range(2):
        log.append(partition(number), records(number + 1))
    if not stores.baselines.timeline("churn"):
        stores.baselines.put(made.id, made.ref, made.to_bytes(), made.describe())
        stores.baselines.promote(made.ref, made.id, None, "test")
    return Ingest(
        MemorySource(log, max_records=200),
        stores.ingest,
        JsonCodec(),
        baselines=stores.baselines,
        models=watched(),
        clock=ScriptedClock(),
        settings=IngestSettings("me", flush_every=timedelta(0)),
    )


def _read_all(worker: Ingest) -> None:
    for _ in range(12):
        worker.step(0)
    worker.drain()


def live_until_killed(url: str) -> None:
    """The process that dies within its fifth save."""
    worker, saves = _ingest(url), 0

    def die_within(connection: Connection, flushes: Sequence[Flush]) -> None:
        nonlocal saves
        saves += 1
        write_detectors(connection, flushes)
        if saves == 5:
            os.kill(os.getpid(), signal.SIGKILL)

    sql_ingest.write_detectors = die_within  # type: ignore[attr-defined]
    _read_all(worker)


def test_a_process_that_is_killed_at_a_save_tells_every_alarm_once_bit_for_bit(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path / name}.db" for name in ("clean", "killed")]
    _read_all(_ingest(urls[0]))
    code = f"from tests.unit.usecases.test_sequential import live_until_killed as f; f({urls[1]!r})"

    died = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)
    _read_all(_ingest(urls[1]))

    clean, killed = (stored(create_engine(url)) for url in urls)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert killed == clean
    assert len(clean[1]) >= 2 * len(DETECTORS)


# --- from alarms to alerts


def evaluate(rig: Rig, *rules: Rule) -> Evaluate:
    store = SqlEvaluationStore(rig.engine)
    judge = Judge({}, {}, rig.reads, rig.baselines, "test", findings=store)
    return Evaluate(rig.models, rules, judge, rig.reads, store, alarms=SqlAlarmStore(rig.engine))


SUDDEN = Rule("sudden", CheckIsBad(test="cusum"), keep=timedelta(minutes=5))


def test_a_rule_fires_at_the_next_knock_long_before_the_window_closes() -> None:
    rig = rig_of("cusum", "kswin")
    run_to_end(rig, rig.worker())

    report = evaluate(rig, SUDDEN).run_once(rig.clock.now())

    assert [(t.subject.rule, t.after) for t in report.transitions] == [("sudden", Phase.FIRING)]
    found = SqlEvaluationStore(rig.engine).findings("churn", kind=EvaluationKind.SEQUENTIAL)
    assert {(f.check.name, f.verdict) for f in found if f.window.start == found[0].window.start} == {
        ("cusum(age)", Verdict.DRIFTED),
        ("kswin(age)", Verdict.DRIFTED),
    }
    told = next(f for f in found if f.check.test == "cusum")
    assert told.reason.startswith("age has changed since about 2026-11-01T08:01:")
    assert "one false alarm in about 100,000 records is expected; the detector has begun anew" in told.reason
    assert told.result is not None
    assert told.evidence.baseline_id == known().id


def test_of_two_detectors_in_one_minute_the_second_moves_its_rule_though_the_first_was_judged_before() -> None:
    rig = rig_of("cusum", "kswin")
    run_to_end(rig, rig.worker(MemorySource(rig.log, max_records=780), flush_every=timedelta(0)), 2)
    both = evaluate(rig, SUDDEN, replace(SUDDEN, name="shape", when=CheckIsBad(test="kswin")))
    first = both.run_once(rig.clock.now()).transitions
    run_to_end(rig, rig.worker())

    second = both.run_once(rig.clock.now()).transitions

    assert [(t.subject.rule, t.after) for t in first] == [("sudden", Phase.FIRING)]
    assert [(t.subject.rule, t.after) for t in second] == [("shape", Phase.FIRING)]
    assert first[0].window == second[0].window


def test_a_detector_that_cannot_run_has_too_little_data_and_is_not_ok() -> None:
    model = replace(watched()["churn"], sequential=(SequentialSpec("kswin", "income", RATE),))

    judged = judge_minute(model, CHURN, WINDOW, 0, (), known(), from_ms(START_MS), "test")

    [finding] = judged.findings
    assert finding.verdict is Verdict.INSUFFICIENT_DATA
    assert "no column 'income'; there are: age" in finding.reason


def test_an_alarm_is_judged_once_however_often_the_clock_knocks() -> None:
    rig = rig_of("cusum")
    run_to_end(rig, rig.worker())
    once = evaluate(rig, SUDDEN)
    once.run_once(rig.clock.now())

    reports = [once.run_once(rig.clock.now()), evaluate(rig, SUDDEN).run_once(rig.clock.now())]

    assert [report.transitions for report in reports] == [[], []]
    assert alarms_of(rig.engine) == []


def test_alarms_of_a_model_that_is_judged_elsewhere_are_left_to_whom_it_belongs() -> None:
    rig = rig_of("cusum")
    run_to_end(rig, rig.worker())
    own, raised = evaluate(rig, SUDDEN), alarms_of(rig.engine)
    rig.models = {"fraud": replace(rig.models["churn"], name="fraud")}

    evaluate(rig).run_once(rig.clock.now())

    assert raised
    assert alarms_of(rig.engine) == raised
    assert own.run_once(rig.clock.now()).transitions


def test_alarms_of_another_partition_in_the_same_minute_are_told_in_a_new_revision() -> None:
    rig = Rig(partitions=2, models=watched("cusum"))
    rig.promote(known())
    rig.log.append(partition(0), records(1))
    run_to_end(rig, rig.worker())
    both = evaluate(rig, SUDDEN)
    both.run_once(rig.clock.now())
    rig.log.append(partition(1), records(2))
    run_to_end(rig, rig.worker())

    both.run_once(rig.clock.now())

    found = SqlEvaluationStore(rig.engine).findings("churn", kind=EvaluationKind.SEQUENTIAL)
    first = next(f for f in found if f.verdict is Verdict.DRIFTED)
    assert first.revision == 1
    assert len(first.evidence.offsets) == 2


def test_the_rule_is_over_when_event_time_has_passed_without_another_alarm() -> None:
    rig = rig_of("adwin", log=records(shift=15))
    rule = replace(SUDDEN, when=CheckIsBad(test="adwin"))
    run_to_end(rig, rig.worker())
    judged = evaluate(rig, rule)
    fired = judged.run_once(rig.clock.now()).transitions

    chance, phases = np.random.default_rng(3), [one.after for one in fired]
    for minute in range(2, 14):
        at_ms = START_MS + minute * 60_000
        rig.log.append(
            partition(), [record(20_000 + 100 * minute + i, chance.normal(55, 10), at_ms) for i in range(50)]
        )
        run_to_end(rig, rig.worker(), 3)
        phases += [one.after for one in judged.run_once(rig.clock.now()).transitions]

    assert phases == [Phase.FIRING, Phase.RECOVERING, Phase.INACTIVE]


def test_a_version_that_does_not_serve_moves_no_rule() -> None:
    rig = rig_of("cusum")
    challenger = replace(CHURN, version="2")
    made = Baseline.build(challenger, {"age": known_ages()})
    rig.promote(made)
    shadow = [line.replace(b'"model_version": "1"', b'"model_version": "2"') for line in records(5)[:1] if line]
    few = [
        record(80_000 + i, 90.0, BEGAN_MS).replace(b'"model_version": "1"', b'"model_version": "2"') for i in range(60)
    ]
    rig.log = MemoryLog()
    rig.log.create(TOPIC, 1)
    rig.log.append(partition(), [*records(shift=0.0), *shadow, *few])
    run_to_end(rig, rig.worker())

    report = evaluate(rig, SUDDEN).run_once(from_ms(START_MS))

    assert report.transitions == []
    found = SqlEvaluationStore(rig.engine).findings("churn", kind=EvaluationKind.SEQUENTIAL)
    assert {f.model.version for f in found if f.verdict is Verdict.DRIFTED} == {"2"}
