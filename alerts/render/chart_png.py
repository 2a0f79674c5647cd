"""A chart as a PNG of at most 100 KB, and as a sentence for those who cannot see it."""

from __future__ import annotations

import io
import warnings
from threading import Lock
from typing import TYPE_CHECKING

from alerts.model import Chart
from alerts.render.document import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_PNG_BYTES = 100_000
_DOTS_PER_INCH = (150, 100, 60)
_BASELINE_COLOUR, _CURRENT_COLOUR = "#9aa5b1", "#c62828"
_MAX_TICKS = 12
_DRAWING = Lock()  # matplotlib's font cache and the warning filters are shared by all threads


def chart_png(chart: Chart) -> bytes:
    """Draw baseline and current; the same chart gives the same bytes on the same machine."""
    for dots_per_inch in _DOTS_PER_INCH:
        png = _draw(chart, dots_per_inch)
        if len(png) <= MAX_PNG_BYTES:
            return png
    return png


def alt_text(chart: Chart) -> str:
    """What the picture shows, in words: the category that moved most, if one has moved."""
    compared = f"{chart.title}: baseline against current over {len(chart.x)} points"
    return one_line(f"{compared}; {_largest_move(chart)}", 500)


def _largest_move(chart: Chart) -> str:
    moves = [abs(now - before) for before, now in zip(chart.baseline, chart.current, strict=True)]
    if not any(moves):
        return "nothing moved"
    at = moves.index(max(moves))
    unit = f" {chart.unit}" if chart.unit else ""
    return f"largest move at {chart.x[at]}, from {chart.baseline[at]:.4g} to {chart.current[at]:.4g}{unit}"


def _draw(chart: Chart, dots_per_inch: int) -> bytes:
    # here and not above: importing it takes half a second, and most programs never draw
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with _DRAWING, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a glyph that no font has is drawn as a box, which is fine
        figure = Figure(figsize=(6.4, 3.0), dpi=dots_per_inch, layout="constrained")
        canvas = FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        (_bars if chart.kind == "bars" else _line)(axes, chart)
        _label(axes, chart)
        png = io.BytesIO()
        canvas.print_figure(png, format="png", metadata={"Software": None})
    return png.getvalue()


def _bars(axes: Axes, chart: Chart) -> None:
    places = range(len(chart.x))
    axes.bar([place - 0.2 for place in places], chart.baseline, 0.4, label="baseline", color=_BASELINE_COLOUR)
    axes.bar([place + 0.2 for place in places], chart.current, 0.4, label="current", color=_CURRENT_COLOUR)


def _line(axes: Axes, chart: Chart) -> None:
    places = range(len(chart.x))
    axes.plot(places, chart.baseline, label="baseline", color=_BASELINE_COLOUR, linestyle="--")
    axes.plot(places, chart.current, label="current", color=_CURRENT_COLOUR)


def _label(axes: Axes, chart: Chart) -> None:
    step = -(-len(chart.x) // _MAX_TICKS)
    places = range(0, len(chart.x), step)
    labels = [_plain(one_line(chart.x[place], 18)) for place in places]
    tilt = 30 if any(len(label) > 6 for label in labels) else 0
    axes.set_xticks(places, labels, rotation=tilt, ha="right" if tilt else "center", fontsize=8)
    axes.set_title(_plain(one_line(chart.title, 80)), loc="left", fontsize=10)
    axes.set_ylabel(_plain(one_line(chart.unit, 40)), fontsize=8)
    axes.tick_params(axis="y", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)


def _plain(text: str) -> str:
    """Dollar signs as themselves: matplotlib would read what is between two of them as a formula."""
    return text.replace("$", r"\$")
