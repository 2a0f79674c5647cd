"""The slow and forgiving way to read a record: says why it cannot be counted, or what of it can."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn, TypeVar

import msgspec

from monitor.adapters.record_fields import Category, Label
from monitor.domain.errors import RecordRejected, RejectReason
from monitor.domain.models import LATENCY, PREDICTION, SCORE
from monitor.domain.stream import TopicKind
from monitor.domain.time import parse_instant
from monitor.stats.structured import structured_text

T = TypeVar("T")

_JSON_NAMES = {dict: "an object", list: "an array", str: "text", bool: "a boolean", int: "a number", float: "a number"}


@dataclass(frozen=True, slots=True)
class LooseInference:
    """An inference record whose required fields are right; `invalid` names the outputs that are not."""

    event_id: str
    model: str
    model_version: str | int
    event_time: datetime | float
    features: Mapping[str, object]
    prediction: Category
    score: float | None
    scores: Mapping[str, float | None] | None
    latency_ms: float | None
    invalid: frozenset[str]
    type: str = TopicKind.INFERENCE


@dataclass(frozen=True, slots=True)
class LooseTruth:
    """A ground-truth record."""

    event_id: str
    model: str
    event_time: datetime | float
    label: Label
    name: str | None = None
    annotator: str | None = None
    type: str = TopicKind.GROUND_TRUTH


def read_record(value: bytes, kind: TopicKind) -> LooseInference | LooseTruth:
    """Read one message, accepting NaN and Infinity; RecordRejected says which field is wrong and how."""
    record = _object(value)
    if _type(record, kind) is TopicKind.GROUND_TRUTH:
        about = _text(record, "event_id"), _text(record, "model"), _event_time(record), _label(record)
        return LooseTruth(*about, _optional_text(record, "name"), _optional_text(record, "annotator"))
    outputs = _Outputs(record)
    return LooseInference(
        _text(record, "event_id"),
        _text(record, "model"),
        _version(record),
        _event_time(record),
        features_object(_required(record, "features")),
        outputs.prediction(),
        outputs.number(SCORE),
        outputs.scores(),
        outputs.number(LATENCY),
        frozenset(outputs.invalid),
    )


def parse_json(value: bytes) -> object:
    """Any JSON value, with Python's NaN and Infinity; RecordRejected when it is none."""
    try:
        return msgspec.json.decode(value)
    except (ValueError, RecursionError) as error:  # strict JSON forbids what Python's json.dumps writes
        if is_cut(error):
            raise cut_off(value) from None
    try:
        return json.loads(value.decode())
    except RecursionError:
        detail = "nested too deeply"
    except ValueError as error:
        detail = str(error)
    raise RecordRejected(RejectReason.MALFORMED_JSON, detail)


def is_cut(error: Exception) -> bool:
    """Whether msgspec found nothing wrong but that the message ends too early: then it is no JSON of any kind."""
    return type(error) is msgspec.DecodeError and error.args == ("Input data was truncated",)


def cut_off(value: bytes) -> RecordRejected:
    """What is wrong with a message that ends too early."""
    return RecordRejected(RejectReason.MALFORMED_JSON, f"it ends within the record: cut off after {len(value):,} bytes")


def features_object(features: object) -> Mapping[str, object]:
    """The features when they are an object, else RecordRejected."""
    return features if isinstance(features, dict) else _wrong("features", "an object", features)


def as_number(value: object) -> float | None:
    """A JSON number as float (too large a one is infinite), None for anything else; a boolean is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


class _Outputs:
    """The optional fields: one of a wrong type is invalid and costs the record nothing else."""

    def __init__(self, record: Mapping[str, object]) -> None:
        self._record = record
        self.invalid: set[str] = set()

    def number(self, name: str) -> float | None:
        value = self._record.get(name)
        number = as_number(value)
        if number is None and value is not None:
            self.invalid.add(name)
        return number

    def prediction(self) -> Category:
        value = self._record.get(PREDICTION)
        if value is None or isinstance(value, str | int | float):
            return value
        said = structured_text(value) if isinstance(value, list) else None
        if said is None:
            self.invalid.add(PREDICTION)
        return said

    def scores(self) -> Mapping[str, float | None] | None:
        scores = self._record.get("scores")
        if scores is None:
            return None
        if not isinstance(scores, dict) or any(v is not None and as_number(v) is None for v in scores.values()):
            self.invalid.add(SCORE)
            return None
        return {label: as_number(value) for label, value in scores.items()}


def _object(value: bytes) -> Mapping[str, object]:
    record = parse_json(value)
    if isinstance(record, dict):
        return record
    raise RecordRejected(RejectReason.NOT_AN_OBJECT, f"expected an object, got {_name(record)}")


def _type(record: Mapping[str, object], kind: TopicKind) -> TopicKind:
    stated = record.get("type")
    if stated is None:
        return TopicKind.GROUND_TRUTH if kind is TopicKind.GROUND_TRUTH else TopicKind.INFERENCE
    if stated not in (TopicKind.INFERENCE, TopicKind.GROUND_TRUTH):  # a tuple: the value may be unhashable
        detail = f"type is {stated!r:.80}; expected 'inference' or 'ground_truth'"
        raise RecordRejected(RejectReason.UNKNOWN_TYPE, detail)
    if kind not in (TopicKind.MIXED, stated):
        detail = f"type is {stated!r} in a topic of {kind} records; declare the topic as mixed"
        raise RecordRejected(RejectReason.UNKNOWN_TYPE, detail)
    return TopicKind(str(stated))


def _required(record: Mapping[str, object], name: str) -> object:
    value = record.get(name)
    if value is None or value == "":
        raise RecordRejected(RejectReason.MISSING_FIELD, f"{name} is absent, null or empty")
    return value


def _text(record: Mapping[str, object], name: str) -> str:
    value = _required(record, name)
    return value if isinstance(value, str) else _wrong(name, "text", value)


def _version(record: Mapping[str, object]) -> str | int:
    value = _required(record, "model_version")
    if isinstance(value, bool) or not isinstance(value, str | int):
        _wrong("model_version", "text or a whole number", value)
    return value


def _optional_text(record: Mapping[str, object], field: str) -> str | None:
    value = record.get(field)
    return value if value is None or isinstance(value, str) else _wrong(field, "text", value)


def _label(record: Mapping[str, object]) -> Label:
    value = record.get("label")
    if value is None or value != value:  # noqa: PLR0124 - NaN is no label
        raise RecordRejected(RejectReason.MISSING_FIELD, "label is absent, null or NaN")
    if isinstance(value, str | int | float):
        return value
    said = structured_text(value)
    if said is None:
        _wrong("label", "text, a number or a boolean (of rankings items, or grades by item)", value)
    return said


def _event_time(record: Mapping[str, object]) -> datetime | float:
    value = _required(record, "event_time")
    if isinstance(value, str):
        try:
            return parse_instant(value)
        except (ValueError, OverflowError) as error:
            raise RecordRejected(RejectReason.BAD_EVENT_TIME, f"event_time: {error}") from error
    number = as_number(value)
    if number is None:
        detail = f"event_time: expected an RFC 3339 text or a number since the epoch, got {_name(value)}"
        raise RecordRejected(RejectReason.BAD_EVENT_TIME, detail)
    return number


def _wrong(name: str, expected: str, value: object) -> NoReturn:
    raise RecordRejected(RejectReason.WRONG_TYPE, f"{name}: expected {expected}, got {_name(value)}")


def _name(value: object) -> str:
    return "null" if value is None else _JSON_NAMES.get(type(value), "something else")
