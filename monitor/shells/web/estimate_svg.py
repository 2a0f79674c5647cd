"""Estimates of a metric and what came true, over time, as SVG. Pure."""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape

from monitor.shells.web.charts import CURRENT_COLOUR, FAINT, INK, MOVED_COLOUR
from monitor.usecases.performance_record import PerformanceRow

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM, _INSET = 760, 280, 52, 40, 28, 8
_FONT = "system-ui,-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif"

_SHORT_S = 3 * 86_400
"""Of less the times of the day are written, too."""

Scale = tuple[datetime, float, float, float]
"""First instant, seconds of the whole, smallest and largest value."""


def estimate_svg(title: str, rows: Sequence[PerformanceRow], *, writes_title: bool = True) -> str:
    """Estimates of one metric with their bands, grey where they are not to be relied on, and the truth as dots
    with their own.

    Grey are those that the truth contradicted, and those that weighted training rows dispute.
    Dots are in the colour of alarm where the truth lies outside the band. Needs a row with a number.
    """
    scale = _scale(rows)
    head = f'<text x="{_LEFT}" y="16" fill="{INK}">{escape(title)}</text>' if writes_title else ""
    parts = [*_axis(scale), *(_band(scale, row) for row in rows), *(_truth(scale, row) for row in rows)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="estimates" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" role="img" font-family="{_FONT}" font-size="12"><title>{escape(title)}</title>'
        f"{head}{_legend(rows)}{''.join(parts)}</svg>"
    )


def _scale(rows: Sequence[PerformanceRow]) -> Scale:
    ends = [row.window.end for row in rows]
    values = [value for row in rows for value in _values(row)]
    room = 0.05 * (max(values) - min(values)) or 0.01
    span = (max(ends) - min(ends)).total_seconds() or 1.0
    return min(ends), span, min(values) - room, max(values) + room


def _values(row: PerformanceRow) -> Iterator[float]:
    if row.estimate is not None:
        yield from (v for v in (row.estimate.low, row.estimate.high, row.estimate.statistic) if v is not None)
    if row.truth is not None:
        yield from (v for v in (row.truth.low, row.truth.high, row.truth.statistic) if v is not None)


def _at(scale: Scale, row: PerformanceRow, value: float) -> tuple[float, float]:
    first, span, low, high = scale
    x = _LEFT + _INSET + (row.window.end - first).total_seconds() / span * (_WIDTH - _LEFT - 12 - 2 * _INSET)
    return round(x, 1), round(_TOP + (high - value) / (high - low) * (_HEIGHT - _TOP - _BOTTOM), 1)


def _band(scale: Scale, row: PerformanceRow) -> str:
    one = row.estimate
    if one is None or one.low is None or one.high is None:
        return ""
    colour = FAINT if row.reason or row.is_disputed else CURRENT_COLOUR
    (x, low), (_, high), (_, middle) = (_at(scale, row, value) for value in (one.low, one.high, one.statistic))
    return (
        f'<line x1="{x}" x2="{x}" y1="{low}" y2="{high}" stroke="{colour}" stroke-opacity="0.35" stroke-width="4"/>'
        f'<rect x="{x - 2}" y="{middle - 1}" width="4" height="2" fill="{colour}"/>'
    )


def _truth(scale: Scale, row: PerformanceRow) -> str:
    one = row.truth
    if one is None:
        return ""
    x, y = _at(scale, row, one.statistic)
    colour = MOVED_COLOUR if row.holds is False else INK
    dot = f'<circle cx="{x}" cy="{y}" r="2.4" fill="{colour}"/>'
    if one.low is None or one.high is None:
        return dot
    low, high = _at(scale, row, one.low)[1], _at(scale, row, one.high)[1]
    return f'<line x1="{x}" x2="{x}" y1="{low}" y2="{high}" stroke="{colour}" stroke-opacity="0.6"/>{dot}'


def _axis(scale: Scale) -> Iterator[str]:
    first, span, low, high = scale
    digits = max(0, 1 - math.floor(math.log10((high - low) / 4)))
    for part in range(5):
        value = low + (high - low) * part / 4
        y = round(_TOP + (4 - part) / 4 * (_HEIGHT - _TOP - _BOTTOM), 1)
        yield f'<line x1="{_LEFT}" x2="{_WIDTH - 12}" y1="{y}" y2="{y}" stroke="{FAINT}" stroke-opacity="0.2"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end" fill="{FAINT}">{value:.{digits}f}</text>'
    last = datetime.fromtimestamp(first.timestamp() + span, first.tzinfo)
    shown = "%Y-%m-%d %H:%M" if span < _SHORT_S else "%Y-%m-%d"
    for at, x, anchor in ((first, _LEFT, "start"), (last, _WIDTH - 12, "end")):
        yield f'<text x="{x}" y="{_HEIGHT - 8}" text-anchor="{anchor}" fill="{FAINT}">{at:{shown}}</text>'


def _legend(rows: Sequence[PerformanceRow]) -> str:
    """Of what there is to see."""
    said = ("| estimated, with its 95 % interval", CURRENT_COLOUR), ("| not to be relied on", FAINT)
    told = ("\N{BLACK CIRCLE} by the truth", INK), ("\N{BLACK CIRCLE} outside the interval", MOVED_COLOUR)
    has_estimates = any(row.estimate is not None for row in rows)
    places = zip((*said, *told), (0, 205, 345, 445), strict=True) if has_estimates else [(told[0], 0)]
    return "".join(f'<text x="{_LEFT + x}" y="32" fill="{colour}">{text}</text>' for (text, colour), x in places)
