"""How much of what was served a window has seen: shown in every finding, and a check of its own."""

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.stores import SqlStores
from monitor.adapters.sql.tables import metadata
from monitor.domain.evaluation import Evaluation
from monitor.domain.findings import EvaluationKind, Finding, Verdict
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.rules import CheckIsBad
from monitor.domain.stream import PaneStatement, Served, ServedKey, TopicKind
from monitor.domain.windows import WindowSpec
from monitor.rules.conditions import evaluate
from monitor.rules.explain import sample_line
from monitor.testing.stores.samples import FIRST, HOUR, MODEL, START, START_MS, flush, share, window
from monitor.usecases.coverage import Coverage, coverage_of
from monitor.usecases.judging import Judge

CHURN = MonitoredModel("churn", WindowSpec(HOUR, HOUR), timedelta(minutes=1), HOUR, low_coverage=0.9)


def judged(*said: tuple[str, int, int | None, int | None, float], counted: int = 100) -> dict[str, Finding]:
    """Findings of a window with so many records, of which producers say: name, records, first, last, mean weight."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    stores = SqlStores.of(engine)
    claim = stores.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
    key = ServedKey("churn", MODEL.version, START_MS, "", FIRST, claim.epoch)
    served = [
        Served(replace(key, producer=name), n, round(n * weight * 1000), first, last)
        for name, n, first, last, weight in said
    ]
    stores.ingest.flush([replace(flush(claim, 200, [share(claim, counted)]), served=served)])
    judge = Judge({}, {}, stores.windows, stores.baselines, "test", accounts=stores.accounts)
    evaluation = Evaluation(MODEL, window(0), EvaluationKind.DRIFT, 0, counted)
    found = judge.judge(CHURN, evaluation, judge.read([(CHURN, evaluation)]), START)
    return {finding.check.test: finding for finding in found.findings}


def test_a_window_that_lost_more_than_it_may_has_low_coverage_and_every_finding_tells_how_much_came() -> None:
    found = judged(("web-1", 60, 1, 60, 1.0), ("web-2", 25, 101, 150, 1.0), counted=85)

    low = found["coverage"]
    assert (low.verdict, low.verdict.is_bad) == (Verdict.LOW_COVERAGE, True)
    assert low.reason == "85 of 110 served records came (77.2%); low coverage is below 90%"
    assert {finding.served_share for finding in found.values()} == {85 / 110}
    assert evaluate(CheckIsBad(test="coverage"), list(found.values()), {}).because == "coverage(records) low_coverage"


def test_enough_is_ok_and_is_shown_too() -> None:
    coverage = judged(("web-1", 95, 1, 100, 1.0))["coverage"]

    assert (coverage.verdict, coverage.reason) == (Verdict.OK, "95 of 100 served records came (95.0%)")


def test_without_a_limit_the_share_is_shown_and_never_bad() -> None:
    found = Coverage(1, 1.0, 1_000_000)

    assert not found.is_low(1e-7)
    assert found.is_low(0.5)


def test_what_sampling_left_out_is_no_loss() -> None:
    coverage = judged(("web-1", 98, 1, 1_000, 10.0), counted=98)["coverage"]

    assert coverage.verdict is Verdict.OK
    assert coverage.served_share == 0.098
    assert coverage.reason == "98 of 1,000 served records came (9.8%), which by their weights stand for 98.0%"


@pytest.mark.parametrize(("n", "is_low"), [(85, False), (60, True)])
def test_a_sample_that_is_small_by_chance_is_not_low(n: int, is_low: bool) -> None:
    # one in ten of 1,000: the number that is logged has a standard deviation of 9.5, its sum of weights one of 95
    assert Coverage(n, n * 10.0, 1_000).is_low(0.9) is is_low


def test_unequal_weights_are_told_for_drift_tests_count_records() -> None:
    coverage = judged(("web-1", 50, 1, 50, 1.0), ("web-2", 50, 1, 500, 10.0))["coverage"]

    assert coverage.reason.endswith("; a record stands for 1 to 10 served ones, and drift tests count it as one")


def test_a_record_that_states_nothing_beside_weighted_ones_is_an_unequal_weight() -> None:
    said = [PaneStatement(MODEL, START_MS, 50, 500.0, 50, 500.0, 500, (10.0, 10.0))]

    assert coverage_of(said, 50) == Coverage(50, 500.0, 500, (10.0, 10.0))
    assert coverage_of(said, 51) == Coverage(50, 500.0, 500, (1.0, 10.0))


def test_weights_without_numbers_do_not_tell_how_much_was_lost() -> None:
    coverage = judged(("", 100, None, None, 4.0))["coverage"]

    assert (coverage.verdict, coverage.served_share) == (Verdict.INSUFFICIENT_DATA, None)
    assert "no producer numbers its own (100 came)" in coverage.reason


def test_where_producers_say_nothing_there_is_no_such_check() -> None:
    found = judged()

    assert "coverage" not in found
    assert {finding.served_share for finding in found.values()} == {None}


def test_an_alert_tells_the_number_of_records_and_the_share_of_what_was_served() -> None:
    findings = list(judged(("web-1", 85, 1, 100, 1.0), counted=85).values())
    drift = Evaluation(ModelRef("churn", "3"), window(0), EvaluationKind.DRIFT, 0, 1_085)
    truth = replace(drift, kind=EvaluationKind.PERFORMANCE, mark=40)

    assert sample_line(drift, findings) == "1,085 records, 85.0% of what was served"
    assert sample_line(replace(drift, mark=1), []) == "1 record"
    assert sample_line(truth, [replace(findings[0], coverage=0.8)]) == "40 predictions with known truth, 80.0% of all"
    assert sample_line(replace(drift, kind=EvaluationKind.STREAM), []) == ""
