"""Archived records as columns: what is looked at record by record."""

from collections.abc import Callable, Collection
from io import BytesIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from monitor.adapters.archive.location import ArchiveLocation
from monitor.adapters.archive.privacy import in_sample
from monitor.adapters.archive.writer import ID_COLUMNS, is_original
from monitor.domain.models import ModelRef
from monitor.domain.ports import Records
from monitor.domain.time import from_ms
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stats.recorded import RecordedColumns


class ArchivedColumns:
    """Reads the raw rows of a span; those kept at unequal rates are thinned to the lowest, so that all count alike."""

    def __init__(self, location: Callable[[], ArchiveLocation], records: Records) -> None:
        """The location is opened when it is needed: its driver may be missing where no model keeps rows."""
        self._location, self._records = location, records

    def read(
        self, ref: ModelRef, since_ms: int, until_ms: int, wanted: Collection[str] | None = None
    ) -> RecordedColumns:
        """The version's records with event times in [since, until), each id once, of all columns or the wanted ones.

        FileNotFoundError when a listed file is not there, StoreUnavailable when the archive cannot serve.
        """
        files = self._records.archive(ref, since_ms, until_ms)
        if not files:
            return RecordedColumns((), {})
        location, rate = self._location(), min(file.rate for file in files)
        tables = [pq.read_table(BytesIO(location.read(file.path))) for file in files]
        table = pa.concat_tables(tables, promote_options="permissive").filter(_within(since_ms, until_ms))
        event_ids = table.column("event_id").to_pylist()
        last = {event_id: row for row, event_id in enumerate(event_ids)}
        rows = np.array(sorted(last.values()), dtype=np.int64)
        rows = rows[in_sample([event_ids[row] for row in rows.tolist()], rate)]
        kept = table.take(pa.array(rows))
        names = [
            field.name
            for field in kept.schema
            if field.name not in ID_COLUMNS and not is_original(field) and (wanted is None or field.name in wanted)
        ]
        ids = tuple(kept.column("event_id").to_pylist())
        paths = tuple(sorted(file.path for file in files))
        return RecordedColumns(ids, {name: _column(kept.column(name)) for name in names}, rate, paths)


def _within(since_ms: int, until_ms: int) -> pc.Expression:
    since, until = (pa.scalar(from_ms(at), pa.timestamp("ms", tz="UTC")) for at in (since_ms, until_ms))
    return (pc.field("event_time") >= since) & (pc.field("event_time") < until)


def _column(values: pa.ChunkedArray) -> Column:
    if pa.types.is_floating(values.type) or pa.types.is_integer(values.type):
        return NumericColumn(np.asarray(values.cast(pa.float64()).fill_null(np.nan).to_numpy(), dtype=np.float64))
    return CategoricalColumn(values.cast(pa.string()).to_pylist())
