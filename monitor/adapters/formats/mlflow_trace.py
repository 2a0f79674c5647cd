"""MLflow traces: what an application was asked and answered, and what people said of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from monitor.adapters.formats.format import FormatKind, FormatOptions, Mapped, Message, Row, Unpaired
from monitor.adapters.formats.payloads.chats import ChatOptions, chat_row, last_text
from monitor.adapters.formats.payloads.json_payload import (
    instant_ms,
    instant_text,
    json_of,
    list_of,
    needed,
    object_of,
    optional_text,
    text,
)

_INPUTS, _OUTPUTS = "mlflow.spanInputs", "mlflow.spanOutputs"


@dataclass(frozen=True, slots=True)
class MlflowTrace(Unpaired):
    """The id is `trace_id` (`request_id` in version 2). Assessments are ground truth.

    Previews are cut off, so the root span's inputs and outputs are read where the trace has spans; else the previews,
    and the row's metadata says so.
    """

    options: ChatOptions

    def map(self, message: Message) -> Mapped:
        """A row, and the assessment as ground truth where there is one."""
        content = object_of(json_of(message.value))
        trace = object_of(content["info"], "info") if "info" in content else content
        event_id = text(trace, "trace_id", "request_id")
        about = {**_map(trace.get("tags")), **_map(trace.get("trace_metadata", trace.get("request_metadata")))}
        model = self.options.model or text(about, "mlflow.modelId", "mlflow.traceName")
        at_ms = instant_ms(needed(trace, "request_time", "timestamp_ms"), "request_time")
        version = self.options.model_version or optional_text(about, "mlflow.source.git.commit") or "1"
        said = self._said(content, trace)
        took_ms = trace.get("execution_duration_ms", trace.get("execution_time_ms"))
        row: Row = {
            "event_id": event_id,
            "model": model,
            "model_version": version,
            "event_time": instant_text(at_ms),
            **({"latency_ms": took_ms} if isinstance(took_ms, int | float) else {}),
            **said,
        }
        truth = {"type": "ground_truth", "event_id": event_id, "model": model}
        return Mapped([row, *({**truth, **found} for found in self._labels(trace, at_ms))])

    def _said(self, content: Mapping[str, object], trace: Mapping[str, object]) -> Row:
        root = _root(content)
        is_whole = _INPUTS in root
        features = {
            "prompt": last_text(root[_INPUTS] if is_whole else trace.get("request_preview")),
            "completion": last_text(root.get(_OUTPUTS) if is_whole else trace.get("response_preview")),
            "state": trace.get("state", trace.get("status")),
        }
        return {**chat_row(features, self.options), "metadata": {"is_preview": not is_whole}}

    def _labels(self, trace: Mapping[str, object], at_ms: int) -> list[Row]:
        for one in list_of(trace.get("assessments") or [], "assessments"):
            assessment = object_of(one, "assessment")
            given = _map(assessment.get("feedback", assessment.get("expectation")))
            is_wanted = self.options.label in (None, assessment.get("assessment_name", assessment.get("name")))
            if is_wanted and given.get("value") is not None:
                at = assessment.get("last_update_time", assessment.get("create_time"))
                known_ms = at_ms if at is None else instant_ms(at, "assessment time")
                return [{"event_time": instant_text(known_ms), "label": given["value"]}]
        return []


def _root(content: Mapping[str, object]) -> Mapping[str, object]:
    """The attributes of the span without a parent."""
    data = content.get("data")
    spans = data.get("spans") if isinstance(data, dict) else content.get("spans")
    for span in spans if isinstance(spans, list) else ():
        if isinstance(span, dict) and not (span.get("parent_id") or span.get("parent_span_id")):
            return _map(span.get("attributes"))
    return {}


def _map(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _build(options: FormatOptions) -> MlflowTrace:
    return MlflowTrace(cast("ChatOptions", options))


def _recognises(message: Message) -> bool:
    return b'"request_preview"' in message.value or b'"trace_metadata"' in message.value


KIND = FormatKind("mlflow-trace", "MLflow traces", ChatOptions, _build, _recognises)
