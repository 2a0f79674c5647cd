"""The archive's files as a whole: what is there, what is in them, and small ones made into one."""

from collections.abc import Iterator, Sequence
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq

from monitor.adapters.archive.location import ArchiveLocation
from monitor.adapters.archive.writer import file_path, joined, write_table
from monitor.domain.models import ModelRef
from monitor.domain.stream import ArchiveFile

SUFFIX = ".parquet"
SAMPLES = "training"
"""Folder of training samples: beside the archive's rows, and none of them."""


class ArchiveFolder:
    """What the archive's use cases need of its location; StoreUnavailable when that cannot serve."""

    def __init__(self, location: ArchiveLocation) -> None:
        self._location = location

    def files(self) -> Iterator[tuple[str, int | None]]:
        """(path, written at in ms or None) of every file below the root that could hold rows."""
        for file in self._location.files():
            if not file.path.startswith(f"{SAMPLES}/"):
                yield file.path, file.written_at_ms

    def samples(self) -> Iterator[str]:
        """Path of every sample of training rows."""
        yield from (file.path for file in self._location.files(SAMPLES))

    def rows(self, path: str) -> int | None:
        """Number of rows of a file; None when it cannot be read as Parquet. FileNotFoundError when it is not there.

        Every page is read, and compared with its checksum: those of files of earlier programs, which have none, are
        only known to be Parquet.
        """
        content = BytesIO(self._location.read(path))
        try:
            file = pq.ParquetFile(content, page_checksum_verification=True)
            return sum(len(file.read_row_group(k)) for k in range(file.num_row_groups))
        except (pa.ArrowInvalid, OSError):  # the latter is what Arrow makes of a wrong checksum
            return None

    def delete(self, path: str) -> None:
        """Remove a file; it may be gone already."""
        self._location.delete(path)

    def merge(self, files: Sequence[ArchiveFile]) -> ArchiveFile:
        """Write one file with the rows of these, which are of one pane, partition and rate, in order of offset.

        Its name and content follow from theirs, so that merging again gives the same file.
        """
        ordered = sorted(files, key=lambda file: (file.first_offset, file.next_offset))
        first, last = ordered[0], ordered[-1]
        tables = [pq.read_table(BytesIO(self._location.read(file.path))) for file in ordered]
        ref = ModelRef(first.model, first.version)
        path = file_path(ref, first.start_ms, first.partition, first.first_offset, last.next_offset)
        write_table(self._location, path, joined(tables), first.rate)
        rows = sum(file.rows for file in ordered)
        return ArchiveFile(
            path,
            first.model,
            first.version,
            first.start_ms,
            first.end_ms,
            rows,
            first.partition,
            first.first_offset,
            last.next_offset,
            first.rate,
        )
