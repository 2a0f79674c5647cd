"""A model's performance as a page: every metric over its windows, how much truth that rests on, and what goes wrong."""

from collections.abc import Sequence
from html import escape

from monitor.domain.findings import Finding, TestResult, Verdict
from monitor.domain.time import format_instant
from monitor.shells.web.confusion_svg import confusion_svg
from monitor.shells.web.estimate_svg import estimate_svg
from monitor.shells.web.page import page
from monitor.usecases.confusions import Confusion
from monitor.usecases.performance_record import PerformanceRow, record

_CLASSES = {Verdict.DEGRADED: "bad", Verdict.WARNING: "warn", Verdict.OK: "good", Verdict.LOW_COVERAGE: "warn"}
_COVERAGE = "share of predictions with truth"
_MOST_ROWS = 1_000
"""The table has so many, the newest; the pictures have all."""


def performance_page(
    model: str, rows: Sequence[PerformanceRow], coverages: Sequence[Finding], confusion: Confusion | None
) -> str:
    """A whole document, which can be mailed or opened from a folder; needs a row, ordered by window."""
    versions = sorted({row.model.version for row in rows}, key=lambda one: _last_of(one, rows), reverse=True)
    sections = "".join(_version(one, rows, coverages, titled=len(versions) > 1) for one in versions)
    title = f"Performance of {model}"
    matrix = f'<h2>What goes wrong</h2><div class="card">{confusion_svg(confusion)}</div>' if confusion else ""
    return page(
        title,
        f'<h1>{escape(title)}</h1><p class="faint">{escape(_about(rows))}</p>{sections}{matrix}'
        f"<h2>All windows</h2>{_table(rows)}"
        "<footer>Made by Driftline. A dot is what the truth says, a bar what was estimated before it came, each with "
        "its 95 % interval. An estimate is grey where the truth has contradicted it, or where it could not be made: it "
        "is not to be relied on. A red dot lies outside the interval of its estimate, which has not held. A verdict "
        "needs a limit; without one a metric is only measured.</footer>",
    )


def _last_of(version: str, rows: Sequence[PerformanceRow]) -> tuple[object, str]:
    return max(row.window.end for row in rows if row.model.version == version), version


def _about(rows: Sequence[PerformanceRow]) -> str:
    windows = {row.window for row in rows}
    since, until = min(one.start for one in windows), max(one.end for one in windows)
    said = f"{format_instant(since)} to {format_instant(until)}, {_plural(len(windows), 'window')}"
    found = record(rows)
    if found is None:
        return said
    return (
        f"{said}; {_plural(found.windows, 'estimate')} with truth, {found.held:.0%} of them within their 95 % interval"
    )


# --- pictures


def _version(version: str, rows: Sequence[PerformanceRow], coverages: Sequence[Finding], *, titled: bool) -> str:
    mine = [row for row in rows if row.model.version == version]
    metrics = dict.fromkeys(row.metric for row in mine)
    cards = [_card([row for row in mine if row.metric == metric]) for metric in metrics]
    covered = _coverage([one for one in coverages if one.model.version == version])
    head = f"<h2>Version {escape(version)}</h2>" if titled else "<h2>Metrics</h2>"
    return f'{head}<div class="cards">{"".join(cards)}{covered}</div>'


def _card(rows: Sequence[PerformanceRow]) -> str:
    newest = rows[-1]
    numbered = [row for row in rows if row.estimate is not None or row.truth is not None]
    picture = estimate_svg(newest.metric, numbered, writes_title=False) if numbered else ""
    return (
        f'<figure class="card"><header><h3>{escape(newest.metric)}</h3>{_judged(rows)}</header>{picture}'
        f"<figcaption>{_newest(rows)}{_grey(rows)}</figcaption></figure>"
    )


def _judged(rows: Sequence[PerformanceRow]) -> str:
    """The verdict of the newest window that has truth."""
    return next((_verdict(row.verdict) for row in reversed(rows) if row.verdict is not None), "")


def _newest(rows: Sequence[PerformanceRow]) -> str:
    said = []
    for what, of in (("By the truth", _truth_of), ("Estimated", _estimate_of)):
        held = [(row, result) for row in rows if (result := of(row)) is not None]
        if held:
            row, result = held[-1]
            start = format_instant(row.window.start)
            said.append(f'<p>{what} {_number(result)} in the window of <span class="instant">{start}</span>.</p>')
    return "".join(said)


def _truth_of(row: PerformanceRow) -> TestResult | None:
    return row.truth


def _estimate_of(row: PerformanceRow) -> TestResult | None:
    return row.estimate


def _grey(rows: Sequence[PerformanceRow]) -> str:
    """Why estimates are grey, the newest reason first."""
    grey = [row for row in rows if row.reason]
    if not grey:
        return ""
    reasons = dict.fromkeys(row.reason for row in reversed(grey))
    shown = "".join(f"<li>{escape(reason)}</li>" for reason in reasons)
    said = f"In {_plural(len(grey), 'window')} the estimate is not to be relied on"
    return f'<details class="warn"><summary>{said}</summary><ul class="faint">{shown}</ul></details>'


def _coverage(found: Sequence[Finding]) -> str:
    held = [one for one in found if one.result is not None]
    if not held:
        return ""
    rows = [PerformanceRow(one.window, one.model, _COVERAGE, None, one.result, "", None) for one in held]
    reason = held[-1].reason.partition(": ")[2]
    return (
        f'<figure class="card"><header><h3>{_COVERAGE}</h3>{_verdict(held[-1].verdict)}</header>'
        f"{estimate_svg(_COVERAGE, rows, writes_title=False)}"
        f"<figcaption><p>In the newest judged window {escape(reason)}.</p></figcaption></figure>"
    )


# --- table


def _table(rows: Sequence[PerformanceRow]) -> str:
    titles = ("window", "version", "metric", "estimated", "by the truth", "verdict", "held", "change")
    numbers = {3, 4, 7}
    heads = "".join(
        f'<th scope="col"{" class=number" if place in numbers else ""}>{escape(one)}</th>'
        for place, one in enumerate(titles)
    )
    shown = sorted(rows[-_MOST_ROWS:], key=lambda row: row.window.start, reverse=True)
    body = "".join(map(_row, shown))
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def _row(row: PerformanceRow) -> str:
    grey = ' class="number faint"' if row.reason or row.is_disputed else ' class="number"'
    change = f"{row.change.statistic:+.3g}" if row.change else ""
    held = {True: "yes", False: '<span class="bad">no</span>', None: ""}[row.holds]
    return (
        f'<tr><th scope="row">{format_instant(row.window.start)}</th><td>{escape(row.model.version)}</td>'
        f"<td>{escape(row.metric)}</td><td{grey}>{_number(row.estimate)}</td>"
        f'<td class="number">{_number(row.truth)}</td><td>{_verdict(row.verdict)}</td>'
        f'<td>{held}</td><td class="number">{change}</td></tr>'
    )


def _number(result: TestResult | None) -> str:
    if result is None:
        return ""
    interval = "" if result.low is None or result.high is None else f" ({result.low:.4g} to {result.high:.4g})"
    return f"{result.statistic:.4g}{interval}"


def _verdict(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    return f'<span class="verdict {_CLASSES.get(verdict, "unknown")}">{verdict.value.replace("_", " ")}</span>'


def _plural(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")
