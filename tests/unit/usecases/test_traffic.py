"""No data, low volume and a reader that has fallen behind are answers of their own, and reach people by rules."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.stores import SqlStores
from monitor.adapters.sql.tables import metadata
from monitor.domain.evaluation import Evaluation
from monitor.domain.findings import EvaluationKind, Finding, Verdict
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.rules import CheckIsBad, Rule, Severity
from monitor.domain.stream import REPLAY_PREFIX, Claim, PartitionProgress, Share, TopicKind
from monitor.domain.time import to_ms
from monitor.domain.windows import WindowSpec
from monitor.schedule.staleness import stalest
from monitor.schedule.traffic import Usual, earlier_spans, usual
from monitor.stream.timeline import Promotion
from monitor.testing.stores.samples import FIRST, HOUR, MODEL, SECOND, START, flush, share, window
from monitor.usecases import judging, window_content
from monitor.usecases.evaluate import Evaluate
from monitor.usecases.judging import Judge
from monitor.usecases.watching import watch

WEEK_HOURS = 7 * 24
MINUTE = timedelta(minutes=1)
CHURN = MonitoredModel("churn", WindowSpec(HOUR, HOUR), MINUTE, HOUR, low_volume=0.5)
STALE = Rule("not-read", CheckIsBad(test="staleness"), Severity.CRITICAL, hold=2 * MINUTE)


class Rig:
    """A database with one partition, whose panes hold as many records as told."""

    def __init__(self) -> None:
        engine = create_engine("sqlite://")
        metadata.create_all(engine)  # what the migrations make, in less time
        self.stores = SqlStores.of(engine)
        self.claim: Claim = self.stores.ingest.claim(FIRST, TopicKind.INFERENCE, "me")

    def fill(self, counts: dict[int, int], ref: ModelRef = MODEL) -> None:
        """Records by hour since START."""
        self.claim = self.stores.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        upto = (self.claim.next_offset or 0) + 1
        self.stores.ingest.flush(
            [flush(self.claim, upto, [share(self.claim, n, at, ref=ref) for at, n in counts.items()])]
        )

    def judge(self, n: int, hours: int = 0, model: MonitoredModel = CHURN) -> dict[str, Finding]:
        judge = Judge({}, {}, self.stores.windows, self.stores.baselines, "test", accounts=self.stores.accounts)
        evaluation = Evaluation(MODEL, window(hours), EvaluationKind.DRIFT, 0, n)
        found = judge.judge(model, evaluation, judge.read([(model, evaluation)]), START)
        return {finding.check.test: finding for finding in found.findings}


def weeks(*counts: int) -> dict[int, int]:
    """The same hour of the weeks before, the newest first."""
    return {-WEEK_HOURS * (week + 1): n for week, n in enumerate(counts)}


def test_far_fewer_records_than_in_the_same_hour_of_the_weeks_before_are_low_volume() -> None:
    rig = Rig()
    rig.fill({**weeks(1_000, 900, 1_100), 0: 240})

    found = rig.judge(240)["volume"]

    assert found.verdict is Verdict.LOW_VOLUME
    assert found.verdict.is_bad
    assert found.reason == (
        "240 records came, 24% of the 1,000 that are usual at this hour of the week (median of 3 weeks); "
        "low volume is below 50%"
    )


@pytest.mark.parametrize("n", [600, 1_000, 5_000])
def test_about_as_many_records_as_usual_are_ok(n: int) -> None:
    rig = Rig()
    rig.fill({**weeks(1_000, 900, 1_100), 0: n})

    assert rig.judge(n)["volume"].verdict is Verdict.OK


def test_another_hour_of_the_week_says_nothing_about_this_one() -> None:
    rig = Rig()
    rig.fill({-WEEK_HOURS * k + 5: 1_000 for k in range(1, 5)} | {0: 10, -WEEK_HOURS * 5: 10})

    assert rig.judge(10)["volume"].reason.startswith("10 records came, 100% of the 0 that are usual")


def test_the_traffic_of_all_versions_counts_together() -> None:
    rig = Rig()
    rig.fill({**weeks(1_000, 1_000), 0: 100})
    rig.fill({0: 900}, ref=ModelRef("churn", "4"))

    assert rig.judge(100)["volume"].verdict is Verdict.OK


def test_a_model_of_less_than_two_weeks_has_nothing_that_is_usual() -> None:
    rig = Rig()
    rig.fill({**weeks(1_000), 0: 10})

    assert "volume" not in rig.judge(10)


def test_an_empty_window_is_no_data_unless_these_hours_are_always_empty() -> None:
    busy, quiet = Rig(), Rig()
    busy.fill(weeks(1_000, 1_000, 1_000))
    quiet.fill({-WEEK_HOURS * 4: 5, 1: 5})

    fault, rest = busy.judge(0)["silence"], quiet.judge(0)["silence"]

    assert (fault.verdict, rest.verdict) == (Verdict.NO_DATA, Verdict.OK)
    assert rest.reason == "no record came, and none usually does at this hour of the week (of 4 weeks)"
    assert "volume" not in busy.judge(0)


def test_small_numbers_are_not_low_by_chance() -> None:
    assert not Usual(9.0, 4).is_low(2, 0.5)
    assert Usual(100.0, 4).is_low(20, 0.5)


def test_windows_shorter_than_an_hour_are_compared_with_their_part_of_the_hour() -> None:
    quarter = WindowSpec(timedelta(minutes=15), timedelta(minutes=15)).starting(to_ms(START) + 15 * 60_000)

    (first, *_), expected = earlier_spans(quarter), usual(quarter, [400, 400])

    assert first == (to_ms(START) - WEEK_HOURS * 3_600_000, to_ms(START) - (WEEK_HOURS - 1) * 3_600_000)
    assert expected == Usual(100.0, 2)


# --- the reader itself


def progress(
    watermark: datetime | None, seen: datetime | None, topic: str = "inference", kind: TopicKind = TopicKind.INFERENCE
) -> PartitionProgress:
    at_ms, seen_ms = (None if one is None else to_ms(one) for one in (watermark, seen))
    return PartitionProgress(replace(FIRST, topic=topic), kind, 1, "me", 10, at_ms, 15, 0, seen_ms)


def test_a_partition_is_as_stale_as_the_newest_thing_that_is_known_of_it() -> None:
    now = START + HOUR
    read_now, watched_now = progress(now, None), progress(START, now - MINUTE)
    dead = progress(now - 30 * MINUTE, now - 20 * MINUTE)
    others = [
        progress(START, START, kind=TopicKind.GROUND_TRUTH),
        progress(START, START, REPLAY_PREFIX + "inference"),
        progress(None, None),
    ]

    assert stalest([read_now, watched_now, *others], to_ms(now)) == (watched_now, 60_000)
    assert stalest([read_now, watched_now, dead], to_ms(now)) == (dead, 20 * 60_000)
    assert stalest(others, to_ms(now)) is None


def test_a_reader_that_is_stuck_fires_its_rule_by_the_clock_and_resolves_it_when_it_reads_again() -> None:
    rig = Rig()
    watched = replace(CHURN, stale_after=10 * MINUTE)
    judge = Judge({}, {}, rig.stores.windows, rig.stores.baselines, "test", accounts=rig.stores.accounts)
    evaluate = Evaluate({"churn": watched}, [STALE], judge, rig.stores.windows, rig.stores.evaluations)
    rig.stores.ingest.flush([flush(rig.claim, 10, watermark_ms=to_ms(START))])

    for minutes in range(16):
        for second in (0, 30):
            evaluate.run_once(START + timedelta(minutes=minutes, seconds=second))
    rig.stores.ingest.heartbeat(rig.claim, to_ms(START + 16 * MINUTE), 10)
    evaluate.run_once(START + 16 * MINUTE)

    stale = [f for f in rig.stores.evaluations.findings("churn", kind=EvaluationKind.STREAM) if f.verdict.is_bad]
    moves = [(t.before.value, t.after.value) for t in rig.stores.evaluations.transitions("churn")]
    events = [(e.ends_at is not None, e.annotations["description"]) for _, e in rig.stores.outbox.pending(99)]
    assert len(stale) == 6  # one a minute, from the tenth on
    assert stale[0].reason == "inference/0 was last read up to 10m ago"
    assert moves == [("inactive", "pending"), ("pending", "firing"), ("firing", "inactive")]
    assert [is_over for is_over, _ in events] == [False] * 4 + [True]
    assert events[0][1].startswith("The records of churn, from 2026-11-01T10:11:00Z to 2026-11-01T10:12:00Z")


def test_a_reader_that_has_too_much_before_it_is_found_out_while_it_reads() -> None:
    now = START + HOUR
    partitions = [progress(now, now), replace(progress(now, None), highwater=5_010, partition=SECOND)]

    (found,) = watch(replace(CHURN, max_lag=5_000), partitions, now, "test")
    (fine,) = watch(replace(CHURN, max_lag=5_001), partitions, now, "test")

    assert (found.check.name, found.verdict, fine.verdict) == ("lag(records)", Verdict.DEGRADED, Verdict.OK)
    assert found.reason == "5,000 records of inference/1 wait to be read"


def test_minutes_of_the_reader_do_not_hide_windows_that_wait_to_be_judged() -> None:
    rig = Rig()
    watched = replace(CHURN, stale_after=10 * MINUTE)
    judge = Judge({}, {}, rig.stores.windows, rig.stores.baselines, "test", accounts=rig.stores.accounts)
    evaluate = Evaluate({"churn": watched}, [STALE], judge, rig.stores.windows, rig.stores.evaluations)
    rig.stores.ingest.flush([flush(rig.claim, 10, [share(rig.claim, 10)], watermark_ms=to_ms(START))])
    evaluate.run_once(START + 100 * HOUR)

    later = flush(rig.claim, 20, old_offset=10, watermark_ms=to_ms(START + 2 * HOUR))
    rig.stores.ingest.flush([later])
    evaluate.run_once(START + 101 * HOUR)

    judged = {f.window for f in rig.stores.evaluations.findings("churn", kind=EvaluationKind.DRIFT)}
    assert judged == {window(0)}


def test_a_model_whose_stored_profiles_are_torn_is_failed_and_the_others_are_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig, other = Rig(), ModelRef("fraud", "1")
    judge = Judge({}, {}, rig.stores.windows, rig.stores.baselines, "test")
    models = {"churn": CHURN, "fraud": replace(CHURN, name="fraud")}
    evaluate = Evaluate(models, [], judge, rig.stores.windows, rig.stores.evaluations)
    rig.stores.ingest.flush(
        [
            flush(
                rig.claim,
                10,
                [share(rig.claim, 10), share(rig.claim, 7, ref=other)],
                watermark_ms=to_ms(START + 2 * HOUR),
            )
        ]
    )
    baseline_of = window_content.compared_with

    def torn(shares: Sequence[Share], timeline: Sequence[Promotion]) -> str | None:
        if any(one.key.model == "churn" for one in shares):
            raise ZeroDivisionError("torn")
        return baseline_of(shares, timeline)

    monkeypatch.setattr(judging, "compared_with", torn)

    evaluate.run_once(START + 3 * HOUR)

    failed = {f.reason for f in rig.stores.evaluations.findings("churn") if f.verdict is Verdict.FAILED}
    assert failed == {"the checks cannot be run: ZeroDivisionError: torn"}
    assert {f.window for f in rig.stores.evaluations.findings("fraud")} == {window(0)}


def test_a_model_that_does_not_ask_is_not_watched() -> None:
    rig = Rig()
    judge = Judge({}, {}, rig.stores.windows, rig.stores.baselines, "test")
    evaluate = Evaluate({"churn": CHURN}, [STALE], judge, rig.stores.windows, rig.stores.evaluations)
    rig.stores.ingest.flush([flush(rig.claim, 10, watermark_ms=to_ms(START))])

    evaluate.run_once(START + 100 * HOUR)

    assert rig.stores.evaluations.findings("churn") == []
