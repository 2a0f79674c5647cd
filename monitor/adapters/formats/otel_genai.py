"""OpenTelemetry spans of language models, by the GenAI semantic conventions."""

from dataclasses import dataclass
from typing import cast

from monitor.adapters.formats.format import FormatKind, FormatOptions, Mapped, Message, Row, Unpaired
from monitor.adapters.formats.payloads.chats import ChatOptions, chat_row, last_text
from monitor.adapters.formats.payloads.json_payload import instant_text
from monitor.adapters.formats.payloads.spans import Span, rows_of_spans

_EVALUATION = "gen_ai.evaluation.result"


@dataclass(frozen=True, slots=True)
class OtelGenai(Unpaired):
    """A row for each span that names a model; other spans say nothing. Evaluations among its events are ground truth.

    Content is opt-in: prompt and completion are features where they are in the span. Names of versions up to 1.36 are
    read where the newer ones are absent.
    """

    options: ChatOptions

    def map(self, message: Message) -> Mapped:
        """As many rows as there are spans of models."""
        return rows_of_spans(message, self._rows)

    def _rows(self, span: Span) -> list[Row]:
        asked = span.first("gen_ai.request.model", "gen_ai.response.model")
        if asked is None:
            return []
        model, event_time = self.options.model or str(asked), instant_text(span.start_ms)
        row: Row = {
            "event_id": span.span_id,
            "model": model,
            "model_version": self.options.model_version or str(span.first("gen_ai.response.model") or asked),
            "event_time": event_time,
            **({} if span.latency_ms is None else {"latency_ms": span.latency_ms}),
            **chat_row(_features(span), self.options),
        }
        truth = {"type": "ground_truth", "event_id": span.span_id, "model": model, "event_time": event_time}
        return [row, *({**truth, "label": label} for label in self._labels(span))]

    def _labels(self, span: Span) -> list[object]:
        for name, attributes in span.events:
            if name == _EVALUATION and self.options.label in (None, attributes.get("gen_ai.evaluation.name")):
                found = attributes.get("gen_ai.evaluation.score.label", attributes.get("gen_ai.evaluation.score.value"))
                return [] if found is None else [found]
        return []


def _features(span: Span) -> dict[str, object]:
    reasons = span.first("gen_ai.response.finish_reasons")
    return {
        "operation": span.first("gen_ai.operation.name"),
        "provider": span.first("gen_ai.provider.name", "gen_ai.system"),
        "temperature": span.first("gen_ai.request.temperature"),
        "input_tokens": span.first("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
        "output_tokens": span.first("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
        "finish_reason": reasons[0] if isinstance(reasons, list) and reasons else reasons,
        "error": span.first("error.type"),
        "prompt": last_text(span.first("gen_ai.input.messages", "gen_ai.prompt")),
        "completion": last_text(span.first("gen_ai.output.messages", "gen_ai.completion")),
    }


def _build(options: FormatOptions) -> OtelGenai:
    return OtelGenai(cast("ChatOptions", options))


def _recognises(message: Message) -> bool:
    return b"gen_ai." in message.value


KIND = FormatKind("otel-genai", "OpenTelemetry GenAI spans", ChatOptions, _build, _recognises)
