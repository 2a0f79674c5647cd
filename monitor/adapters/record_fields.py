"""JSON shapes of records, for the fast path of the decoder; docs/reference/records.md describes them for people."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

Text = Annotated[str, msgspec.Meta(min_length=1)]
Category = str | int | float | bool | None
Label = str | int | float | bool
Prediction = Category | list[Label]


class InferenceFields(msgspec.Struct, gc=False):
    """An inference record whose features are not parsed yet: how depends on its model and version."""

    event_id: Text
    model: Text
    model_version: Text | int
    event_time: datetime | float
    features: msgspec.Raw
    type: Literal["inference"] | None = None
    prediction: Prediction = None
    score: float | None = None
    scores: dict[str, float | None] | None = None
    latency_ms: float | None = None


class TruthFields(msgspec.Struct, gc=False):
    """A ground-truth record."""

    event_id: Text
    model: Text
    event_time: datetime | float
    label: Label
    type: Literal["ground_truth"] | None = None
    name: str | None = None
    annotator: str | None = None


class MixedFields(msgspec.Struct, gc=False):
    """A record of a mixed topic: what `type` asks for is checked afterwards."""

    event_id: Text
    model: Text
    event_time: datetime | float
    type: Literal["inference", "ground_truth"] | None = None
    model_version: Text | int | None = None
    features: msgspec.Raw = msgspec.Raw()
    prediction: Prediction = None
    score: float | None = None
    scores: dict[str, float | None] | None = None
    latency_ms: float | None = None
    label: Label | None = None
    name: str | None = None
    annotator: str | None = None
