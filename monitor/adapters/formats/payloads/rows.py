"""A request's rows beside a response's outputs, as canonical rows: names for positions, ids for batches."""

from collections.abc import Mapping, Sequence, Sized
from functools import lru_cache

from pydantic import Field

from monitor.adapters.formats.format import FormatOptions, Mapped, Refusal, Row
from monitor.adapters.formats.payloads.json_payload import wrong
from monitor.domain.errors import RecordRejected, RejectReason

_PREDICTIONS = ("prediction", "predicted_label", "label", "class")
_SCORES = ("score", "probability")
_BY_LABEL = ("scores", "probabilities")


class RowOptions(FormatOptions):
    """Options of formats whose rows may have positions instead of names."""

    sampling_fraction: float | None = Field(default=None, gt=0, le=1)
    """Which share of the traffic is logged, where the message does not say."""
    columns: tuple[str, ...] = ()
    """Names of the features, in the order of a row's values; f0, f1, ... where they are not given."""
    outputs: tuple[str, ...] = ()
    """What the values of an output row are, in order: `prediction`, `score`, `latency_ms`, or `-` to skip one."""
    labels: tuple[str, ...] = ()
    """The classes of an output that is an array of scores, in order; 0, 1, ... where they are not given."""
    prediction: str | None = Field(default=None, min_length=1)
    """Which member of an output object is the prediction (default: prediction, predicted_label, label or class)."""
    score: str | None = Field(default=None, min_length=1)
    """Which member of an output object is the score (default: score or probability)."""


def named(row: object, columns: Sequence[str]) -> Mapping[str, object]:
    """The features of one row: an object as it is, an array or a single value by position."""
    if isinstance(row, dict):
        return row
    values = row if isinstance(row, list | tuple) else [row]
    names = columns or _positions(len(values))
    if len(names) != len(values):
        raise RecordRejected(RejectReason.WRONG_TYPE, f"{_number(values, 'value')} for {_number(names, 'column')}")
    return dict(zip(names, values, strict=True))


def output(value: object, options: RowOptions) -> Row:
    """One output as prediction, score or scores.

    A single value is the prediction; an array is what `outputs` says, else the scores of the classes, of which the
    largest is the prediction; an object has members of known names, or one member only.
    """
    if isinstance(value, dict):
        return _members(value, options)
    if isinstance(value, list | tuple):
        return _array(value, options)
    if value is None:
        raise RecordRejected(RejectReason.MISSING_FIELD, "prediction")
    return {options.outputs[0] if options.outputs else "prediction": value}


def rows_of(
    identifier: str, inputs: Sequence[object], outputs: Sequence[object], common: Row, options: RowOptions
) -> Mapped:
    """Every input with its output. One keeps the id; of several, each has `<id>-<index>` from 0.

    RecordRejected when there are not as many of the one as of the other.
    """
    if len(inputs) != len(outputs):
        detail = f"{len(inputs)} inputs, {len(outputs)} outputs: nobody knows which belong together"
        raise RecordRejected(RejectReason.NOT_OF_FORMAT, detail)
    if options.sampling_fraction is not None:
        common = {**common, "sampling_fraction": options.sampling_fraction}
    rows: list[Row] = []
    refused: list[Refusal] = []
    for index, (given, came) in enumerate(zip(inputs, outputs, strict=True)):
        own_id = identifier if len(inputs) == 1 else f"{identifier}-{index}"
        try:
            features = named(given, options.columns)
            rows.append({"event_id": own_id, **common, "features": features, **output(came, options)})
        except RecordRejected as rejected:
            refused.append(Refusal(rejected.reason, f"row {index}: {rejected.detail}"))
    return Mapped(rows, refused=refused)


@lru_cache(maxsize=64)
def _positions(n: int) -> tuple[str, ...]:
    return tuple(f"f{position}" for position in range(n))


def _array(values: Sequence[object], options: RowOptions) -> Row:
    if len(values) == 1 and not options.outputs:
        return output(values[0], options)
    if options.outputs:
        if len(options.outputs) != len(values):
            raise RecordRejected(
                RejectReason.WRONG_TYPE, f"{_number(values, 'value')} for {_number(options.outputs, 'output')}"
            )
        named_values = zip(options.outputs, values, strict=True)
        return {name: _single(value) for name, value in named_values if name != "-"}
    if not values or not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        wrong("output", "a single value or an array of scores", values)
    labels = options.labels or [str(position) for position in range(len(values))]
    if len(labels) != len(values):
        raise RecordRejected(RejectReason.WRONG_TYPE, f"{len(values)} scores for {len(labels)} labels")
    scores = dict(zip(labels, values, strict=True))
    return {"prediction": max(scores, key=lambda label: float(str(scores[label]))), "scores": scores}


def _members(value: Mapping[str, object], options: RowOptions) -> Row:
    found: dict[str, object] = {}
    predictions = (options.prediction,) if options.prediction else _PREDICTIONS
    scores = (options.score,) if options.score else _SCORES
    for target, names in (("prediction", predictions), ("score", scores), ("scores", _BY_LABEL)):
        name = next((name for name in names if value.get(name) is not None), None)
        if name is not None:
            found[target] = _single(value[name])
    if isinstance(found.get("scores"), list):
        found = {**output(found["scores"], options), **{k: v for k, v in found.items() if k != "scores"}}
    if not found and len(value) == 1:
        return output(next(iter(value.values())), options)
    if not found:
        detail = f"no {' or '.join(predictions)} in an output with {', '.join(sorted(map(str, value)))[:200]}"
        raise RecordRejected(RejectReason.MISSING_FIELD, detail)
    return found


def _single(value: object) -> object:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _number(items: Sized, noun: str) -> str:
    return f"{len(items)} {noun}" if len(items) == 1 else f"{len(items)} {noun}s"
