"""Where the fields of a record stand in somebody else's object: constants and JSONPath (RFC 9535)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Self

import jsonpath
from jsonpath import JSONPath
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from monitor.adapters.formats.format import FormatOptions, Mapped, Refusal, Row
from monitor.domain.errors import RecordRejected, RejectReason

_OF_TRUTH = {"event_id", "model", "event_time"}
_OF_MESSAGE, _OF_ROW = "$", "@"


def _checked(source: object) -> object:
    if isinstance(source, str) and source.startswith((_OF_MESSAGE, _OF_ROW)):
        try:
            _compiled(source)
        except (jsonpath.JSONPathError, ValueError) as error:
            raise ValueError(f"{source!r} is no JSONPath: {str(error).splitlines()[0]}") from None
    return source


def _compiled(path: str) -> JSONPath:
    compiled = jsonpath.compile(_OF_MESSAGE + path[1:])
    if not isinstance(compiled, JSONPath):
        raise ValueError("write one path, without | and &")  # noqa: TRY004 - pydantic wants a ValueError
    return compiled


Source = Annotated[str | int | float | bool, AfterValidator(_checked)]
"""A JSONPath from the message (`$...`) or from the row (`@...`), or a constant."""


class FieldMapping(BaseModel):
    """Where the fields of a record stand."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    rows: Annotated[str, AfterValidator(_checked)] | None = Field(default=None, pattern=r"^\$")
    """Every match is a row (default: the message is one)."""
    event_id: Source
    """The id that ground truth refers to; where several rows share it they get `<id>-<index>`."""
    model: Source | None = None
    """The model's name; or set the option `model`."""
    model_version: Source | None = None
    """The model's version; or set the option `model_version`."""
    event_time: Source
    """When the prediction was made, or the truth was known."""
    features: Annotated[str, AfterValidator(_checked)] | Mapping[str, Source] | None = None
    """An object of features, or every feature by name."""
    prediction: Source | None = None
    """The prediction."""
    score: Source | None = None
    """The score of the positive label."""
    scores: Source | None = None
    """An object of scores by label."""
    latency_ms: Source | None = None
    """How long the prediction took."""
    label: Source | None = None
    """Ground truth, where the message has it."""

    @model_validator(mode="after")
    def _says_something(self) -> "FieldMapping":
        if self.features is None and self.label is None:
            raise ValueError("neither `features` nor `label`: map one of them, or both")
        return self


class FieldReader:
    """Reads a record wherever the mapping says. A field that matches nothing is missing, as if it were not there."""

    def __init__(self, mapping: FieldMapping, options: FormatOptions) -> None:
        own = {"model": options.model or mapping.model, "model_version": options.model_version or mapping.model_version}
        plain = ("event_id", "event_time", "prediction", "score", "scores", "latency_ms", "label")
        sources = {name: getattr(mapping, name) for name in plain} | own
        self._fields = {name: _Place.of(source) for name, source in sources.items() if source is not None}
        self._rows = _Place.of(mapping.rows) if mapping.rows else None
        features = mapping.features
        self._features: _Place | dict[str, _Place] | None = None
        if isinstance(features, Mapping):
            self._features = {name: _Place.of(source) for name, source in features.items()}
        elif features is not None:
            self._features = _Place.of(features)

    def read(self, content: object) -> Mapped:
        """The rows of the content, each a record, or a ground-truth record, or both."""
        rows = [content] if self._rows is None else self._rows.all(content, content)
        if not rows:
            raise RecordRejected(RejectReason.MISSING_FIELD, f"no row at {self._rows}")
        found: list[Row] = []
        refused: list[Refusal] = []
        ids = [self._fields["event_id"].one(content, row) for row in rows]
        times = Counter(map(str, ids))
        for index, row in enumerate(rows):
            fields = {name: place.one(content, row) for name, place in self._fields.items()}
            fields["event_id"] = ids[index] if times[str(ids[index])] == 1 else f"{ids[index]}-{index}"
            records, refusals = self._records(content, row, {k: v for k, v in fields.items() if v is not None})
            found += records
            refused += [
                Refusal(one.reason, f"row {index}: {one.detail}" if self._rows else one.detail) for one in refusals
            ]
        return Mapped(found, refused=refused)

    def _records(self, content: object, row: object, fields: dict[str, object]) -> tuple[list[Row], list[Refusal]]:
        if isinstance(fields.get("event_id"), int | float):
            fields["event_id"] = str(fields["event_id"])
        label = fields.pop("label", None)
        records: list[Row] = []
        features = self._features_of(content, row)
        if features is not None:
            records.append(fields | {"features": features})
        if label is not None:
            truth: Row = {name: value for name, value in fields.items() if name in _OF_TRUTH}
            records.append({"type": "ground_truth", **truth, "label": label})
        if records:
            return records, []
        return [], [Refusal(RejectReason.MISSING_FIELD, "neither features nor label")]

    def _features_of(self, content: object, row: object) -> object:
        if isinstance(self._features, dict):
            found = {name: place.one(content, row) for name, place in self._features.items()}
            return None if all(value is None for value in found.values()) else found
        return None if self._features is None else self._features.one(content, row)


@dataclass(frozen=True, slots=True)
class _Place:
    """A constant, or a path from the message or from the row."""

    source: object
    path: JSONPath | None
    is_of_row: bool

    @classmethod
    def of(cls, source: object) -> Self:
        if isinstance(source, str) and source.startswith((_OF_MESSAGE, _OF_ROW)):
            return cls(source, _compiled(source), source.startswith(_OF_ROW))
        return cls(source, None, is_of_row=False)

    def all(self, content: object, row: object) -> list[object]:
        """Every match."""
        if self.path is None:
            return [self.source]
        start = row if self.is_of_row else content
        return list(self.path.findall(start)) if isinstance(start, dict | list) else []

    def one(self, content: object, row: object) -> object:
        """The first match; None without one."""
        return next(iter(self.all(content, row)), None)

    def __str__(self) -> str:
        return str(self.source)
