"""The page of a model's performance: every metric in a picture, what is grey with the reason, the matrix, the table."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from monitor.domain.checks import RECORDS, Check, Threshold
from monitor.domain.findings import EvaluationKind, Evidence, Finding, TestResult, Verdict
from monitor.domain.models import ModelRef
from monitor.domain.windows import Window
from monitor.shells.web.charts import FAINT, MOVED_COLOUR
from monitor.shells.web.performance_page import performance_page
from monitor.usecases.confusions import Confusion
from monitor.usecases.performance_record import PerformanceRow

NASTY = "<script>alert('\"x\"')</script>"
START, HOUR = datetime(2026, 11, 1, tzinfo=UTC), timedelta(hours=1)
REF = ModelRef(NASTY, "1")


def window(hour: int) -> Window:
    return Window(START + hour * HOUR, START + (hour + 1) * HOUR)


def row(hour: int, metric: str, estimate: float | None, truth: float | None, reason: str = "") -> PerformanceRow:
    said = None if estimate is None else TestResult(estimate, None, 9, 9, estimate - 0.05, estimate + 0.05)
    told = None if truth is None else TestResult(truth, None, 9, 9, truth - 0.01, truth + 0.01)
    verdict = None if truth is None else Verdict.DEGRADED if truth < 0.7 else Verdict.OK
    return PerformanceRow(window(hour), REF, metric, said, told, reason, None, verdict)


ROWS = [
    row(0, "accuracy", 0.8, 0.81),
    row(1, "accuracy", 0.8, 0.6, f"contradicted by {NASTY}"),
    row(2, "accuracy", 0.8, None, f"contradicted by {NASTY}"),
    row(0, "approval", None, 0.75),
]


def coverage() -> Finding:
    check = Check("truth_coverage", RECORDS, "", Threshold(0.5, below=True), 0)
    said = "truth_coverage(records): 25.0% of 400 predictions have truth"
    result, evidence = TestResult(0.25, None, 400, 100), Evidence("", "", {}, "test", "")
    return Finding(
        REF, check, window(1), 0, Verdict.LOW_COVERAGE, said, result, evidence, EvaluationKind.PERFORMANCE, 0.25
    )


MATRIX = Confusion(REF, (window(1),), ("no", "yes"), ((3, 1), (2, 4)), 0.25)


def shown(rows: Sequence[PerformanceRow] = ROWS) -> str:
    return performance_page(NASTY, rows, [coverage()], MATRIX)


def test_the_page_runs_nothing_and_loads_nothing_whatever_the_model_is_called() -> None:
    page = shown()

    assert NASTY not in page
    assert not re.search(r"<(script|link|img|iframe|object)|\son\w+=|\sstyle=|url\(|@import", page)
    assert set(re.findall(r'https?://[^"<\s]+', page)) == {"http://www.w3.org/2000/svg"}


def test_every_metric_the_coverage_and_the_matrix_have_a_picture_and_every_number_a_row() -> None:
    page = shown()

    assert page.count("<svg") == 2 + 1 + 1
    assert page.count('<th scope="row">') == len(ROWS)
    assert "By the truth 0.6 (0.59 to 0.61)" in page
    assert "In the newest judged window 25.0% of 400 predictions have truth." in page
    assert "low coverage" in page


def test_an_estimate_that_is_not_to_be_relied_on_is_grey_in_picture_and_table_with_the_reason_once() -> None:
    page = shown()

    assert page.count(f'stroke="{FAINT}" stroke-opacity="0.35"') == 2
    assert page.count("contradicted by &lt;script") == 1
    assert "In 2 windows the estimate is not to be relied on" in page
    assert page.count('class="number faint"') == 2


def test_a_truth_outside_the_interval_is_in_the_colour_of_alarm_and_said_not_to_be_held() -> None:
    page = shown()

    assert page.count(f'r="2.4" fill="{MOVED_COLOUR}"') == 1
    assert page.count('<span class="bad">no</span>') == 1
    assert "2 estimates with truth, 50% of them within their 95 % interval" in page


def test_versions_are_shown_apart_the_one_seen_last_first() -> None:
    page = shown([*ROWS, replace(row(5, "accuracy", 0.8, None), model=ModelRef(NASTY, "2"))])

    assert page.index("<h2>Version 2</h2>") < page.index("<h2>Version 1</h2>")
    assert "<h2>Version" not in shown()


def test_a_metric_whose_estimate_could_not_be_made_has_its_reason_and_no_picture() -> None:
    page = performance_page("m", [row(0, "f1", None, None, "the scores are outside training")], [], None)

    assert "<svg" not in page
    assert "the scores are outside training" in page
