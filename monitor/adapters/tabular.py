"""Training data as tables: CSV, Parquet, JSON lines, a folder of one of these, or a SQL query."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import sqlalchemy as sa

from monitor.adapters.tables.csv import padded_columns, require_readable, without_empty_texts
from monitor.adapters.tables.located import located
from monitor.domain.errors import BaselineError

_BATCH_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class FileRows:
    """Rows of a file, or of all files of one format in a folder; every file has the columns of the first.

    `categories` are columns of a CSV file that are text where they hold whole numbers with zeros before them.
    """

    path: Path
    categories: frozenset[str] = frozenset()

    def batches(self) -> Iterator[Mapping[str, Sequence[object]]]:
        """Column name to values, at most 50,000 rows at a time; BaselineError says what is wrong with the file."""
        import pyarrow.dataset as ds  # noqa: PLC0415 - it loads pandas, a second that no other command should wait

        paths, file_format = located(self.path)
        try:
            read_as = self._csv(paths) if file_format == "csv" else file_format
            data = ds.dataset([str(path) for path in paths], format=read_as)
            for batch in data.to_batches(batch_size=_BATCH_ROWS):
                if batch.num_rows:
                    yield (without_empty_texts(batch) if file_format == "csv" else batch).to_pydict()
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise BaselineError(f"{self.path} cannot be read as {file_format}: {_first_line(error)}") from error

    def _csv(self, paths: Sequence[Path]) -> object:
        from pyarrow import csv, dataset  # noqa: PLC0415 - as above

        for path in paths:
            require_readable(path)
        codes = padded_columns(paths, self.categories) if self.categories else ()
        return dataset.CsvFileFormat(
            default_fragment_scan_options=dataset.CsvFragmentScanOptions(
                convert_options=csv.ConvertOptions(column_types=dict.fromkeys(codes, pa.string()))
            )
        )


@dataclass(frozen=True, slots=True)
class SqlRows:
    """Rows of a SQL query, read through SQLAlchemy. `url` may hold a password: it never reaches an error."""

    url: str
    query: str

    def batches(self) -> Iterator[Mapping[str, Sequence[object]]]:
        """Column name to values, at most 50,000 rows at a time; BaselineError says what the database said."""
        try:
            engine = sa.create_engine(self.url, hide_parameters=True)
            try:
                with engine.connect().execution_options(stream_results=True, max_row_buffer=_BATCH_ROWS) as connection:
                    result = connection.execute(sa.text(self.query))
                    names = list(result.keys())
                    for rows in result.partitions(_BATCH_ROWS):
                        yield dict(zip(names, zip(*rows, strict=True), strict=True))
            finally:
                engine.dispose()
        except (sa.exc.SQLAlchemyError, ModuleNotFoundError) as error:
            reason = _first_line(getattr(error, "orig", None) or error).replace(self.url, "...")
            raise BaselineError(f"the training query failed: {reason}") from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
