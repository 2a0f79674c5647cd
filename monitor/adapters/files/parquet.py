"""One Parquet file: a record a row (see `record_rows`), positions are row numbers."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from monitor.adapters.record_rows import record_json
from monitor.domain.errors import SourceUnavailable
from monitor.domain.records import RawRecord


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
                        RawRecord(first + lower + i, record_json(row)) for i, row in enumerate(part.to_pylist())
                    ]
                first += rows
        return records
