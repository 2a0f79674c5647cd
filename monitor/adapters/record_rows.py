"""Rows of a table (Parquet, Arrow) as canonical JSON records.

The columns `type, event_id, model, model_version, event_time, prediction, score, scores, latency_ms, label, metadata,
producer` mean what they mean in a JSON record; a struct column `features`, or else every other column, holds the
features.
"""

from datetime import UTC, datetime

import msgspec

_FIELDS = frozenset(
    [
        "type",
        "event_id",
        "model",
        "model_version",
        "event_time",
        "prediction",
        "score",
        "scores",
        "latency_ms",
        "label",
        "metadata",
        "producer",
    ]
)
_ENCODER = msgspec.json.Encoder(enc_hook=str)


def record_json(row: dict[str, object]) -> bytes:
    """One row as the JSON bytes of a record; an instant without zone is UTC."""
    record = {name: value for name, value in row.items() if name in _FIELDS and value is not None}
    instant = record.get("event_time")
    if isinstance(instant, datetime) and instant.tzinfo is None:
        record["event_time"] = instant.replace(tzinfo=UTC)
    if "label" not in record:
        features = row.get("features")
        record["features"] = (
            features if isinstance(features, dict) else {name: v for name, v in row.items() if name not in _FIELDS}
        )
    return _ENCODER.encode(record)
