"""OpenInference spans of language models (Phoenix, Arize): flat attributes, annotations as ground truth."""

from dataclasses import dataclass
from typing import cast

from monitor.adapters.formats.format import FormatKind, FormatOptions, Mapped, Message, Row, Unpaired
from monitor.adapters.formats.payloads.chats import ChatOptions, chat_row, last_text
from monitor.adapters.formats.payloads.json_payload import instant_text
from monitor.adapters.formats.payloads.spans import Span, rows_of_spans


class OpeninferenceOptions(ChatOptions):
    """Which spans are predictions."""

    kinds: tuple[str, ...] = ("LLM",)
    """Values of `openinference.span.kind` that are read; other spans say nothing."""


@dataclass(frozen=True, slots=True)
class Openinference(Unpaired):
    """A row for each span of the wanted kinds; its first annotation (or that of the option `label`) is ground truth."""

    options: OpeninferenceOptions

    def map(self, message: Message) -> Mapped:
        """As many rows as there are such spans."""
        return rows_of_spans(message, self._rows)

    def _rows(self, span: Span) -> list[Row]:
        if span.first("openinference.span.kind") not in self.options.kinds:
            return []
        named = str(span.first("llm.model_name", "embedding.model_name") or "unknown")
        model, event_time = self.options.model or named, instant_text(span.start_ms)
        row: Row = {
            "event_id": span.span_id,
            "model": model,
            "model_version": self.options.model_version or named,
            "event_time": event_time,
            **({} if span.latency_ms is None else {"latency_ms": span.latency_ms}),
            **chat_row(_features(span), self.options),
        }
        truth = {"type": "ground_truth", "event_id": span.span_id, "model": model, "event_time": event_time}
        return [row, *({**truth, "label": label} for label in self._labels(span))]

    def _labels(self, span: Span) -> list[object]:
        position = 0
        while name := span.first(f"annotations.{position}.annotation.name"):
            found = span.first(f"annotations.{position}.annotation.label", f"annotations.{position}.annotation.score")
            if self.options.label in (None, name) and found is not None:
                return [found]
            position += 1
        return []


def _features(span: Span) -> dict[str, object]:
    return {
        "provider": span.first("llm.provider", "llm.system"),
        "prompt": _last_message(span, "llm.input_messages") or last_text(span.first("input.value")),
        "completion": _last_message(span, "llm.output_messages") or last_text(span.first("output.value")),
        "input_tokens": span.first("llm.token_count.prompt"),
        "output_tokens": span.first("llm.token_count.completion"),
    }


def _last_message(span: Span, prefix: str) -> object:
    found = None
    position = 0
    while span.first(f"{prefix}.{position}.message.role", f"{prefix}.{position}.message.content") is not None:
        found = span.first(f"{prefix}.{position}.message.content") or found
        position += 1
    return found


def _build(options: FormatOptions) -> Openinference:
    return Openinference(cast("OpeninferenceOptions", options))


def _recognises(message: Message) -> bool:
    return b"openinference.span.kind" in message.value


KIND = FormatKind("openinference", "OpenInference spans", OpeninferenceOptions, _build, _recognises)
