"""A message as plain text: for terminals, for mail readers without HTML, for logs. Pure."""

from __future__ import annotations

import textwrap

from alerts.model import Chart, NotifyReason
from alerts.render.document import Entry, Message, Table
from alerts.render.wording import plural, when

_BAR_CELLS = 16
_MAX_BARS = 10
_WIDTH = 100
_MAX_CELL = 40
_CAUSES_IN_GROUP = 3


def mark(message: Message) -> str:
    """One word in capitals that says how bad it is."""
    if message.reason in {NotifyReason.DIGEST, NotifyReason.BUDGET}:
        return message.reason.upper()
    return "RESOLVED" if message.is_resolved else message.severity.upper()


def render_text(message: Message, max_entries: int = 20) -> str:
    """The whole message in lines of at most about 100 characters."""
    lines = [f"[{mark(message)}] {message.title}", message.lead, ""]
    width = max(len(field.name) for field in message.fields)
    lines += [f"  {field.name:<{width}}  {field.value}" for field in message.fields]
    shown = message.entries[:max_entries]
    for place, entry in enumerate(shown):
        lines += ["", *_entry(entry, is_alone=len(message.entries) == 1, with_charts=place == 0)]
    more = len(message.entries) - len(shown) + message.more
    if more:
        lines += ["", f"and {plural(more, 'more alert')}"]
    for table in message.tables:
        lines += ["", *_table(table)]
    return "\n".join([*lines, "", message.footer])


def _entry(entry: Entry, *, is_alone: bool, with_charts: bool) -> list[str]:
    lines = []
    if not is_alone:
        state = "resolved" if entry.is_resolved else entry.severity.value
        lines.append(f"* {entry.title} ({state} since {when(entry.ends_at or entry.starts_at)})")
    for text in (entry.summary, entry.description, entry.reason):
        lines += [wrapped for line in text.splitlines() for wrapped in _wrap(line)]
    if entry.causes:
        most = len(entry.causes) if is_alone else _CAUSES_IN_GROUP
        lines.append("  Ranked causes:")
        lines += [f"  {place:>3}. {cause}" for place, cause in enumerate(entry.causes[:most], 1)]
        lines += [f"       and {plural(len(entry.causes) - most, 'more cause')}"] if len(entry.causes) > most else []
    lines += [f"  {field.words}: {field.value}" for field in entry.details]
    for chart in entry.charts if with_charts else ():
        lines += [f"  {line}" for line in chart_lines(chart)]
    return lines + [f"  {link.text}: {link.url}" for link in entry.links]


def _table(table: Table) -> list[str]:
    """In columns; the last, which holds the longest text, is not cut."""
    if not table.rows:
        return [table.title, f"  {table.empty}"]
    rows = (table.columns, *table.rows)
    widths = [min(_MAX_CELL, max(len(row[place]) for row in rows)) for place in range(len(table.columns) - 1)]
    lines = [table.title]
    for row in rows:
        cells = [_cell(text, width) for text, width in zip(row, widths, strict=False)]
        lines.append("  " + "  ".join([*cells, row[-1]]).rstrip())
    return lines + ([f"  and {table.more} more"] if table.more else [])


def _cell(text: str, width: int) -> str:
    return f"{text:<{width}}" if len(text) <= width else f"{text[: width - 1]}…"


def chart_lines(chart: Chart) -> list[str]:
    """A chart as rows of two bars, at most ten; the numbers stand beside them."""
    shown = list(zip(chart.x, chart.baseline, chart.current, strict=True))[:_MAX_BARS]
    width = min(24, max(len(x) for x, _, _ in shown))
    top = max(max(abs(before), abs(now)) for _, before, now in shown) or 1.0
    heading = f"{chart.title} ({chart.unit})" if chart.unit else chart.title
    lines = [f"{heading}: baseline ░, current █"]
    for x, before, now in shown:
        lines.append(f"{x[:width]:<{width}} {_bar('░', before, top)} {before:.4g}")
        lines.append(f"{'':<{width}} {_bar('█', now, top)} {now:.4g}")
    if len(chart.x) > _MAX_BARS:
        lines.append(f"and {len(chart.x) - _MAX_BARS} more")
    return lines


def _bar(cell: str, value: float, top: float) -> str:
    return (cell * round(_BAR_CELLS * abs(value) / top)).ljust(_BAR_CELLS)


def _wrap(line: str) -> list[str]:
    return textwrap.wrap(line, _WIDTH, initial_indent="  ", subsequent_indent="  ") or [""]
