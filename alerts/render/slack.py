"""A message as Slack Block Kit: within 40 blocks and 10,000 characters, then "and N more". Pure.

Slack allows 50 blocks, 3,000 characters in a section's text, 150 in a header, and refuses a message
whose blocks hold about 13,000 characters together (slackapi/bolt-js issue 2509, 2025).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from alerts.buttons import Button, offered
from alerts.model import NotifyReason, Severity
from alerts.render.document import Entry, Message, Table
from alerts.render.text import mark
from alerts.render.wording import plural, when

MAX_BLOCKS = 40
MAX_CHARS = 10_000
_MAX_SECTION_CHARS = 3000
_MAX_HEADER_CHARS = 150
_MAX_FIELDS = 10
_CAUSES_ALONE, _CAUSES_IN_GROUP = 20, 5
_SIGNS = {
    Severity.CRITICAL: ":red_circle:",
    Severity.WARNING: ":large_orange_circle:",
    Severity.INFO: ":large_blue_circle:",
}

Block = dict[str, object]


ACTION_PREFIX = "driftline:"
_LABELS = {
    Button.ACKNOWLEDGE: "Acknowledge",
    Button.SILENCE_HOUR: "Silence 1 h",
    Button.SILENCE_DAY: "Silence 1 d",
    Button.RETRAIN: "Retrain",
    Button.NOT_A_PROBLEM: "Not a problem",
}


def render_slack(message: Message, buttons: Sequence[Button] = ()) -> list[Block]:
    """The blocks, in order; the last ones say how many alerts were left out and where this came from.

    Those of the buttons that make sense come before the last.
    """
    head: list[Block] = [_header(message), _section(f"*{escape_mrkdwn(message.lead)}*"), _fields(message)]
    tail: list[Block] = [*_actions(message, buttons), _context(message.footer)]
    budget = _Budget(MAX_BLOCKS - len(head) - len(tail) - 1, MAX_CHARS - _size(head) - _size(tail) - 200)
    body: list[Block] = []
    is_alone = len(message.entries) == 1
    shown = 0
    for entry in message.entries:
        blocks = _entry(entry, is_alone=is_alone)
        if not budget.takes(blocks):
            break
        body += blocks
        shown += 1
    more = len(message.entries) - shown + message.more
    if more:
        body.append(_section(f"and {plural(more, 'more alert')}"))
    body += [block for table in message.tables if budget.takes([block := _table(table)])]
    return [*head, *body, *tail]


def _actions(message: Message, buttons: Sequence[Button]) -> list[Block]:
    incident = message.incident
    if incident is None:
        return []
    shown = [_button(one, incident.id) for one in offered(incident.state, buttons, is_marked=incident.is_marked)]
    return [{"type": "actions", "block_id": f"{ACTION_PREFIX}{message.channel}", "elements": shown}] if shown else []


def _button(button: Button, incident: str) -> Block:
    text = {"type": "plain_text", "text": _LABELS[button]}
    block: Block = {"type": "button", "action_id": f"{ACTION_PREFIX}{button}", "text": text, "value": incident}
    if button is Button.ACKNOWLEDGE:
        return {**block, "style": "primary"}
    return {**block, "confirm": _SURE} if button is Button.RETRAIN else block


_SURE: Block = {
    "title": {"type": "plain_text", "text": "Retrain?"},
    "text": {"type": "plain_text", "text": "This approves the held job, or asks for one. It may cost money."},
    "confirm": {"type": "plain_text", "text": "Retrain"},
    "deny": {"type": "plain_text", "text": "Not now"},
}


def fallback_text(message: Message) -> str:
    """What a notification and a screen reader show instead of the blocks."""
    return escape_mrkdwn(f"{mark(message)} {message.title}: {message.lead}")


def thread_reply(message: Message) -> str | None:
    """What to say in the thread, since an edit alone notifies nobody; None when an edit is enough."""
    if message.is_quiet or message.reason in {NotifyReason.FIRST, NotifyReason.SOME_RESOLVED}:
        return None
    return f"{sign(message)} {escape_mrkdwn(message.lead)}"


def sign(message: Message) -> str:
    """A coloured disc for the state."""
    if message.reason is NotifyReason.DIGEST:
        return ":newspaper:"
    return ":large_green_circle:" if message.is_resolved else _SIGNS[message.severity]


def escape_mrkdwn(text: str) -> str:
    """Make text harmless: no mention, no link, no channel-wide call can come out of a label.

    >>> escape_mrkdwn("<!channel> & co")
    '&lt;!channel&gt; &amp; co'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class _Budget:
    """What is left of the allowed blocks and characters."""

    def __init__(self, blocks: int, chars: int) -> None:
        self._blocks = blocks
        self._chars = chars

    def takes(self, blocks: list[Block]) -> bool:
        if len(blocks) > self._blocks or _size(blocks) > self._chars:
            return False
        self._blocks -= len(blocks)
        self._chars -= _size(blocks)
        return True


def _size(blocks: list[Block]) -> int:
    return len(json.dumps(blocks, ensure_ascii=False))


def _header(message: Message) -> Block:
    text = _cut(f"{sign(message)} {escape_mrkdwn(message.title)}", _MAX_HEADER_CHARS)
    return {"type": "header", "text": {"type": "plain_text", "text": text, "emoji": True}}


def _fields(message: Message) -> Block:
    fields = [f"*{escape_mrkdwn(field.name)}*\n{escape_mrkdwn(field.value)}" for field in message.fields[:_MAX_FIELDS]]
    return {"type": "section", "fields": [{"type": "mrkdwn", "text": text} for text in fields]}


def _entry(entry: Entry, *, is_alone: bool) -> list[Block]:
    lines = [] if is_alone else [_line(entry)]
    lines += [escape_mrkdwn(text) for text in (entry.summary, entry.description, entry.reason) if text]
    most = _CAUSES_ALONE if is_alone else _CAUSES_IN_GROUP
    lines += [f"{place}. {escape_mrkdwn(cause)}" for place, cause in enumerate(entry.causes[:most], 1)]
    if len(entry.causes) > most:
        lines.append(f"and {plural(len(entry.causes) - most, 'more cause')}")
    lines += [f"{escape_mrkdwn(field.words)}: {escape_mrkdwn(field.value)}" for field in entry.details]
    if entry.links:
        lines.append(" · ".join(f"<{escape_mrkdwn(link.url)}|{escape_mrkdwn(link.text)}>" for link in entry.links))
    return [_section("\n".join(lines))] if lines else []


def _table(table: Table) -> Block:
    """Slack has no tables: a line for each row."""
    lines = [f"*{escape_mrkdwn(table.title)}*"]
    lines += ["• " + escape_mrkdwn(" · ".join(filter(None, row))) for row in table.rows]
    lines += [f"and {table.more} more"] if table.more else []
    return _section("\n".join(lines if table.rows else [*lines, escape_mrkdwn(table.empty)]))


def _line(entry: Entry) -> str:
    mark = ":white_check_mark:" if entry.is_resolved else _SIGNS[entry.severity]
    return f"{mark} *{escape_mrkdwn(entry.title)}* since {when(entry.ends_at or entry.starts_at)}"


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": _cut(text, _MAX_SECTION_CHARS)}}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": _cut(escape_mrkdwn(text), _MAX_SECTION_CHARS)}]}


def _cut(text: str, most: int) -> str:
    """Cut at a line end where possible, so that no escape and no link is cut in two."""
    if len(text) <= most:
        return text
    room = text[: most - 2]
    return (room.rsplit("\n", 1)[0] if "\n" in room else room.rsplit("&", 1)[0]) + "\n…"
