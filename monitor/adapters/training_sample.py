"""A sample of the rows that a baseline was built from, kept beside the archive for reports and tests of rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitor.adapters.archive.folder import SAMPLES
from monitor.adapters.archive.location import ArchiveLocation
from monitor.adapters.archive.privacy import without_personal
from monitor.adapters.archive.writer import column_array
from monitor.domain.models import ColumnKind, ColumnSpec, Personal
from monitor.domain.ports import RowReader
from monitor.stats.calibration.windows import NO_TIME
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stream.batch import category_text
from monitor.usecases.training_columns import TrainingOptions, event_times

MOST_ROWS = 50_000

EVENT_TIME = "driftline.event_time"
"""Column of the rows' event times, where they are known: no name that a feature has."""


@dataclass(slots=True)
class SampledRows:
    """A reader that keeps evenly spread rows of what passes: every k-th, with k doubled whenever there are too many."""

    rows: RowReader
    most: int = MOST_ROWS
    kept: dict[str, list[object]] = field(default_factory=dict)
    _stride: int = 1
    _seen: int = 0

    def batches(self) -> Iterator[Mapping[str, Sequence[object]]]:
        """The reader's batches, unchanged."""
        for batch in self.rows.batches():
            n = max(map(len, batch.values()), default=0)
            first = -self._seen % self._stride
            for name, values in batch.items():
                self.kept.setdefault(name, []).extend(values[first :: self._stride])
            self._seen += n
            self._thin()
            yield batch

    def _thin(self) -> None:
        while len(next(iter(self.kept.values()), [])) > self.most:
            self._stride *= 2
            self.kept = {name: values[::2] for name, values in self.kept.items()}


@dataclass(frozen=True, slots=True)
class TrainingSamples:
    """The folder of samples in the archive; a file is named by its baseline, so writing it again is the same file."""

    location: ArchiveLocation
    hash_key: bytes = b""

    def path(self, baseline_id: str) -> str | None:
        """The sample of a baseline, relative to the archive's root; None when none was kept."""
        path = sample_path(baseline_id)
        return path if any(file.path == path for file in self.location.files(SAMPLES)) else None

    def keep(
        self,
        baseline_id: str,
        sample: SampledRows,
        schema: Sequence[ColumnSpec],
        options: TrainingOptions,
        personal: Mapping[str, Personal],
    ) -> str:
        """Write the schema's columns by their final names, personal ones hidden; StoreUnavailable on trouble.

        Columns that the baseline has without training values, as bins for a latency, are no part of the sample.
        """
        shown = without_personal(_columns(sample.kept, schema, options), personal, self.hash_key)
        table = pa.table({name: column_array(column) for name, column in shown.items()})
        if options.event_time is not None:
            table = table.append_column(EVENT_TIME, _times(sample.kept[options.event_time], options.event_time))

        def fill(file: IO[bytes]) -> None:
            pq.write_table(table, file, compression="zstd", write_page_checksum=True)

        self.location.write(sample_path(baseline_id), fill)
        return sample_path(baseline_id)


def _columns(
    kept: Mapping[str, Sequence[object]], schema: Sequence[ColumnSpec], options: TrainingOptions
) -> dict[str, Column]:
    original = {final: name for name, final in options.rename.items()}
    named = ((spec, original.get(spec.name, spec.name)) for spec in schema)
    return {spec.name: _column(kept[name], spec.kind) for spec, name in named if name in kept}


def _times(values: Sequence[object], name: str) -> pa.Array:
    times = event_times(values, name)
    return pa.array(times, pa.timestamp("ms", tz="UTC"), mask=times == NO_TIME)


def sample_path(baseline_id: str) -> str:
    """Where the sample of a baseline is, relative to the archive's root."""
    return f"{SAMPLES}/{baseline_id}.parquet"


def _column(values: Sequence[object], kind: ColumnKind) -> Column:
    if kind is ColumnKind.NUMERIC:
        numbers = [float(v) if isinstance(v, int | float | Decimal) else np.nan for v in values]
        return NumericColumn(np.array(numbers, np.float64))
    return CategoricalColumn([category_text(v) if isinstance(v, str | int | float) else None for v in values])
