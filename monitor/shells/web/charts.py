"""A chart as SVG: a pair of bars for each category, the one that moved most in the colour of alarm. Pure.

Colours stand as attributes, so that the picture is whole by itself, and the parts have classes, so that a page may
colour them anew, for the dark for example.
"""

from html import escape

from monitor.domain.rules import Chart

BASELINE_COLOUR, CURRENT_COLOUR, MOVED_COLOUR, INK, FAINT = "#9aa5b1", "#2f6fb2", "#c62828", "#1f2933", "#616e7c"
_WIDTH, _LABELS, _VALUES = 560, 160, 108
_ROW, _BAR, _TOP = 34, 11, 34
FONT = "system-ui,-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif"
_MIN_BAR = 1.5
"""Pixels that a bar has at least, unless it stands for nothing."""


def chart_svg(chart: Chart) -> str:
    """The picture, with its title and what it shows in words for those who do not see it."""
    height = _TOP + _ROW * len(chart.categories) + 6
    largest = max((*chart.baseline, *chart.current), default=0.0) or 1.0
    rows = "".join(_row(chart, place, largest) for place in range(len(chart.categories)))
    legend = _legend(has_moved=moved_most(chart) is not None)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" role="img" font-family="{FONT}" font-size="12">'
        f"<title>{escape(chart.title)}</title><desc>{escape(described(chart))}</desc>{legend}{rows}</svg>"
    )


def described(chart: Chart) -> str:
    """What the picture shows, in a sentence: where the shares moved most, if they did."""
    place = moved_most(chart)
    if place is None:
        return "No share moved: the window's are those of the baseline"
    before, now = chart.baseline[place], chart.current[place]
    return (
        f"Largest move at {chart.categories[place]}: {percent(before)} of the rows in the baseline, {percent(now)} in "
        "the window"
    )


def moved_most(chart: Chart) -> int | None:
    """Position of the category whose share changed most; None when none has changed, as in a constant column."""
    moves = [abs(now - before) for before, now in zip(chart.baseline, chart.current, strict=True)]
    return moves.index(max(moves)) if any(moves) else None


def percent(share: float) -> str:
    """A share (0 to 1) for people: never 0 % for something, nor 100 % for less than all.

    >>> [percent(share) for share in (0, 0.0002, 0.251, 0.99999, 1)]
    ['0 %', '< 0.1 %', '25.1 %', '> 99.9 %', '100 %']
    """
    if share in {0, 1}:
        return f"{share:.0%}".replace("%", " %")
    if share < 0.001:
        return "< 0.1 %"
    return "> 99.9 %" if share > 0.999 else f"{100 * share:.1f} %"


def _legend(*, has_moved: bool) -> str:
    moved = (
        f'<rect class="moved" x="{_LABELS + 160}" y="8" width="11" height="11" rx="2" fill="{MOVED_COLOUR}"/>'
        f"{svg_text('faint', _LABELS + 177, 18, 'window, moved most')}"
    )
    return (
        f'<rect class="baseline" x="{_LABELS}" y="8" width="11" height="11" rx="2" fill="{BASELINE_COLOUR}"/>'
        f"{svg_text('faint', _LABELS + 17, 18, 'baseline')}"
        f'<rect class="current" x="{_LABELS + 84}" y="8" width="11" height="11" rx="2" fill="{CURRENT_COLOUR}"/>'
        f"{svg_text('faint', _LABELS + 101, 18, 'window')}"
        f"{moved if has_moved else ''}"
    )


def _row(chart: Chart, place: int, largest: float) -> str:
    top = _TOP + _ROW * place
    before, now = chart.baseline[place], chart.current[place]
    colour = ("moved", MOVED_COLOUR) if place == moved_most(chart) else ("current", CURRENT_COLOUR)
    change = 100 * (now - before)
    return (
        svg_text("ink", _LABELS - 10, top + 17, chart.categories[place], anchor="end")
        + _bar(("baseline", BASELINE_COLOUR), top + 2, before / largest)
        + _bar(colour, top + 2 + _BAR + 1, now / largest)
        + svg_text("ink", _WIDTH - 54, top + 17, percent(now), anchor="end")
        + svg_text("faint", _WIDTH - 2, top + 17, f"{change:+.1f}".replace("-", "\N{MINUS SIGN}"), anchor="end")
    )


def _bar(colour: tuple[str, str], top: int, length: float) -> str:
    width = max(_MIN_BAR, length * (_WIDTH - _LABELS - _VALUES)) if length else 0
    name, fill = colour
    return f'<rect class="{name}" x="{_LABELS}" y="{top}" width="{width:.1f}" height="{_BAR}" rx="2" fill="{fill}"/>'


def svg_text(name: str, x: int, y: int, words: str, anchor: str = "start") -> str:
    """Words at a place, in the colour `ink` or `faint`."""
    fill = INK if name == "ink" else FAINT
    return f'<text class="{name}" x="{x}" y="{y}" text-anchor="{anchor}" fill="{fill}">{escape(words)}</text>'
