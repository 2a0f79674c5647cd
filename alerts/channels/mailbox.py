"""The mailbox channel: every message as files in a folder, to look at how it would reach people."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from alerts.errors import FailureReason, Retryable
from alerts.model import Receipt
from alerts.ports import ChannelKind, Clock
from alerts.render.chart_png import alt_text, chart_png
from alerts.render.document import Message
from alerts.render.html import render_html
from alerts.render.mime import mail_of
from alerts.render.slack import fallback_text, render_slack
from alerts.settings import ChannelSettings


class MailboxSettings(ChannelSettings):
    """Settings of `kind: mailbox`; the folder is made when it is not there."""

    kind: Literal["mailbox"]
    folder: Path
    sender: str = "Driftline <driftline@localhost>"
    recipient: str = "you@localhost"


class MailboxChannel:
    """Writes `<time>-<delivery>.eml`, `.html` and `.slack.json`; sending again writes the same files."""

    def __init__(self, name: str, settings: MailboxSettings) -> None:
        """Write into the folder of these settings."""
        self.name = name
        self._settings = settings

    def send(self, message: Message, previous: Receipt | None) -> Receipt:  # noqa: ARG002 - each message has files of its own
        """Write the three files; raises Retryable when the folder cannot be written."""
        settings = self._settings
        stem = f"{message.at:%Y%m%dT%H%M%SZ}-{message.delivery_id[:12]}"
        slack = {"text": fallback_text(message), "blocks": render_slack(message)}
        pictures = [(_data_uri(chart_png(chart)), alt_text(chart)) for chart in message.charts]
        files = {
            ".eml": mail_of(message, settings.sender, [settings.recipient]).as_bytes(),
            ".html": render_html(message, pictures).encode(),
            ".slack.json": json.dumps(slack, ensure_ascii=False, indent=2).encode(),
        }
        try:
            settings.folder.mkdir(parents=True, exist_ok=True)
            for ending, content in files.items():
                _write_whole(settings.folder / f"{stem}{ending}", content)
        except OSError as error:
            detail = f"folder {settings.folder} cannot be written: {error.strerror or type(error).__name__}"
            raise Retryable(FailureReason.REFUSED, detail=detail) from None
        return Receipt({"html": str(settings.folder / f"{stem}.html"), "eml": str(settings.folder / f"{stem}.eml")})


def _write_whole(path: Path, content: bytes) -> None:
    """Write beside and rename, so that whoever watches the folder never reads half a file."""
    draft = path.with_name(f".{path.name}.part")
    draft.write_bytes(content)
    draft.replace(path)


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _build(name: str, settings: BaseModel, clock: Clock) -> MailboxChannel:  # noqa: ARG001 - the message says its time
    return MailboxChannel(name, MailboxSettings.model_validate(settings))


KIND = ChannelKind("mailbox", MailboxSettings, _build)
