"""Which archived records belong to which segment."""

from collections.abc import Callable, Collection, Mapping
from io import BytesIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from monitor.adapters.archive.location import ArchiveLocation
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.ports import Records
from monitor.stream.batch import category_text


class ArchivedSegments:
    """Reads the raw rows that the model keeps; segments on personal columns, which are hashed there, are left out."""

    def __init__(self, location: Callable[[], ArchiveLocation], records: Records) -> None:
        """The location is opened when it is needed: its driver may be missing where no model keeps rows."""
        self._location, self._records = location, records

    def members(
        self, model: MonitoredModel, ref: ModelRef, since_ms: int, until_ms: int
    ) -> Mapping[str, Collection[str]]:
        """Segment -> ids of the version's events in the files of [since, until); nothing where no rows are kept."""
        if model.archive is None:
            return {}
        wanted = [one for one in model.segments if one.column not in model.archive.personal]
        found: dict[str, set[str]] = {one.name: set() for one in wanted}
        location = self._location()
        for file in self._records.archive(ref, since_ms, until_ms):
            table = pq.read_table(BytesIO(location.read(file.path)))
            for segment in wanted:
                if segment.column in table.column_names:
                    found[segment.name] |= _ids(table, segment.column, segment.value)
        return {name: ids for name, ids in found.items() if ids}


def _ids(table: pa.Table, column: str, value: str) -> set[str]:
    values = table.column(column)
    if pa.types.is_string(values.type):
        return set(table.filter(pc.equal(values, value)).column("event_id").to_pylist())
    events = table.column("event_id").to_pylist()
    pairs = zip(events, values.to_pylist(), strict=True)
    return {event for event, one in pairs if one is not None and category_text(one) == value}
