"""A confusion matrix as SVG: each true class is a row of shares, with the numbers of records. Pure."""

from collections.abc import Iterator
from html import escape

from monitor.domain.time import format_instant
from monitor.rules.explain import percent
from monitor.shells.web.charts import CURRENT_COLOUR, FAINT, FONT, INK, MOVED_COLOUR
from monitor.usecases.confusions import Confusion

_LABELS, _TOP, _CELL_WIDTH, _CELL_HEIGHT, _MARGIN = 150, 96, 84, 44, 24
_LEAST_WIDTH = 620
_LONGEST, _LONGEST_ABOVE = 18, 11
"""Of labels, in characters: beside a row, and above a column."""


def confusion_svg(found: Confusion) -> str:
    """Darker is more of the row; right predictions are blue, wrong ones red. Beside a class: how often it was true."""
    k = len(found.labels)
    width = max(_LEAST_WIDTH, _LABELS + k * _CELL_WIDTH + _MARGIN)
    height = _TOP + k * _CELL_HEIGHT + _MARGIN
    title = f"Confusion matrix of {found.ref}"
    if found.threshold is not None:
        title += f", {_short(found.labels[-1])} predicted from a score of {found.threshold:g} on"
    texts = [_text(_MARGIN, 24, title, INK, size=15), _text(_MARGIN, 44, rests_on(found), FAINT)]
    texts.append(_text(_LABELS, 66, "predicted", FAINT))
    texts.append(_text(_LABELS - 10, _TOP - 10, "true", FAINT, anchor="end"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="confusion" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" font-family="{FONT}" font-size="12"><title>{escape(title)}</title>'
        f"<desc>{escape(rests_on(found))}</desc>{''.join(texts)}{''.join(_cells(found))}</svg>"
    )


def rests_on(found: Confusion) -> str:
    """Which windows, how many predictions with truth, and which share of all predictions these are."""
    since, until = format_instant(found.windows[0].start), format_instant(found.windows[-1].end)
    share = "an unknown share" if found.coverage is None else percent(found.coverage)
    windows = "" if len(found.windows) == 1 else f", {len(found.windows)} windows"
    return f"{since} to {until}{windows}; {found.n:,} predictions with known truth, {share} of all"


def _cells(found: Confusion) -> Iterator[str]:
    for column, label in enumerate(found.labels):
        yield _text(
            _LABELS + column * _CELL_WIDTH + _CELL_WIDTH // 2,
            _TOP - 10,
            _short(label, _LONGEST_ABOVE),
            INK,
            anchor="middle",
        )
    for row, label in enumerate(found.labels):
        total, top = sum(found.counts[row]), _TOP + row * _CELL_HEIGHT
        yield _text(_LABELS - 10, top + 19, _short(label), INK, anchor="end")
        yield _text(_LABELS - 10, top + 34, f"{total:,}", FAINT, anchor="end")
        for column, n in enumerate(found.counts[row]):
            yield _cell(_LABELS + column * _CELL_WIDTH, top, n, total, is_right=row == column)


def _cell(left: int, top: int, n: int, total: int, *, is_right: bool) -> str:
    share = n / total if total else 0.0
    colour, middle = CURRENT_COLOUR if is_right else MOVED_COLOUR, left + _CELL_WIDTH // 2
    ink = "#fff" if share > 0.55 else INK
    said = percent(share) if total else "-"
    return (
        f'<rect x="{left + 1}" y="{top + 1}" width="{_CELL_WIDTH - 2}" height="{_CELL_HEIGHT - 2}" rx="3" '
        f'fill="{colour}" fill-opacity="{0.06 + 0.84 * share:.2f}"/>'
        + _text(middle, top + 20, said, ink, anchor="middle")
        + _text(middle, top + 35, f"{n:,}", ink, anchor="middle", size=11)
    )


def _short(label: str, longest: int = _LONGEST) -> str:
    return label if len(label) <= longest else f"{label[: longest - 1]}…"


def _text(x: int, y: int, text: str, colour: str, *, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x}" y="{y}" fill="{colour}" text-anchor="{anchor}" font-size="{size}">{escape(text)}</text>'
