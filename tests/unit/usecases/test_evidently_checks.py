"""Metrics of Evidently become findings like others, with a reason where there is no number."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from monitor.domain.checks import Threshold
from monitor.domain.errors import ReportFailed, StoreUnavailable
from monitor.domain.evidently import EvidentlyAnswer, EvidentlySpec
from monitor.domain.findings import Verdict
from monitor.domain.models import MonitoredModel
from monitor.domain.windows import WindowSpec
from monitor.stats.row_test import JointRows
from monitor.testing.row_tests import rows
from monitor.usecases.evidently_checks import NoEvidently, evidently_outcomes

HOUR = timedelta(hours=1)
ROWS = JointRows(rows(0, 600), rows(1, 300))
FAR = EvidentlySpec("ValueDrift", "ValueDrift", "a", parameters={"method": "psi"}, threshold=Threshold(0.2))
SURE = replace(FAR, name="sure", parameters={"method": "ks"}, threshold=Threshold(0.01, warning=0.05))
FREE = EvidentlySpec("OutListValueCount", "strange", "a", "germany", {"values": ("x", "y")})
MODEL = MonitoredModel("m", WindowSpec(HOUR, HOUR), HOUR, HOUR, evidently=(FAR, SURE, FREE))


@dataclass
class Answers:
    """Answers as it was told, and keeps what it was asked."""

    answers: dict[str, EvidentlyAnswer]
    asked: list[list[str]] = field(default_factory=list)

    def measure(self, rows: JointRows, wanted: Sequence[EvidentlySpec]) -> Sequence[EvidentlyAnswer]:
        self.asked.append([spec.name for spec in wanted])
        return [self.answers[spec.name] for spec in wanted]


def numbers(far: float, sure: float, strange: float) -> Answers:
    return Answers(
        {name: EvidentlyAnswer(n) for name, n in [("ValueDrift", far), ("sure", sure), ("strange", strange)]}
    )


def test_a_distance_is_bad_above_its_limit_and_a_p_value_below_it() -> None:
    outcomes = list(evidently_outcomes(MODEL, numbers(0.3, 0.03, 0.5), lambda _: ROWS))

    assert [(check.name, verdict) for check, verdict, *_ in outcomes] == [
        ("ValueDrift(a)", Verdict.DRIFTED), ("sure(a)", Verdict.WARNING), ("strange(a)[germany]", Verdict.OK),
    ]  # fmt: skip
    assert [why for *_, why, _ in outcomes] == [
        "ValueDrift(a) = 0.3, limit 0.2; 300 records against 600 in the baseline",
        "sure(a) = 0.03, floor 0.05; 300 records against 600 in the baseline",
        "strange(a)[germany] = 0.5, no limit is set; 300 rows against 600 of the baseline",
    ]
    assert outcomes[2][0].parameters == {"metric": "OutListValueCount", "values": "x, y"}


def test_the_metrics_of_a_segment_are_asked_for_together() -> None:
    runs = numbers(0, 1, 0)

    list(evidently_outcomes(MODEL, runs, lambda _: ROWS))

    assert runs.asked == [["ValueDrift", "sure"], ["strange"]]


def test_where_rows_are_too_few_nobody_is_asked() -> None:
    runs, few = numbers(9, 9, 9), JointRows(rows(0, 600), rows(1, 99))

    outcomes = list(evidently_outcomes(MODEL, runs, lambda _: few))

    assert runs.asked == []
    assert {verdict for _, verdict, *_ in outcomes} == {Verdict.INSUFFICIENT_DATA}
    assert outcomes[0][2] == "ValueDrift(a): 99 records in the window, at least 100 are needed"


def test_rows_that_cannot_be_had_are_insufficient_data_with_the_reason() -> None:
    outcomes = list(evidently_outcomes(MODEL, NoEvidently(), lambda _: "nothing is kept"))

    assert {(verdict, result) for _, verdict, _, result in outcomes} == {(Verdict.INSUFFICIENT_DATA, None)}
    assert outcomes[0][2] == "ValueDrift(a): nothing is kept"


def test_one_that_lacks_values_and_one_that_breaks_say_so_beside_one_that_has_a_number() -> None:
    answers = {
        "ValueDrift": EvidentlyAnswer(why="a has no value in the window"),
        "sure": EvidentlyAnswer(why="ValueError: no", is_fault=True),
        "strange": EvidentlyAnswer(0.1),
    }

    outcomes = list(evidently_outcomes(MODEL, Answers(answers), lambda _: ROWS))

    assert [(verdict, why) for _, verdict, why, _ in outcomes][:2] == [
        (Verdict.INSUFFICIENT_DATA, "ValueDrift(a): a has no value in the window"),
        (Verdict.FAILED, "sure(a) failed: ValueError: no"),
    ]
    assert outcomes[2][1] is Verdict.OK


def test_a_process_that_fails_fails_its_metrics_and_an_archive_that_is_away_is_asked_again() -> None:
    class Fails:
        def measure(self, rows: JointRows, wanted: Sequence[EvidentlySpec]) -> Sequence[EvidentlyAnswer]:
            raise ReportFailed("Evidently could not compute the metrics: ImportError: x")

    def away(_: str) -> JointRows:
        raise StoreUnavailable("away")

    failed = list(evidently_outcomes(MODEL, Fails(), lambda _: ROWS))

    assert {verdict for _, verdict, *_ in failed} == {Verdict.FAILED}
    assert failed[0][2] == "ValueDrift(a) failed: Evidently could not compute the metrics: ImportError: x"
    with pytest.raises(StoreUnavailable):
        list(evidently_outcomes(MODEL, Fails(), away))
