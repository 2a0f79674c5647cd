"""Chats with language models: what was asked and answered, as features."""

import json
from collections.abc import Mapping, Sequence

from pydantic import Field

from monitor.adapters.formats.format import FormatOptions, Row

_TEXTS = ("content", "text", "value", "parts", "messages")


class ChatOptions(FormatOptions):
    """Options of formats that log language models."""

    prediction: str | None = Field(default=None, min_length=1)
    """Which feature is the prediction, as `completion` or `finish_reason`; none by default."""
    label: str | None = Field(default=None, min_length=1)
    """Which assessment, annotation or evaluation is the ground truth, by name (default: the first)."""


def chat_row(features: Mapping[str, object], options: ChatOptions) -> Row:
    """The features that are known, and the prediction that the options choose among them."""
    known = {name: value for name, value in features.items() if value is not None and value != ""}
    chosen = {} if options.prediction is None else {"prediction": known.get(options.prediction)}
    return {"features": known, **chosen}


def chat_features(request: object, response: object) -> dict[str, object]:
    """Of the bodies of a chat-completion API: the last question, the first answer, and what they cost."""
    asked = request if isinstance(request, dict) else {}
    answered = response if isinstance(response, dict) else {}
    choices = answered.get("choices")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    usage = answered.get("usage")
    used = usage if isinstance(usage, dict) else {}
    return {
        "prompt": last_text(asked.get("messages", asked.get("input", asked.get("prompt")))),
        "completion": last_text([first.get("message", first.get("text"))]),
        "finish_reason": first.get("finish_reason"),
        "input_tokens": used.get("prompt_tokens", used.get("input_tokens")),
        "output_tokens": used.get("completion_tokens", used.get("output_tokens")),
    }


def last_text(messages: object) -> str | None:
    """The text of the last message, whether messages are an array, JSON text of one, or plain text."""
    found = messages
    if isinstance(found, str):
        try:
            found = json.loads(found) if found.lstrip().startswith(("[", "{")) else found
        except (ValueError, RecursionError):
            return str(messages)
    texts = _texts(found, 0)
    return texts[-1] if texts else None


def _texts(value: object, depth: int) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    if depth > 8:
        return []
    if isinstance(value, dict):
        only = next(iter(value.values())) if len(value) == 1 else None
        return _texts(next((value[name] for name in _TEXTS if value.get(name)), only), depth + 1)
    if isinstance(value, Sequence):
        return [text for part in value for text in _texts(part, depth + 1)]
    return []
