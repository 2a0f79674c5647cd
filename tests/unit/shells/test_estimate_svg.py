"""The picture of estimates shows every band, greys what is not to be relied on, and marks a truth outside its band."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

from monitor.domain.findings import TestResult
from monitor.domain.models import ModelRef
from monitor.domain.windows import Window
from monitor.shells.web.charts import FAINT, INK, MOVED_COLOUR
from monitor.shells.web.estimate_svg import estimate_svg
from monitor.usecases.performance_record import PerformanceRow, record

START, HOUR = datetime(2026, 11, 1, tzinfo=UTC), timedelta(hours=1)


def row(hour: int, estimate: float, truth: float | None, reason: str = "") -> PerformanceRow:
    window = Window(START + hour * HOUR, START + (hour + 1) * HOUR)
    said = TestResult(estimate, None, 9, 9, estimate - 0.05, estimate + 0.05)
    told = None if truth is None else TestResult(truth, None, 9, 9)
    return PerformanceRow(window, ModelRef("m", "1"), "accuracy", said, told, reason, None)


ROWS = [row(0, 0.8, 0.82), row(1, 0.8, 0.6, "the truth contradicts it"), row(2, 0.8, None)]


def test_bands_are_drawn_in_grey_where_they_do_not_hold_and_truths_outside_in_the_colour_of_alarm() -> None:
    drawn = ET.fromstring(estimate_svg("accuracy of <m>", ROWS))

    circles = [part.get("fill") for part in drawn.iter() if part.tag.endswith("circle")]
    bands = [part.get("stroke") for part in drawn.iter() if part.get("stroke-width") == "4"]
    assert circles == [INK, MOVED_COLOUR]
    assert [colour == FAINT for colour in bands] == [False, True, False]


def test_the_record_is_of_the_windows_whose_truth_has_come() -> None:
    found = record(ROWS)

    assert found is not None
    assert (found.windows, round(found.mean_error, 3), found.held) == (2, 0.11, 0.5)
    assert record(ROWS[2:]) is None
