"""A sample of the rows that a baseline was built from, kept beside the archive for reports."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from monitor.domain.errors import StoreUnavailable
from monitor.domain.models import ColumnKind, ColumnSpec
from monitor.domain.ports import RowReader
from monitor.stream.batch import category_text

MOST_ROWS = 50_000


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
    """The folder of samples; a file is named by its baseline, so writing it again is the same file."""

    folder: Path

    def path(self, baseline_id: str) -> Path | None:
        """The sample of a baseline, None when none was kept."""
        path = self._path(baseline_id)
        return path if path.exists() else None

    def keep(
        self, baseline_id: str, sample: SampledRows, schema: Sequence[ColumnSpec], rename: Mapping[str, str]
    ) -> Path:
        """Write the columns of the schema under their final names; StoreUnavailable when the folder cannot take it."""
        original = {final: name for name, final in rename.items()}
        columns = {}
        for spec in schema:
            values = sample.kept[original.get(spec.name, spec.name)]
            columns[spec.name] = _numbers(values) if spec.kind is ColumnKind.NUMERIC else _texts(values)
        path = self._path(baseline_id)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(f".{os.getpid()}.partial")
            pq.write_table(pa.table(columns), partial, compression="zstd")
            partial.replace(path)
        except OSError as error:
            raise StoreUnavailable(f"the training sample {path} cannot be written: {error.strerror}") from error
        return path

    def _path(self, baseline_id: str) -> Path:
        return self.folder / f"{baseline_id}.parquet"


def _numbers(values: Sequence[object]) -> pa.Array:
    return pa.array([float(v) if isinstance(v, int | float | Decimal) else None for v in values], pa.float64())


def _texts(values: Sequence[object]) -> pa.Array:
    texts = [category_text(v) if isinstance(v, str | int | float) else None for v in values]
    return pa.array(texts, pa.string())
