"""The page of a comparison: whole by itself, harmless whatever the names, and readable without pictures."""

import base64
import hashlib
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from monitor.domain.findings import TestResult, Verdict
from monitor.domain.rules import Chart
from monitor.shells.web.charts import chart_svg, described
from monitor.shells.web.comparison import comparison_fragment, comparison_page, headline
from monitor.usecases.compare import Compared, Comparison

NASTY = "<script>alert('\"x\"')</script>"
CHART = Chart(NASTY, ("below 1", NASTY, "missing"), (0.5, 0.5, 0.0), (0.1, 0.2, 0.7))
SVG = "{http://www.w3.org/2000/svg}"


def comparison(verdict: Verdict = Verdict.DRIFTED) -> Comparison:
    result = TestResult(0.5, 1e-9, 100, 90)
    checks = (
        Compared("fine", "psi", Verdict.OK, "psi(fine) = 0.1", result),
        Compared(NASTY, "psi", verdict, f"psi({NASTY}) = 0.5", result),
        Compared("times", "known_column", Verdict.INSUFFICIENT_DATA, "times is not compared"),
    )
    return Comparison(checks, 100, 1_000, (f"a note on {NASTY}",), {NASTY: CHART, "fine": CHART}, NASTY, "now.csv")


def test_the_page_runs_nothing_and_loads_nothing_whatever_the_columns_are_called() -> None:
    page = comparison_page(comparison())

    assert NASTY not in page
    assert not re.search(r"<(script|link|img|iframe|object)|\son\w+=|\sstyle=|url\(|@import", page)
    assert set(re.findall(r'https?://[^"<\s]+', page)) == {"http://www.w3.org/2000/svg"}


def test_the_policy_lets_the_style_sheet_of_the_page_through_and_no_other() -> None:
    page = comparison_page(comparison())

    (sheet,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    assert f"default-src &#x27;none&#x27;; style-src &#x27;sha256-{digest}&#x27;" in page


def test_what_drifted_has_a_picture_and_every_check_a_row() -> None:
    page = comparison_page(comparison())

    assert page.count("<svg") == 1
    assert page.count('<th scope="row">') == 3 + len(CHART.categories)
    assert "<h1>1 of 2 columns drifted</h1>" in page
    assert page.index("psi(&lt;script") < page.index("psi(fine)")
    assert comparison_fragment(comparison()).count("<svg") == 1


def test_a_p_value_that_is_too_small_for_a_float_is_not_called_nothing() -> None:
    surely = Compared("x", "psi", Verdict.DRIFTED, "psi(x) = 8", TestResult(8.0, 0.0, 100, 90))

    page = comparison_page(replace(comparison(), checks=(surely,)))

    assert '<td class="number">&lt; 1e-300</td>' in page


def test_nothing_that_drifted_is_no_picture() -> None:
    page = comparison_page(comparison(Verdict.OK))

    assert "<svg" not in page
    assert "What moved" not in page
    assert headline(comparison(Verdict.OK)) == "None of 2 columns drifted"


def test_the_headline_names_warnings_and_what_no_column_shows_by_itself() -> None:
    together = Compared("records", "correlation", Verdict.DRIFTED, "correlation(records) = 0.7", None)
    quiet = comparison(Verdict.OK)

    assert headline(comparison(Verdict.WARNING)) == f"None of 2 columns drifted; warning: {NASTY}"
    told = headline(replace(quiet, checks=(*quiet.checks, together)))
    assert told == "None of 2 columns drifted by itself; together they did: correlation"
    page = comparison_page(replace(quiet, checks=(*quiet.checks, together)))
    assert page.index("correlation(records) = 0.7") < page.index("psi(fine)")


def test_a_picture_is_a_document_with_its_words() -> None:
    picture = ET.fromstring(chart_svg(CHART))

    assert picture.get("role") == "img"
    assert picture.findtext(f"{SVG}title") == NASTY
    assert picture.findtext(f"{SVG}desc") == described(CHART)
    assert described(CHART) == "Largest move at missing: 0 % of the rows in the baseline, 70.0 % in the window"


def test_a_constant_column_has_no_largest_move() -> None:
    still = Chart("plan", ("a",), (1.0,), (1.0,))

    assert described(still) == "No share moved: the window's are those of the baseline"
    assert "moved" not in chart_svg(still).replace("No share moved", "")


def test_a_bar_is_as_long_as_its_share_and_the_one_that_moved_most_stands_out() -> None:
    bars = ET.fromstring(chart_svg(CHART)).findall(f"{SVG}rect")[3:]

    widths = [float(bar.get("width") or 0) for bar in bars]
    assert widths[0] / widths[5] == pytest.approx(0.5 / 0.7, abs=0.01)
    assert widths[4] == 0
    assert [bar.get("class") for bar in bars] == ["baseline", "current", "baseline", "current", "baseline", "moved"]
