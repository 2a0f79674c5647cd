"""The bias-audit tables of New York City's Local Law 144 of 2021, as CSV and as a page. Pure.

6 RCNY § 5-301: for each category of sex, of race/ethnicity and of both together the number of people, the selection
rate (or the scoring rate: the share with a score above the sample's median) and the impact ratio, which is that rate
over the highest of any category. A category with less than 2 % of the data may be left out of the impact ratio; its
number and rate are shown nevertheless. People whose category is not known are counted apart.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from io import StringIO

from monitor.domain.time import format_instant
from monitor.shells.web.style import CSS, content_security_policy
from monitor.stats.fairness.outcomes import GroupCount, Rate
from monitor.stats.proportions import ratio_interval
from monitor.usecases.audit_fairness import Audit, Audited

_UNKNOWN = "unknown"
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class _Line:
    """A category: how many people, how many selected, and what is to be said of it."""

    table: str
    category: str
    number: int
    selected: int | None = None
    rate: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""


def ll144_csv(audit: Audit) -> str:
    """A line a category; what holds for all of them is repeated in each, so that a line can be read alone."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    rate = _rate_name(audit)
    titles = ("table", "category", "number", "selected", rate.replace(" ", "_"), "impact_ratio")
    facts = _facts(audit)
    writer.writerow([*titles, "impact_ratio_low", "impact_ratio_high", "note", *facts])
    for line in _lines(audit):
        numbers = (line.rate, line.ratio, line.low, line.high)
        cells = ["" if number is None else f"{number:.{_DIGITS}f}" for number in numbers]
        selected = "" if line.selected is None else line.selected
        writer.writerow([line.table, line.category, line.number, selected, *cells, line.note, *facts.values()])
    return out.getvalue()


def ll144_page(audit: Audit) -> str:
    """A whole document, which can be mailed, printed or published."""
    policy, title = escape(content_security_policy()), f"Bias audit tables: {audit.wish.model.name}"
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{CSS}</style></head>"
        f'<body class="driftline"><main><h1>{escape(title)}</h1>{_preface(audit)}'
        f"{''.join(_table(audit, one) for one in audit.features)}{_footer(audit)}</main></body></html>\n"
    )


def _lines(audit: Audit) -> Iterator[_Line]:
    for audited in audit.features:
        yield from _lines_of(audited)


def _lines_of(audited: Audited) -> Iterator[_Line]:
    groups = audited.groups[Rate.SELECTION]
    small = {one.name for one in groups.small}
    most = groups.most if groups.counted else None
    for one in sorted([*groups.counted, *groups.small], key=lambda one: one.name):
        if one.name in small:
            why = f"left out of the impact ratio: {groups.suppressed[one.name]}"
            yield _Line(audited.feature, one.name, one.n, one.hits, one.rate, note=why)
        else:
            yield _compared(audited.feature, one, most)
    if groups.unknown:
        why = f"{audited.feature} is not known; not in the calculations above"
        yield _Line(audited.feature, _UNKNOWN, groups.unknown, note=why)


def _compared(table: str, one: GroupCount, most: GroupCount | None) -> _Line:
    if most is None or not most.hits:
        return _Line(table, one.name, one.n, one.hits, one.rate, note="nobody was selected in any category")
    low, high = (None, None) if one == most else ratio_interval(most.hits, most.n, one.hits, one.n)
    note = "highest rate" if one == most else ""
    return _Line(table, one.name, one.n, one.hits, one.rate, one.rate / most.rate, low, high, note)


def _rate_name(audit: Audit) -> str:
    return "scoring rate" if audit.wish.by_score else "selection rate"


def _facts(audit: Audit) -> dict[str, str]:
    wish = audit.wish
    meaning = f"score above the median {audit.median:.6g}" if audit.median is not None else f"is {wish.favourable}"
    return {
        "model": wish.model.name,
        "versions": " ".join(audit.versions),
        "since": format_instant(wish.since),
        "until": format_instant(wish.until),
        "selected_means": meaning,
        "sampling_rate": f"{audit.rate:g}",
        "evidence": audit.evidence,
    }


def _preface(audit: Audit) -> str:
    wish = audit.wish
    span = f"{format_instant(wish.since)} to {format_instant(wish.until)} (excluded)"
    said = [
        f"Model {wish.model.name}, version {', '.join(audit.versions)}; predictions made from {span}.",
        f"{audit.records:,} people; {_meaning(audit)}.",
    ]
    if audit.unjudged:
        said.append(f"{audit.unjudged:,} records without {'score' if wish.by_score else 'prediction'} are left out.")
    if audit.rate < 1:
        said.append(f"Rows are kept at a rate of {audit.rate:g}, by a hash of their id: the numbers are of these.")
    return "".join(f"<p>{escape(one)}</p>" for one in said)


def _meaning(audit: Audit) -> str:
    if audit.median is not None:
        return f"selected are those whose score lies above the median of all, {audit.median:.6g}"
    return f"selected are those whom the model predicts to be {audit.wish.favourable!r}"


def _table(audit: Audit, audited: Audited) -> str:
    titles = ("Category", "Number", "Selected", _rate_name(audit).capitalize(), "Impact ratio", "95 % interval", "")
    heads = "".join(f'<th scope="col"{_numeric(place)}>{title}</th>' for place, title in enumerate(titles))
    rows = "".join(_row(line) for line in _lines_of(audited))
    return (
        f"<h2>{escape(audited.feature)}</h2><div class='scroll'><table><thead><tr>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _row(line: _Line) -> str:
    rate = "" if line.rate is None else f"{line.rate:.1%}"
    ratio = "" if line.ratio is None else f"{line.ratio:.3f}"
    interval = "" if line.low is None or line.high is None else f"{line.low:.3f} to {line.high:.3f}"
    selected = "" if line.selected is None else f"{line.selected:,}"
    cells = "".join(f'<td class="number">{cell}</td>' for cell in (f"{line.number:,}", selected, rate, ratio, interval))
    return f'<tr><th scope="row">{escape(line.category)}</th>{cells}<td class="faint">{escape(line.note)}</td></tr>'


def _numeric(place: int) -> str:
    return ' class="number"' if place in range(1, 6) else ""


def _footer(audit: Audit) -> str:
    share = audit.wish.smallest.share
    found = ", ".join(audit.findings) or "none"
    return (
        "<footer><p>The impact ratio of a category is its rate over the highest rate of a category in the table, as in "
        "6 RCNY § 5-301 (Local Law 144 of 2021). Categories with less than "
        f"{100 * share:.3g}% of the people whose category is known are left out of it, and shown with number and "
        "rate. Intervals are of the ratio's logarithm (Katz et al. 1978). These are an audit's numbers; the law asks "
        "an independent auditor for the audit itself.</p>"
        f"<p>Evidence {audit.evidence}: the same records give the same one. Findings of checks in this time: "
        f"{found}.</p></footer>"
    )
