"""A message as a mail: plain text, HTML, and pictures inside it. Pure but for drawing the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from alerts.model import Chart
from alerts.render.chart_png import alt_text, chart_png
from alerts.render.document import Message, one_line
from alerts.render.html import render_html
from alerts.render.text import mark, render_text


def mail_of(message: Message, sender: str, recipients: Sequence[str], *, with_charts: bool = True) -> EmailMessage:
    """Build multipart/alternative (plain, related(HTML, PNG ...)).

    The `Message-ID` derives from the delivery, so that a repeated mail is known to be one; all mails of
    one group refer to the same root, so that mail readers show them as one thread.
    """
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = ", ".join(recipients)
    mail["Subject"] = one_line(f"[{mark(message)}] {message.title}")
    mail["Date"] = format_datetime(message.at)
    mail["Message-ID"] = message_id(message, sender)
    mail["In-Reply-To"] = thread_root(message, sender)
    mail["References"] = thread_root(message, sender)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(render_text(message))
    charts = message.charts if with_charts else ()
    content_ids = [f"chart{place}.{message.delivery_id}@driftline" for place in range(len(charts))]
    pictures = [(f"cid:{name}", alt_text(chart)) for name, chart in zip(content_ids, charts, strict=True)]
    mail.add_alternative(render_html(message, pictures), subtype="html")
    _add_pictures(mail, charts, content_ids)
    return mail


def message_id(message: Message, sender: str) -> str:
    """The mail's own name, the same at every try."""
    return f"<{message.delivery_id}@{_domain(sender)}>"


def thread_root(message: Message, sender: str) -> str:
    """The name under which mail readers gather all mails of one generation of a group."""
    return f"<{message.group_key}.{message.generation}@{_domain(sender)}>"


def _domain(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2] or "driftline.invalid"


def _add_pictures(mail: EmailMessage, charts: Sequence[Chart], content_ids: Sequence[str]) -> None:
    html = mail.get_payload(1)
    if not isinstance(html, EmailMessage):
        msg = "the HTML alternative is missing"
        raise TypeError(msg)
    for place, (chart, name) in enumerate(zip(charts, content_ids, strict=True)):
        html.add_related(
            chart_png(chart),
            maintype="image",
            subtype="png",
            cid=f"<{name}>",
            filename=f"chart-{place + 1}.png",
            disposition="inline",
        )
