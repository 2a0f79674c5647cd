"""The evaluation on real stores: what is judged, what is folded, and that nothing is done twice or lost."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import ClassVar

import numpy as np
import pytest
from sqlalchemy import event

from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.evaluations import SqlEvaluationStore
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.sql.stores import SqlStores
from monitor.domain.checks import Aspect, CheckSpec, Threshold
from monitor.domain.evaluation import EvaluationCommit
from monitor.domain.findings import EvaluationKind, Finding, TestResult, Verdict
from monitor.domain.models import GroundTruthPolicy, ModelRef, MonitoredModel, Segment, Task
from monitor.domain.partitions import PartitionId
from monitor.domain.records import Prediction, Truth
from monitor.domain.rules import AllOf, CheckIsBad, Phase, Rule, ShareDrifted, Subject
from monitor.domain.stream import Claim, Flush, Share, ShareKey, TopicKind
from monitor.domain.time import to_ms
from monitor.domain.windows import Window, WindowSpec
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stats.drift import DRIFT_TESTS
from monitor.stats.performance import PERFORMANCE_METRICS
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.model import ModelProfile
from monitor.usecases.borrowed_predictions import BorrowedPredictions
from monitor.usecases.evaluate import Evaluate
from monitor.usecases.judging import Judge
from monitor.usecases.retire import RetireRules

START = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOW = START + 1000 * HOUR
MODEL = MonitoredModel("churn", WindowSpec(HOUR, HOUR), timedelta(0), 48 * HOUR, checks=(CheckSpec("psi"),))
MODEL = replace(MODEL, propose_checks=False)
DRIFT = Rule("drift", ShareDrifted(above=0.4))
ROWS = 500


def rows(seed: int, shift: float = 0.0, n: int = ROWS) -> dict[str, Column]:
    random = np.random.default_rng(seed)
    country = CategoricalColumn([str(c) for c in random.choice(["DE", "FR"], n)])
    return {"amount": NumericColumn(random.normal(50 + 10 * shift, 10, n)), "country": country}


def baseline(version: str = "1", segments: Sequence[Segment] = ()) -> Baseline:
    return Baseline.build(ModelRef("churn", version), rows(99, n=5_000), "made", segments=segments)


@dataclass(frozen=True, slots=True)
class Breaks:
    """A plug-in with a mistake in it."""

    name: ClassVar[str] = "breaks"
    title: ClassVar[str] = "Breaks"
    unit: ClassVar[str] = "none"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 1.0
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.BINS})
    default_threshold: ClassVar[Threshold] = Threshold(1.0)

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        raise ZeroDivisionError("a mistake in a plug-in")


@dataclass(frozen=True, slots=True)
class BreaksToo:
    """A metric with a mistake in it."""

    name: ClassVar[str] = "breaks_too"
    title: ClassVar[str] = "Breaks, too"
    unit: ClassVar[str] = "none"
    tasks: ClassVar[frozenset[Task]] = frozenset({Task.BINARY})
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None

    def run(self, judged: object, positive: str | None) -> TestResult | None:
        raise ZeroDivisionError("a mistake in a plug-in")


@dataclass
class Rig:
    """Stores with one partition, filled hour by hour as a worker would."""

    models: Mapping[str, MonitoredModel] = field(default_factory=lambda: {"churn": MODEL})
    rules: Sequence[Rule] = (DRIFT,)
    link: Callable[[str, Window], str | None] = lambda _model, _window: None

    def __post_init__(self) -> None:
        self.engine = create_engine("sqlite://")
        migrate(self.engine)
        self.stores = SqlStores.of(self.engine)
        self.partition, self.offset = PartitionId("log", 0), 0
        self.baselines: dict[str, Baseline] = {}
        self.claim: Claim = self.stores.ingest.claim(self.partition, TopicKind.MIXED, "worker")
        self.evaluate = self.another()

    def another(self) -> Evaluate:
        """A process of its own on the same database."""
        tests = {**DRIFT_TESTS, "breaks": Breaks()}
        metrics = {**PERFORMANCE_METRICS, "breaks_too": BreaksToo()}
        before = self.stores.evaluations
        lenders = {model.name: model.recorded_as for model in self.models.values() if model.predictions_of}
        windows = BorrowedPredictions(self.stores.windows, lenders)
        judge = Judge(tests, metrics, windows, self.stores.baselines, "test", findings=before)
        store, jobs = self.stores.evaluations, self.stores.jobs
        return Evaluate(self.models, self.rules, judge, windows, store, link=self.link, jobs=jobs)

    def promote(self, built: Baseline) -> Baseline:
        self.stores.baselines.put(built.id, built.ref, built.to_bytes(), built.describe())
        self.stores.baselines.promote(built.ref, built.id, None, "first")
        self.baselines[built.ref.version] = built
        return built

    def hour(
        self,
        number: int,
        columns: Mapping[str, Column],
        *,
        version: str = "1",
        model: str = "churn",
        segment: str = "",
    ) -> None:
        """Another part of an hour's records: the share of an epoch of its own, as after a restart."""
        self.claim = self.stores.ingest.claim(self.partition, TopicKind.MIXED, "worker")
        built = self.baselines.get(version)
        n = len(next(iter(columns.values())))
        profile = ModelProfile.empty(built.layouts) if built else None
        if profile is not None:
            profile.update(columns, n)
        start_ms = to_ms(START + number * HOUR)
        key = ShareKey(model, version, segment, start_ms, built.id if built else "", self.partition, self.claim.epoch)
        payload = profile.to_bytes() if profile is not None else b""
        self.flush(number + 1, n, shares=[Share(key, n, 0, self.offset, self.offset + n, payload)])

    def flush(self, hours: float, n: int, **content: object) -> None:
        watermark_ms = max(to_ms(START + hours * HOUR), self.claim.watermark_ms or 0)
        old = self.claim.next_offset if self.claim.next_offset is not None else None
        flush = Flush(
            self.claim, TopicKind.MIXED, old, self.offset + n, watermark_ms, self.offset + n + 1, to_ms(NOW), **content,  # type: ignore[arg-type]
        )  # fmt: skip
        self.stores.ingest.flush([flush])
        self.offset += n

    def run(self) -> list[Finding]:
        self.evaluate.run_once(NOW)
        return self.findings()

    def findings(self, test: str = "", model: str = "churn") -> list[Finding]:
        found = self.stores.evaluations.findings(model)
        return [f for f in found if not test or f.check.test == test]

    def phases(self) -> list[tuple[int, str]]:
        """(hours after the start, phase) of every transition."""
        found = self.stores.evaluations.transitions("churn")
        return [((t.at - START) // HOUR, t.after.value) for t in found]


def started(**changes: object) -> Rig:
    rig = Rig(**changes)  # type: ignore[arg-type]
    rig.promote(baseline())
    return rig


def test_a_window_is_judged_with_evidence_of_what_it_rests_on() -> None:
    rig = started()
    rig.hour(0, rows(1))
    rig.hour(0, rows(2))

    findings = [f for f in rig.run() if f.check.test == "psi"]

    (built,) = rig.baselines.values()
    assert [f.check.name for f in findings] == ["psi(amount)", "psi(country)"]
    assert {f.verdict for f in findings} == {Verdict.OK}
    assert {f.result.n_current for f in findings if f.result} == {2 * ROWS}
    assert findings[0].evidence.baseline_id == built.id
    assert findings[0].evidence.offsets == {"log/0": (0, 2 * ROWS)}
    assert findings[0].coverage == 1.0


def test_the_digest_of_a_window_does_not_depend_on_how_its_records_were_shared_out() -> None:
    one, two = started(), started()
    whole = rows(1)
    half = np.arange(ROWS // 2)
    one.hour(0, whole)
    two.hour(0, {name: column.take(half) for name, column in whole.items()})
    two.hour(0, {name: column.take(half + ROWS // 2) for name, column in whole.items()})

    digests = {f.evidence.shares_digest for rig in (one, two) for f in rig.run() if f.check.test == "psi"}

    assert len(digests) == 1


def test_asking_again_judges_nothing_again_in_this_process_or_another() -> None:
    rig = started()
    for hour in range(3):
        rig.hour(hour, rows(hour, shift=2.0))
    rig.run()
    before = (rig.findings(), rig.phases(), rig.stores.outbox.pending(100))

    again = [rig.evaluate.run_once(NOW).windows, rig.another().run_once(NOW).windows]

    assert again == [0, 0]
    assert (rig.findings(), rig.phases(), rig.stores.outbox.pending(100)) == before


def test_an_alert_starts_is_refreshed_for_every_window_and_ends() -> None:
    rig = started(rules=[replace(DRIFT, retrain=True, labels={"team": "risk"})])
    for hour, shift in enumerate([0.0, 2.0, 3.0, 0.0]):
        rig.hour(hour, rows(hour, shift))
    rig.run()

    events = [event for _, event in rig.stores.outbox.pending(100)]
    requests = [request for _, request in rig.stores.jobs.pending_requests(10)]

    assert rig.phases() == [(2, "firing"), (4, "inactive")]
    assert [(e.starts_at, e.ends_at) for e in events] == [
        (START + 2 * HOUR, None),
        (START + 2 * HOUR, None),
        (START + 2 * HOUR, START + 4 * HOUR),
    ]
    assert len({tuple(sorted(e.labels.items())) for e in events}) == 1
    assert events[0].labels["team"] == "risk"
    assert events[0].annotations["window"] != events[1].annotations["window"]
    assert [chart.title for chart in events[0].charts] == ["amount"]
    assert [(r.rule, r.at) for r in requests] == [("drift", START + 2 * HOUR)]


def test_where_to_read_of_a_window_is_worked_out_only_when_somebody_is_told_of_it() -> None:
    asked: list[datetime] = []
    rig = started(link=lambda _model, window: asked.append(window.end))
    for hour, shift in enumerate([0.0, 2.0, 3.0, 0.0, 0.0]):
        rig.hour(hour, rows(hour, shift))

    rig.run()

    assert len(rig.stores.outbox.pending(100)) == len(asked)
    assert asked == [START + hours * HOUR for hours in (2, 3, 4)]


def test_the_alert_of_a_rule_that_is_taken_out_while_it_fires_ends_under_the_labels_it_was_told_with() -> None:
    rig = started(rules=[replace(DRIFT, labels={"team": "risk"})])
    for hour in range(3):
        rig.hour(hour, rows(hour, shift=3.0))
    rig.run()
    told = [event for _, event in rig.stores.outbox.pending(100)]

    RetireRules(rig.models, [], rig.stores.evaluations).run_once()

    over = [event for _, event in rig.stores.outbox.pending(100)][len(told) :]
    assert [(event.labels, event.starts_at, event.ends_at) for event in over] == [
        (told[-1].labels, told[-1].starts_at, START + 3 * HOUR)
    ]
    assert rig.phases() == [(1, "firing"), (3, "inactive")]


def test_rules_follow_the_version_that_serves_and_the_others_are_recorded() -> None:
    rig = started()
    rig.promote(baseline("2"))
    rig.hour(0, rows(1))
    rig.hour(0, rows(2, shift=3.0, n=100), version="2")
    rig.run()

    drifted = {(f.model.version, f.check.column) for f in rig.findings("psi") if f.verdict is Verdict.DRIFTED}

    assert drifted == {("2", "amount")}
    assert rig.phases() == []


def test_a_window_without_baseline_says_how_to_make_one() -> None:
    rig = Rig()
    rig.hour(0, rows(1))

    (finding,) = [f for f in rig.run() if f.check.test == "baseline"]

    assert finding.verdict is Verdict.INSUFFICIENT_DATA
    assert "driftline baseline build --model churn --version 1" in finding.reason


def test_records_on_other_bins_are_left_out_and_lower_the_coverage() -> None:
    rig = started()
    rig.hour(0, rows(1, n=300))
    newer = Baseline.build(ModelRef("churn", "2"), rows(98, n=4_000), "made")
    rig.promote(newer)
    rig.baselines["1"] = newer  # from here on the worker counts version 1 on the newer bins
    rig.hour(0, rows(2, n=100))

    findings = [f for f in rig.run() if f.check.test == "psi"]

    assert {f.evidence.baseline_id for f in findings} == {newer.id}
    assert {f.coverage for f in findings} == {0.25}


def test_a_test_that_breaks_is_a_failed_finding_and_harms_no_other() -> None:
    rig = started(models={"churn": replace(MODEL, checks=(CheckSpec("breaks", ("amount",)), CheckSpec("psi")))})
    rig.hour(0, rows(1))

    verdicts = {f.check.name: f.verdict for f in rig.run()}

    assert verdicts["breaks(amount)"] is Verdict.FAILED
    assert verdicts["psi(amount)"] is Verdict.OK


def test_checks_that_do_not_fit_the_baseline_are_a_failed_finding_and_harm_no_other_model() -> None:
    wrong = replace(MODEL, name="aaa", checks=(CheckSpec("psi", ("colour",)),))
    rig = started(models={"aaa": wrong, "churn": MODEL})
    other = Baseline.build(ModelRef("aaa", "1"), rows(99, n=5_000), "made")
    rig.stores.baselines.put(other.id, other.ref, other.to_bytes(), other.describe())
    rig.stores.baselines.promote(other.ref, other.id, None, "first")
    mine, rig.baselines = rig.baselines, {"1": other}
    rig.hour(0, rows(1), model="aaa")
    rig.baselines = mine
    rig.hour(0, rows(1))

    rig.run()

    (failed,) = [f for f in rig.stores.evaluations.findings("aaa") if f.verdict is Verdict.FAILED]
    assert "has no column 'colour'" in failed.reason
    assert {f.verdict for f in rig.findings("psi")} == {Verdict.OK}


def test_late_records_are_a_new_revision_and_tell_nobody() -> None:
    rig = started()
    for hour in range(3):
        rig.hour(hour, rows(hour))
    rig.run()

    rig.hour(0, rows(7, shift=5.0))
    revised = [f for f in rig.run() if f.revision == 1]

    assert {f.window.start for f in revised} == {START}
    assert Verdict.DRIFTED in {f.verdict for f in revised}
    assert rig.phases() == []


def test_records_of_a_stream_whose_windows_the_clock_has_closed_are_judged_in_their_own_time() -> None:
    quiet = replace(MODEL, silence_after=HOUR)
    rig = started(models={"churn": quiet})
    rig.hour(0, rows(1))
    rig.stores.ingest.heartbeat(rig.claim, to_ms(NOW), rig.offset)
    rig.run()

    rig.hour(1, rows(2, shift=3.0))
    rig.hour(0, rows(3))
    rig.stores.ingest.heartbeat(rig.claim, to_ms(NOW), rig.offset)
    judged = {(f.window.start, f.revision): f.verdict for f in rig.run() if f.check.name == "psi(amount)"}

    assert judged[START, 1] is Verdict.OK
    assert judged[START + HOUR, 0] is Verdict.DRIFTED
    assert rig.another().run_once(NOW).windows == 0


def test_late_records_are_looked_for_though_the_clock_was_set_back_since() -> None:
    rig = started()
    for hour in range(3):
        rig.hour(hour, rows(hour))
    rig.run()
    rig.hour(0, rows(7, shift=5.0))

    judged = rig.evaluate.run_once(NOW - 10 * HOUR).windows

    assert judged == 1


def test_late_records_inside_the_hold_time_count_for_the_rule() -> None:
    rig = started(rules=[replace(DRIFT, hold=2 * HOUR)])
    for hour, shift in enumerate([0.0, 3.0, 0.0, 3.0]):
        rig.hour(hour, rows(hour, shift))
    rig.run()
    before = rig.phases()

    rig.hour(2, rows(7, shift=8.0, n=3 * ROWS))
    rig.run()

    assert before == [(2, "pending"), (3, "inactive"), (4, "pending")]
    assert rig.phases() == [*before, (4, "firing")]
    assert len(rig.stores.outbox.pending(10)) == 1


def truth_rig(metric: str = "accuracy", when: Callable[[], Rule] | None = None) -> Rig:
    policy = GroundTruthPolicy(wait=4 * HOUR, min_coverage=0.9, horizon=24 * HOUR)
    check = CheckSpec(metric, ("ground_truth",), threshold=Threshold(0.7, below=True))
    model = replace(MODEL, task=Task.BINARY, ground_truth=policy, checks=(CheckSpec("psi"), check), min_records=50)
    rule = when() if when else Rule("quality", CheckIsBad(test=metric))
    return started(models={"churn": model}, rules=[rule])


def predict(rig: Rig, number: int, n: int = 100, shift: float = 0.0) -> None:
    at_ms = to_ms(START + number * HOUR)
    predictions = [Prediction("churn", "1", f"{number}-{i}", at_ms, "yes", 0.9) for i in range(n)]
    rig.hour(number, rows(number, shift, n))
    rig.claim = rig.stores.ingest.claim(rig.partition, TopicKind.MIXED, "worker")
    rig.flush(number + 1, 0, predictions=predictions)


def tell_truth(rig: Rig, number: int, right: int, n: int = 100, known: int = 2, name: str = "") -> None:
    """Known so many hours after the window's start."""
    rig.claim = rig.stores.ingest.claim(rig.partition, TopicKind.MIXED, "worker")
    known_ms = to_ms(START + (number + known) * HOUR)
    truths = [Truth("churn", f"{number}-{i}", "yes" if i < right else "no", known_ms, name) for i in range(n)]
    rig.flush(0, 0, truths=truths)


def test_performance_is_judged_when_truth_has_come_though_drift_was_folded_windows_ago() -> None:
    rig = truth_rig()
    for hour in range(3):
        predict(rig, hour)
    rig.run()
    assert rig.findings("accuracy") == []

    tell_truth(rig, 0, right=40)
    (finding,) = [f for f in rig.run() if f.check.test == "accuracy"]

    assert (finding.verdict, finding.kind, finding.coverage) == (Verdict.DEGRADED, EvaluationKind.PERFORMANCE, 1.0)
    assert rig.phases() == [(1, "firing")]


def accuracy(rig: Rig, number: int = 0) -> tuple[float, int]:
    """Of the newest revision of a window, with that revision."""
    of_window = [f for f in rig.findings("accuracy") if f.window.start == START + number * HOUR]
    (finding,) = of_window
    assert finding.result is not None
    return finding.result.statistic, finding.revision


def told(rig: Rig) -> list[tuple[str, bool]]:
    """(summary, over) of every alert event."""
    return [(event.annotations["summary"], event.ends_at is not None) for _, event in rig.stores.outbox.pending(99)]


def test_a_correction_revises_the_metric_and_truth_told_twice_does_not() -> None:
    rig = truth_rig()
    predict(rig, 0)
    predict(rig, 1)
    tell_truth(rig, 0, right=90)
    rig.run()

    tell_truth(rig, 0, right=90)
    rig.run()
    unchanged = accuracy(rig)
    tell_truth(rig, 0, right=75, known=3)
    rig.run()

    assert (unchanged, accuracy(rig)) == ((0.9, 0), (0.75, 1))


def test_an_alert_that_the_corrected_truth_does_not_bear_out_is_withdrawn() -> None:
    rig = truth_rig()
    for hour in range(3):
        predict(rig, hour)
    tell_truth(rig, 0, right=40)
    tell_truth(rig, 1, right=40, n=99)
    rig.run()
    assert rig.phases() == [(1, "firing")]

    tell_truth(rig, 0, right=95, known=3)
    rig.run()
    still = rig.phases()
    tell_truth(rig, 1, right=95, known=3)
    rig.run()

    assert still == [(1, "firing")]
    assert rig.phases() == [(1, "firing"), (2, "inactive")]
    assert told(rig)[-1] == ("quality: withdrawn for churn (truth that came since does not bear it out)", True)
    assert {one.phase for one in rig.stores.evaluations.rule_states("churn").values()} == {Phase.INACTIVE}


def test_an_alert_that_only_the_corrected_truth_shows_is_raised_late_and_says_so_once() -> None:
    rig = truth_rig()
    for hour in range(4):
        predict(rig, hour)
    for hour in range(3):
        tell_truth(rig, hour, right=90)
    rig.run()
    assert told(rig) == []

    tell_truth(rig, 1, right=30, known=3)
    rig.run()
    tell_truth(rig, 1, right=29, known=4)
    rig.run()

    late = "raised late: the truth came after the rule had gone past this window"
    assert told(rig) == [
        (f"quality: churn (accuracy(ground_truth) degraded; {late})", False),
        ("quality: over for churn after 1h", True),
    ]
    assert rig.phases() == [(2, "firing"), (3, "inactive")]


def test_an_alert_raised_late_goes_on_where_the_newest_window_is_as_bad() -> None:
    rig = truth_rig()
    for hour in range(3):
        predict(rig, hour)
    for hour in range(2):
        tell_truth(rig, hour, right=90)
    rig.run()

    tell_truth(rig, 1, right=30, known=3)
    rig.run()

    assert rig.phases() == [(2, "firing")]
    assert [over for _, over in told(rig)] == [False]


def test_truth_known_after_the_horizon_changes_nothing_whenever_it_comes() -> None:
    rig = truth_rig()
    for hour in (0, 1, 30):
        predict(rig, hour)
    tell_truth(rig, 0, right=90)
    rig.run()

    tell_truth(rig, 0, right=10, known=26)
    rig.run()

    assert accuracy(rig) == (0.9, 0)


def test_the_last_revision_rests_on_every_truth_however_little_it_grew_by() -> None:
    rig = truth_rig()
    predict(rig, 0)
    predict(rig, 1)
    tell_truth(rig, 0, right=90, n=99)
    rig.run()
    tell_truth(rig, 0, right=90, n=100)
    rig.run()
    before = accuracy(rig)

    predict(rig, 30)
    rig.run()

    assert before == (90 / 99, 0)
    assert accuracy(rig) == (0.9, 1)


def test_looking_for_late_truth_takes_a_fifth_of_the_time_at_most() -> None:
    rig = truth_rig()
    judge = Judge(DRIFT_TESTS, PERFORMANCE_METRICS, rig.stores.windows, rig.stores.baselines, "test")
    seconds = count(step=8)  # every run takes 8 s by this clock
    evaluate = Evaluate(
        rig.models,
        (),
        judge,
        rig.stores.windows,
        rig.stores.evaluations,
        sweep_every=timedelta(seconds=15),
        monotonic=lambda: next(seconds),
    )
    predict(rig, 0)
    predict(rig, 1)
    evaluate.run_once(NOW)
    tell_truth(rig, 0, right=90)

    judged = [evaluate.run_once(NOW + timedelta(seconds=after)).windows for after in (16, 39, 41)]

    assert judged == [0, 0, 1]


def test_truth_of_another_name_is_kept_and_does_not_count() -> None:
    rig = truth_rig()
    predict(rig, 0)
    predict(rig, 1)
    tell_truth(rig, 0, right=10, name="thumbs")

    rig.run()

    assert rig.findings("accuracy") == []
    assert [one.name for one in rig.stores.truths.tallies("churn")] == ["thumbs"]


def test_a_window_judged_after_its_wait_says_how_little_truth_there_is_and_how_old() -> None:
    rig = truth_rig()
    predict(rig, 0)
    predict(rig, 6)
    tell_truth(rig, 0, right=55, n=60)

    rig.run()

    (finding,) = rig.findings("truth_coverage")
    assert finding.verdict is Verdict.LOW_COVERAGE
    assert finding.result is not None
    assert (finding.result.statistic, finding.result.n_baseline, finding.result.n_current) == (0.6, 100, 60)
    assert finding.result.detail["age_seconds"] == {"p10": 7200.0, "p50": 7200.0, "p90": 7200.0, "max": 7200.0}
    assert finding.reason == (
        "truth_coverage(records): 60.0% of 100 predictions have truth, less than 90.0%: 4h after the window's end it "
        "is judged with what there is; known within 2h (a tenth), 2h (half), 2h (nine tenths), 2h (all); "
        "true, but never predicted: 'no' (5)"
    )


def test_truth_before_its_prediction_counts_and_is_said() -> None:
    rig = truth_rig()
    predict(rig, 0)
    predict(rig, 1)
    tell_truth(rig, 0, right=100, known=-1)

    rig.run()

    (finding,) = rig.findings("truth_coverage")
    assert "100 claim to have been known before the prediction was made: look at the clocks" in finding.reason
    assert accuracy(rig) == (1.0, 0)


def test_a_rule_can_join_drift_and_performance_over_one_window() -> None:
    both = AllOf((CheckIsBad(test="psi"), CheckIsBad(test="accuracy")))
    rig = truth_rig(when=lambda: Rule("both", both))
    predict(rig, 0, shift=8.0)
    predict(rig, 1)
    rig.run()
    assert rig.phases() == []

    tell_truth(rig, 0, right=30)
    tell_truth(rig, 1, right=30)
    rig.run()

    assert rig.phases() == [(1, "firing"), (2, "inactive")]


def test_a_metric_that_breaks_is_a_failed_finding() -> None:
    rig = truth_rig("breaks_too")
    predict(rig, 0)
    tell_truth(rig, 0, right=90)

    (finding,) = [f for f in rig.run() if f.check.test == "breaks_too"]

    assert finding.verdict is Verdict.FAILED
    assert "ZeroDivisionError" in finding.reason


def test_a_crash_before_the_commit_leaves_everything_to_the_next_run(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = started()
    for hour in range(4):
        rig.hour(hour, rows(hour, shift=2.0))
    whole = started()
    for hour in range(4):
        whole.hour(hour, rows(hour, shift=2.0))
    whole.run()
    commit, calls = rig.stores.evaluations.commit, iter([False, False, True])

    def crash_at_the_third(*args: object) -> bool:
        if next(calls, False):
            raise KeyboardInterrupt
        return commit(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(type(rig.stores.evaluations), "commit", lambda _self, *args: crash_at_the_third(*args))
    with pytest.raises(KeyboardInterrupt):
        rig.run()
    monkeypatch.undo()
    rig.another().run_once(NOW)

    assert rig.findings() == whole.findings()
    assert rig.phases() == whole.phases() == [(1, "firing")]
    assert rig.stores.evaluations.rule_states("churn")[Subject("drift", "churn")].phase is Phase.FIRING


@contextmanager
def reads(rig: Rig) -> Iterator[list[str]]:
    """The statements that ask the database meanwhile."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(("SELECT", "WITH")):
            seen.append(statement)

    event.listen(rig.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(rig.engine, "before_cursor_execute", note)


def fleet(size: int) -> Rig:
    """So many models, their baselines at hand because one window of each was judged before."""
    models = {name: replace(MODEL, name=name) for name in (f"model-{number:02}" for number in range(size))}
    rig = Rig(models)
    for name in models:
        built = rig.promote(Baseline.build(ModelRef(name, "1"), rows(99, n=1_000), "made"))
        rig.hour(0, rows(1), model=name)
        rig.baselines = {"1": built}
    rig.evaluate.run_once(NOW)
    return rig


@pytest.mark.parametrize(("models", "hours"), [(1, 1), (30, 1), (2, 15)])
def test_how_often_the_database_is_read_depends_neither_on_the_models_nor_on_the_windows(
    models: int, hours: int
) -> None:
    rig = fleet(models)
    for name in rig.models:
        for hour in range(1, hours + 1):
            built = Baseline.build(ModelRef(name, "1"), rows(99, n=1_000), "made")
            rig.baselines = {"1": built}
            rig.hour(hour, rows(hour, shift=3.0), model=name)

    with reads(rig) as seen:
        report = rig.evaluate.run_once(NOW)

    assert report.windows == models * hours
    assert len(report.transitions) == models
    assert len(seen) == len(["progress", "done", "panes", "rule states", "shares", "timelines"])


def test_shares_are_read_in_portions_that_fit_into_memory() -> None:
    rig = fleet(2)
    for hour in range(1, 40):
        rig.hour(hour, rows(hour), model="model-01")
    for hour in range(1, 40):
        rig.baselines = {"1": Baseline.build(ModelRef("model-00", "1"), rows(99, n=1_000), "made")}
        rig.hour(hour, rows(hour), model="model-00")

    with reads(rig) as seen:
        report = rig.evaluate.run_once(NOW)

    assert report.windows == 78
    assert sum("payload" in statement for statement in seen) == 2


def test_a_late_revision_that_moves_no_rule_reads_no_findings() -> None:
    rig = started()
    for hour in range(3):
        rig.hour(hour, rows(hour))
    rig.run()
    rig.hour(0, rows(7))

    with reads(rig) as seen:
        report = rig.evaluate.run_once(NOW)

    assert report.windows == 1
    assert not [statement for statement in seen if "FROM findings" in statement]


def test_a_run_whose_window_another_process_judged_meanwhile_goes_on_from_where_that_left_the_rules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = started(rules=[replace(DRIFT, hold=HOUR)])
    for hour in range(3):
        rig.hour(hour, rows(hour, shift=3.0))
    store, raced = type(rig.stores.evaluations), list[EvaluationCommit]()
    commit = store.commit

    def commit_after_another(self: SqlEvaluationStore, made: EvaluationCommit) -> bool:
        if not raced:
            raced.append(made)
            monkeypatch.undo()
            assert commit(self, made)
        return commit(self, made)

    monkeypatch.setattr(store, "commit", commit_after_another)
    rig.run()

    assert rig.phases() == [(1, "pending"), (2, "firing")]
    assert [e.starts_at for _, e in rig.stores.outbox.pending(9)] == [START + 2 * HOUR, START + 2 * HOUR]
