"""A confusion matrix is added up from findings of one version and drawn by the shares of its rows."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from monitor.domain.checks import Check, Threshold
from monitor.domain.findings import Finding, TestResult
from monitor.domain.models import ModelRef
from monitor.domain.windows import Window
from monitor.rules.conditions import GROUND_TRUTH
from monitor.shells.web.confusion_svg import confusion_svg, rests_on
from monitor.testing.stores.samples import finding
from monitor.usecases.confusions import confusion_of

CHECK = Check("accuracy", GROUND_TRUTH, "", Threshold(0.5, below=True), 0)


def accuracy(
    hour: int, labels: Sequence[str], rows: Sequence[Sequence[int]], coverage: float | None = 0.5, version: str = "1"
) -> Finding:
    n = sum(map(sum, rows))
    result = TestResult(0.5, None, n, n, detail={"labels": list(labels), "confusion": [list(row) for row in rows]})
    start = finding().window.start + timedelta(hours=hour)
    ref, window = ModelRef("pets", version), Window(start, start + timedelta(hours=1))
    return replace(finding(), model=ref, check=CHECK, window=window, result=result, coverage=coverage)


FINDINGS = [
    accuracy(0, ["cat", "dog"], [[9, 1], [2, 8]], 0.5),
    accuracy(1, ["cat", "dog", "<eel>"], [[50, 0, 0], [0, 29, 1], [0, 0, 0]], 1.0),
    accuracy(1, ["cat", "dog"], [[7, 7], [7, 7]], version="0"),
    replace(accuracy(2, [], []), result=None),
]


def test_windows_of_one_version_are_added_up_class_by_class_with_the_coverage_of_all() -> None:
    found = confusion_of([FINDINGS[0], *FINDINGS[2:], FINDINGS[1]], newest=False)

    assert found is not None
    assert found.labels == ("<eel>", "cat", "dog")
    assert found.counts == ((0, 0, 0), (0, 59, 1), (1, 2, 37))
    assert (found.n, found.coverage) == (100, 100 / (20 / 0.5 + 80))


def test_of_the_newest_window_alone_it_is_that_windows() -> None:
    found = confusion_of(FINDINGS[:2], newest=True)

    assert found is not None
    assert (found.n, found.coverage, len(found.windows)) == (80, 1.0, 1)


def test_where_no_finding_keeps_one_there_is_none() -> None:
    assert confusion_of([finding(), FINDINGS[3]], newest=True) is None


def test_the_picture_shows_shares_of_each_row_with_counts_and_says_what_it_rests_on() -> None:
    found = confusion_of(FINDINGS[:2], newest=False)
    assert found is not None

    texts = [element.text for element in ET.fromstring(confusion_svg(found)).iter() if element.tag.endswith("text")]

    assert rests_on(found) in texts
    assert "100 predictions with known truth, 83.3% of all" in rests_on(found)
    for cell in ("98.3%", "59", "92.5%", "37", "2.5%"):
        assert cell in texts
    assert texts.count("-") == 3
    assert "<eel>" in texts
    assert len(re.findall("<rect", confusion_svg(found))) == 9
