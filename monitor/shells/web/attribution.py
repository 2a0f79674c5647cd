"""What carries the drift, as a picture and as a page: shares of columns, values and segments. Pure."""

from collections.abc import Sequence
from html import escape

from monitor.shells.web.charts import BASELINE_COLOUR, FONT, MOVED_COLOUR, chart_svg, described, svg_text
from monitor.shells.web.page import page
from monitor.stats.attribution.attribution import Attribution, Division
from monitor.stats.attribution.words import foremost, move, percent
from monitor.usecases.attribute_stored import AttributedWindow

MOST_BARS = 12
_WIDTH, _LABELS, _VALUES, _ROW, _BAR, _TOP = 1_120, 170, 60, 40, 14, 6
_DESCRIBED = 3

Bar = tuple[str, float, str]
"""A name, its share of the drift (0 to 1), and what is said below the bar."""


def attribution_svg(found: Attribution) -> str:
    """A bar for each column that moved, as long as its share of the drift."""
    return bars_svg("What carries the drift", column_bars(found))


def column_bars(found: Attribution) -> list[Bar]:
    """The columns with the largest shares; the others are one bar."""
    shown, left = found.columns[:MOST_BARS], found.columns[MOST_BARS:]
    bars = [(part.column, found.share(part.bits), "; ".join(map(move, foremost(part, _DESCRIBED)))) for part in shown]
    return bars + ([(f"{len(left)} more", found.share(sum(part.bits for part in left)), "")] if left else [])


def segment_bars(one: Division) -> list[Bar]:
    """The segments of a division, and what of all records they are."""
    whole = one.bits or 1.0
    return [
        (part.segment, part.bits / whole, f"{percent(part.baseline)} -> {percent(part.current)} of all records")
        for part in one.segments
    ]


def bars_svg(title: str, bars: Sequence[Bar]) -> str:
    """The picture, with its title and its longest bar in words."""
    height = _TOP + _ROW * len(bars)
    rows = "".join(_bar(place, *bar) for place, bar in enumerate(bars))
    said = f"Most of it: {bars[0][0]}, {percent(bars[0][1])}" if bars else "Nothing moved"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" role="img" font-family="{FONT}" font-size="12">'
        f"<title>{escape(title)}</title><desc>{escape(said)}</desc>{rows}</svg>"
    )


def attribution_section(found: Attribution) -> str:
    """HTML of what carries the drift; empty where nothing moved or nothing can be told."""
    if not found.columns:
        return ""
    by_segment = "".join(_division(one) for one in found.divisions if one.bits)
    return (
        f'<h2>What carries the drift</h2><div class="card">{attribution_svg(found)}'
        f'<p class="faint">Shares of {found.bits:.3g} bits, which are the sum of all columns: their Jensen-Shannon '
        f"divergence beyond what chance gives.</p></div>{by_segment}"
    )


def attribution_page(found: AttributedWindow) -> str:
    """A whole document about a window: what carries its drift, and a picture of each column that does."""
    parts, title = found.attribution, f"{found.ref}, {found.window}"
    cards = "".join(
        f'<figure class="card"><header><h3>{escape(name)}</h3></header>{chart_svg(chart)}'
        f"<figcaption><p>{escape(described(chart))}.</p></figcaption></figure>"
        for name, chart in found.charts.items()
    )
    said = parts.lacking or ("" if parts.columns else "No column moved more than chance explains.")
    rows = f"{parts.n_current:,} records against {parts.n_baseline:,} of the baseline. {said}"
    pictures = f'<h2>What moved</h2><div class="cards">{cards}</div>' if cards else ""
    content = f'<h1>{escape(title)}</h1><p class="faint">{escape(rows)}</p>{attribution_section(parts)}{pictures}'
    return page(title, content)


def _division(one: Division) -> str:
    title = f"By {one.column}"
    return f'<h2>{escape(title)}</h2><div class="card">{bars_svg(title, segment_bars(one))}</div>'


def _bar(place: int, name: str, share: float, below: str) -> str:
    top, room = _TOP + _ROW * place, _WIDTH - _LABELS - _VALUES
    colour, fill = ("moved", MOVED_COLOUR) if place == 0 else ("baseline", BASELINE_COLOUR)
    return (
        svg_text("ink", _LABELS - 10, top + 12, name if len(name) <= 24 else name[:23] + "…", anchor="end")
        + f'<rect class="{colour}" x="{_LABELS}" y="{top + 1}" width="{max(1.5, share * room):.1f}" height="{_BAR}" '
        f'rx="2" fill="{fill}"/>'
        + svg_text("ink", int(_LABELS + share * room) + 8, top + 12, percent(share))
        + svg_text("faint", _LABELS, top + 30, below)
    )
