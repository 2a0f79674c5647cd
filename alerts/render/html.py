"""A message as HTML for mail: one column of at most 600 pixels, styles inline, no script, no remote picture. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape

from alerts.render.document import COLOURS, RESOLVED_COLOUR, Entry, Field, Message, Table
from alerts.render.text import mark
from alerts.render.wording import plural, when

_FONT = "font-family:-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif"  # a quote would end the attribute
_SMALL = f"{_FONT};font-size:13px;line-height:19px;color:#52606d"
_WHOLE, _SHORT = ";white-space:nowrap", 20
_CELL = f"{_FONT};font-size:13px;line-height:19px;color:#1f2933"
_BODY = f"{_FONT};font-size:15px;line-height:22px;color:#1f2933"


def render_html(message: Message, pictures: Sequence[tuple[str, str]] = (), max_entries: int = 20) -> str:
    """The whole message; `pictures` are (source, alternative text) for the charts, in their order."""
    shown = message.entries[:max_entries]
    rows = [
        _banner(message),
        _row(f"<p style='margin:0;{_BODY}'>{_text(message.lead)}</p>"),
        _row(_table(message.fields)),
    ]
    rows += [_row(_entry(entry, is_alone=len(message.entries) == 1)) for entry in shown]
    more = len(message.entries) - len(shown) + message.more
    if more:
        rows.append(_row(f"<p style='margin:0;{_SMALL}'>and {plural(more, 'more alert')}</p>"))
    rows += [_row(_listing(table)) for table in message.tables]
    rows += [_row(_picture(source, words)) for source, words in pictures]
    rows.append(_row(f"<p style='margin:0;{_SMALL}'>{_text(message.footer)}</p>"))
    return _page(message.title, message.lead, "".join(rows))


def _page(title: str, preview: str, rows: str) -> str:
    return (
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        "<meta name='color-scheme' content='light'>"
        f"<title>{escape(title)}</title></head>"
        "<body style='margin:0;padding:0;background:#eef1f4'>"
        f"<div style='display:none;max-height:0;overflow:hidden'>{escape(preview)}</div>"
        "<table role='presentation' width='100%' cellpadding='0' cellspacing='0' style='background:#eef1f4'><tr>"
        "<td align='center' style='padding:12px'>"
        "<table role='presentation' width='100%' cellpadding='0' cellspacing='0' "
        "style='max-width:600px;background:#ffffff;border-radius:6px;overflow:hidden'>"
        f"{rows}</table></td></tr></table></body></html>"
    )


def _banner(message: Message) -> str:
    style = f"background:{message.colour};padding:14px 16px;{_FONT};color:#ffffff"
    return (
        f"<tr><td style='{style}'><div style='font-size:12px;line-height:16px;letter-spacing:1px'>{mark(message)}</div>"
        f"<h1 style='margin:2px 0 0;font-size:19px;line-height:25px'>{_text(message.title)}</h1></td></tr>"
    )


def _row(content: str) -> str:
    return (
        f"<tr><td style='padding:10px 16px;border-bottom:1px solid #eef1f4;word-break:break-word'>{content}</td></tr>"
    )


def _table(fields: Sequence[Field]) -> str:
    cells = "".join(
        f"<tr><td style='padding:1px 14px 1px 0;{_SMALL};white-space:nowrap' valign='top'>{_text(field.name)}</td>"
        f"<td style='padding:1px 0;{_BODY}'>{_text(field.value)}</td></tr>"
        for field in fields
    )
    return f"<table role='presentation' cellpadding='0' cellspacing='0'>{cells}</table>"


def _listing(table: Table) -> str:
    heading = (
        f"<h2 style='margin:4px 0 6px;{_FONT};font-size:15px;line-height:20px;color:#1f2933'>{_text(table.title)}</h2>"
    )
    if not table.rows:
        return f"{heading}<p style='margin:0 0 4px;{_SMALL}'>{_text(table.empty)}</p>"
    lines = _cells("th", table.columns, f"{_SMALL};text-align:left;font-weight:600;border-bottom:1px solid #cbd2d9")
    lines += "".join(_cells("td", row, f"{_CELL};border-bottom:1px solid #eef1f4") for row in table.rows)
    more = f"<p style='margin:4px 0 0;{_SMALL}'>and {table.more} more</p>" if table.more else ""
    return f"{heading}<table width='100%' cellpadding='0' cellspacing='0'>{lines}</table>{more}"


def _cells(tag: str, texts: Sequence[str], style: str) -> str:
    """Cells in which a short text stays whole, and a long one may be broken anywhere."""
    cells = (
        f"<{tag} style='padding:4px 10px 4px 0;{style}{_WHOLE if len(text) <= _SHORT else ''}' valign='top'>"
        f"{_text(text)}</{tag}>"
        for text in texts
    )
    return f"<tr>{''.join(cells)}</tr>"


def _entry(entry: Entry, *, is_alone: bool) -> str:
    parts = [] if is_alone else [_heading(entry)]
    texts = filter(None, (entry.summary, entry.description, entry.reason))
    parts += [f"<p style='margin:0 0 8px;{_BODY}'>{_text(text)}</p>" for text in texts]
    if entry.causes:
        items = "".join(f"<li style='{_BODY}'>{_text(cause)}</li>" for cause in entry.causes)
        parts.append(
            f"<p style='margin:0;{_SMALL}'>Ranked causes</p><ol style='margin:2px 0 8px;padding-left:24px'>{items}</ol>"
        )
    if entry.details:
        parts.append(_table([replace(field, name=field.words) for field in entry.details]))
    if entry.links:
        parts.append(" ".join(_button(link.text, link.url) for link in entry.links))
    return "".join(parts)


def _heading(entry: Entry) -> str:
    colour = RESOLVED_COLOUR if entry.is_resolved else COLOURS[entry.severity]
    state = "resolved" if entry.is_resolved else entry.severity.value
    return (
        f"<h2 style='margin:0 0 4px;{_FONT};font-size:16px;line-height:22px;color:{colour}'>{_text(entry.title)}</h2>"
        f"<p style='margin:0 0 4px;{_SMALL}'>{state} since {when(entry.ends_at or entry.starts_at)}</p>"
    )


def _button(text: str, url: str) -> str:
    style = (
        f"display:inline-block;margin:4px 6px 4px 0;padding:9px 16px;border-radius:4px;background:#1f2933;"
        f"color:#ffffff;text-decoration:none;{_FONT};font-size:14px;line-height:20px"
    )
    return f"<a href='{escape(url)}' style='{style}'>{escape(text)}</a>"


def _picture(source: str, words: str) -> str:
    style = "width:100%;max-width:568px;height:auto;border:0"
    return f"<img src='{escape(source)}' alt='{escape(words)}' width='568' style='{style}'>"


def _text(text: str) -> str:
    return escape(text).replace("\n", "<br>")
