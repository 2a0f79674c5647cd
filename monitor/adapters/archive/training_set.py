"""Data sets to train on, as Parquet files beside a manifest."""

import hashlib
import json
from collections.abc import Mapping
from io import BytesIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from monitor.adapters.archive.location import ArchiveLocation
from monitor.domain.stream import ArchiveFile
from monitor.usecases.export import ExportWish, Part

GROUND_TRUTH = "ground_truth"
"""The column that is added to the archive's."""

MANIFEST = "_manifest.json"
"""Beginning with `_`, so that whatever reads the folder as one table leaves it out."""


class ParquetTrainingSets:
    """Reads from the archive and writes below another root; personal columns stay as the archive has them."""

    def __init__(self, archive: ArchiveLocation, target: ArchiveLocation) -> None:
        self._archive, self._target = archive, target

    def write(self, number: int, file: ArchiveFile, truths: Mapping[str, str], wish: ExportWish) -> Part | None:
        """Write the wanted rows of an archive file, in its order; None when there is none, and nothing is written."""
        table = pq.read_table(BytesIO(self._archive.read(file.path)))
        table = table.filter(_within(table.column("event_time"), wish))
        labels = pa.array([truths.get(event) for event in table.column("event_id").to_pylist()], pa.string())
        labelled = table.append_column(GROUND_TRUTH, labels)
        kept = labelled if wish.with_unlabelled else labelled.filter(pc.is_valid(labels))
        if not table.num_rows:
            return None
        name = f"part-{number:05d}.parquet"
        content = _content(kept)
        if kept.num_rows:
            self._target.write(name, lambda target: target.write(content))
        digest = hashlib.sha256(content).hexdigest()
        columns = tuple(kept.column_names)
        size = len(content) if kept.num_rows else 0
        return Part(name, file.path, file.version, table.num_rows, kept.num_rows, size, digest, file.rate, columns)

    def describe(self, manifest: Mapping[str, object]) -> str:
        """Write the manifest beside the parts, last; the place of the data set."""
        content = json.dumps(manifest, indent=2).encode() + b"\n"
        self._target.write(MANIFEST, lambda target: target.write(content))
        return str(self._target)


def _within(times: pa.ChunkedArray, wish: ExportWish) -> pa.ChunkedArray:
    since, until = (pa.scalar(at, pa.timestamp("ms", tz="UTC")) for at in (wish.since, wish.until))
    return pc.and_(pc.greater_equal(times, since), pc.less(times, until))


def _content(table: pa.Table) -> bytes:
    out = BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()
