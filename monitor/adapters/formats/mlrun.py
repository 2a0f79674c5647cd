"""MLRun's serving stream: a request with its response in one object."""

from dataclasses import dataclass
from typing import cast

from monitor.adapters.formats.format import FormatKind, FormatOptions, Mapped, Message, Row, Unpaired
from monitor.adapters.formats.payloads.json_payload import (
    instant_ms,
    instant_text,
    json_of,
    needed,
    object_of,
    optional_text,
    text,
)
from monitor.adapters.formats.payloads.predict_bodies import inputs_of, outputs_of
from monitor.adapters.formats.payloads.rows import RowOptions, rows_of
from monitor.domain.errors import RecordRejected, RejectReason

_PREDICTS = ("infer", "predict")


@dataclass(frozen=True, slots=True)
class Mlrun(Unpaired):
    """Operations other than infer and predict say nothing.

    `microsec` is no latency: it starts again at 0 after every second. It is kept as metadata, and `latency_ms` stays
    unknown.
    """

    options: RowOptions

    def map(self, message: Message) -> Mapped:
        """As many rows as the request has inputs."""
        content = object_of(json_of(message.value))
        if str(content.get("op") or "infer") not in _PREDICTS:
            return Mapped()
        if error := content.get("error"):
            raise RecordRejected(RejectReason.FAILED_REQUEST, f"the server answered with an error: {error!r:.200}")
        request = object_of(needed(content, "request"), "request")
        response = object_of(needed(content, "resp"), "resp")
        common: Row = {
            "model": self.options.model or text(content, "model"),
            "model_version": self.options.model_version or optional_text(content, "version") or "latest",
            "event_time": instant_text(instant_ms(needed(content, "when"), "when")),
            "metadata": {"microsec": content.get("microsec"), "function_uri": content.get("function_uri")},
        }
        inputs = inputs_of(request, self.options.columns)
        return rows_of(text(request, "id"), inputs, outputs_of(response), common, self.options)


def _build(options: FormatOptions) -> Mlrun:
    return Mlrun(cast("RowOptions", options))


def _recognises(message: Message) -> bool:
    return b'"microsec"' in message.value and b'"resp"' in message.value


KIND = FormatKind("mlrun", "MLRun serving stream", RowOptions, _build, _recognises)
