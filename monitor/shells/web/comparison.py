"""A comparison of two tables as a page: what moved, in pictures, and every finding in a table. Pure."""

from collections.abc import Iterable, Sequence
from html import escape

from monitor.domain.checks import ALL_COLUMNS, RECORDS
from monitor.domain.findings import Verdict
from monitor.domain.rules import Chart
from monitor.shells.web.attribution import attribution_section
from monitor.shells.web.charts import chart_svg, described, percent
from monitor.shells.web.page import fragment, page
from monitor.usecases.compare import Compared, Comparison, Outcome

_CLASSES = {
    Verdict.DRIFTED: "bad",
    Verdict.WARNING: "warn",
    Verdict.OK: "good",
    Verdict.FAILED: "warn",
    Verdict.INSUFFICIENT_DATA: "unknown",
}
_OUTCOMES = {
    Outcome.DRIFT: ("bad", "drift"),
    Outcome.NO_DRIFT: ("good", "no drift"),
    Outcome.INCOMPLETE: ("unknown", "incomplete"),
}
_NAMED = 3


def comparison_page(found: Comparison) -> str:
    """A whole document, which can be mailed, attached to a build or opened from a folder."""
    return page(headline(found), _content(found))


def comparison_fragment(found: Comparison) -> str:
    """The same for a place in another page, as notebooks have."""
    return fragment(_content(found))


def headline(found: Comparison) -> str:
    """What the comparison came to, in a sentence: also what no column shows by itself, and warnings."""
    verdicts = list(found.verdicts.values())
    compared = [verdict for verdict in verdicts if verdict is not Verdict.INSUFFICIENT_DATA]
    drifted = verdicts.count(Verdict.DRIFTED)
    if not compared:
        return "No column could be compared"
    words = f"{drifted or 'None'} of {_plural(len(compared), 'column')} drifted"
    together = [_named(one) for one in found.checks if one.column in {ALL_COLUMNS, RECORDS} and one.verdict.is_bad]
    if together and not drifted:
        words += f" by itself; together they did: {', '.join(together)}"
    if warned := [name for name, verdict in found.verdicts.items() if verdict is Verdict.WARNING]:
        words += f"; warning: {_first_of(warned)}"
    return words


def _named(check: Compared) -> str:
    """A check of all columns, with those that it found where it tells."""
    columns = check.result.detail.get("columns") if check.result else None
    names = [one["column"] for one in columns if isinstance(one, dict)] if isinstance(columns, list) else []
    return f"{check.test} ({_first_of(names)})" if names else check.test


def _first_of(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def _content(found: Comparison) -> str:
    name, word = _OUTCOMES[found.outcome]
    rows = (
        f"{_plural(found.rows_current, 'row')} of {found.current} against {found.rows_reference:,} of {found.reference}"
    )
    parts = "" if found.attribution is None else attribution_section(found.attribution)
    return (
        f'<span class="verdict {name}">{word}</span><h1>{escape(headline(found))}</h1>'
        f'<p class="faint">{escape(rows)}</p>{parts}{_pictures(found)}{_notes(found.notes)}'
        f"<h2>All findings</h2>{_table(found)}"
        "<footer>Made by Driftline. The baseline is the reference, the window is the table that was compared with it. "
        "A column has drifted where a statistic reaches its limit and chance does not explain it.</footer>"
    )


def _pictures(found: Comparison) -> str:
    moved = [name for name, verdict in found.verdicts.items() if verdict in {Verdict.DRIFTED, Verdict.WARNING}]
    cards = "".join(_card(found, name) for name in moved if name in found.charts)
    return f'<h2>What moved</h2><div class="cards">{cards}</div>' if cards else ""


def _card(found: Comparison, column: str) -> str:
    chart, verdict = found.charts[column], found.verdicts[column]
    bad = [check for check in found.checks if check.column == column and check.verdict is verdict]
    reasons = "".join(f"<li>{escape(check.reason)}</li>" for check in bad)
    return (
        f'<figure class="card"><header><h3>{escape(column)}</h3>{_verdict(verdict)}</header>'
        f"{chart_svg(chart)}<figcaption><p>{escape(described(chart))}.</p></figcaption>"
        f'<details><summary>In numbers</summary><ul class="faint">{reasons}</ul>{_shares(chart)}</details></figure>'
    )


def _shares(chart: Chart) -> str:
    cells = zip(chart.categories, chart.baseline, chart.current, strict=True)
    rows = (
        f'<tr><th scope="row">{escape(name)}</th><td class="number">{percent(before)}</td>'
        f'<td class="number">{percent(now)}</td></tr>'
        for name, before, now in cells
    )
    return _rows((chart.title, "baseline", "window"), rows, numbers=(1, 2))


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    return f"<h2>Worth knowing</h2><ul>{''.join(f'<li>{escape(note)}</li>' for note in notes)}</ul>"


def _table(found: Comparison) -> str:
    order = {name: place for place, name in enumerate(found.verdicts)}
    checks = sorted(found.checks, key=lambda check: order.get(check.column, _place_together(check, len(order))))
    titles = ("column", "check", "statistic", "p-value", "verdict", "why")
    return f'<div class="scroll">{_rows(titles, map(_finding, checks), numbers=(2, 3))}</div>'


def _place_together(check: Compared, last: int) -> int:
    """Of all columns: before any column where it is bad, for none may show it; otherwise last."""
    return -1 if check.verdict.is_bad else last


def _finding(check: Compared) -> str:
    result = check.result
    p_value = None if result is None else result.p_value
    return (
        f'<tr><th scope="row">{escape(check.column)}</th><td>{escape(check.test)}</td>'
        f'<td class="number">{_number(None if result is None else result.statistic, ".4g")}</td>'
        f'<td class="number">{_p_value(p_value)}</td>'
        f'<td>{_verdict(check.verdict)}</td><td class="faint">{escape(check.reason)}</td></tr>'
    )


def _rows(titles: Sequence[str], rows: Iterable[str], numbers: Sequence[int]) -> str:
    heads = (
        f'<th scope="col"{_NUMBER if place in numbers else ""}>{escape(title)}</th>'
        for place, title in enumerate(titles)
    )
    return f"<table><thead><tr>{''.join(heads)}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


_NUMBER = ' class="number"'


def _verdict(verdict: Verdict) -> str:
    words = verdict.value.replace("_", " ")
    return f'<span class="verdict {_CLASSES.get(verdict, "unknown")}">{words}</span>'


def _number(value: float | None, shown: str) -> str:
    return "" if value is None else f"{value:{shown}}"


def _p_value(value: float | None) -> str:
    """No chance is none at all: what is too small for a float is below its smallest power of a hundred."""
    return "&lt; 1e-300" if value == 0 else _number(value, ".2g")


def _plural(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")
