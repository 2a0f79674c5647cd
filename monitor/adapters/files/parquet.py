"""One Parquet file: a record a row, positions are row numbers.

The columns `type, event_id, model, model_version, event_time, prediction, score, scores, latency_ms, label, metadata`
mean what they mean in a JSON record; a struct column `features`, or else every other column, holds the features.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from monitor.domain.errors import SourceUnavailable
from monitor.domain.records import RawRecord

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
    ]
)


class ParquetFile:
    """Reads rows by number; the file is immutable once it is there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._rows: int = pq.read_metadata(path).num_rows
        except pa.ArrowException as error:
            raise SourceUnavailable(
                f"{path} is no readable Parquet file ({error}): is it still being written?"
            ) from error

    def end(self) -> int:
        """Number of rows."""
        return self._rows

    def read(self, offset: int, limit: int, *, complete: bool) -> Sequence[RawRecord]:  # noqa: ARG002 - rows are always complete
        """Rows [offset, offset + limit) as the JSON bytes of a record."""
        records: list[RawRecord] = []
        first = 0
        with pq.ParquetFile(self._path) as file:
            for group in range(file.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                if first + rows > offset and first < offset + limit:
                    table = file.read_row_group(group)
                    lower = max(offset - first, 0)
                    part = table.slice(lower, min(rows, offset + limit - first) - lower)
                    records += [
                        RawRecord(first + lower + i, _ENCODER.encode(_record(row)))
                        for i, row in enumerate(part.to_pylist())
                    ]
                first += rows
        return records


def _record(row: dict[str, object]) -> dict[str, object]:
    record = {name: value for name, value in row.items() if name in _FIELDS and value is not None}
    instant = record.get("event_time")
    if isinstance(instant, datetime) and instant.tzinfo is None:
        record["event_time"] = instant.replace(tzinfo=UTC)
    if "label" not in record:
        features = row.get("features")
        record["features"] = (
            features if isinstance(features, dict) else {name: v for name, v in row.items() if name not in _FIELDS}
        )
    return record


_ENCODER = msgspec.json.Encoder(enc_hook=str)
