"""Data to train on: archived rows of a span of event time, each with its ground truth, and a manifest of them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Protocol

from monitor.domain.errors import MonitorError
from monitor.domain.findings import content_id
from monitor.domain.models import ModelRef
from monitor.domain.ports import PairReads, Records
from monitor.domain.stream import ArchiveFile, JoinSpan
from monitor.domain.time import format_instant, to_ms


@dataclass(frozen=True, slots=True)
class ExportWish:
    """Which rows: of the model's predictions in [since, until), of these versions (none named: all).

    Rows without ground truth are left out unless `with_unlabelled`; `truth` is the name of the kind that counts.
    """

    model: str
    since: datetime
    until: datetime
    versions: tuple[str, ...] = ()
    with_unlabelled: bool = False
    truth: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the data set; `read` are the rows that its archive file holds of the span."""

    name: str
    source: str
    version: str
    read: int
    rows: int
    size_bytes: int
    sha256: str
    sampling_rate: float
    columns: tuple[str, ...] = ()


class TrainingSets(Protocol):
    """Where data sets are written; StoreUnavailable when that cannot serve."""

    def write(self, number: int, file: ArchiveFile, truths: Mapping[str, str], wish: ExportWish) -> Part | None:
        """Write the wanted rows of an archive file, in its order; None when there is none, and nothing is written."""
        ...

    def describe(self, manifest: Mapping[str, object]) -> str:
        """Write the manifest beside the parts, last; the place of the data set."""
        ...


def export(wish: ExportWish, records: Records, pairs: PairReads, sets: TrainingSets) -> dict[str, object]:
    """Write the data set and return its manifest; MonitorError when no row can be had.

    The same wish over the same records gives the same files. Nothing counts as written before its manifest is there.
    """
    since_ms, until_ms = to_ms(wish.since), to_ms(wish.until)
    files = records.archived(wish.model, since_ms, until_ms)
    wanted = [file for file in files if not wish.versions or file.version in wish.versions]
    parts, left_out = [], 0
    for number, file in enumerate(wanted):
        start_ms, end_ms = max(since_ms, file.start_ms), min(until_ms, file.end_ms)
        judged = pairs.judged(JoinSpan(ModelRef(wish.model, file.version), start_ms, end_ms, wish.truth))
        part = sets.write(number, file, {one.event_id: one.label for one in judged}, wish)
        if part is not None:
            parts.append(part)
            left_out += part.read - part.rows
    parts = [part for part in parts if part.rows]
    if not parts:
        raise MonitorError(
            f"no row to train {wish.model} on in [{format_instant(wish.since)}, {format_instant(wish.until)}):"
            f" {len(wanted)} archive files, {left_out:,} rows without ground truth; keep raw rows with `archive:`"
        )
    manifest = _manifest(wish, parts, left_out)
    return {**manifest, "location": sets.describe(manifest)}


def _manifest(wish: ExportWish, parts: Sequence[Part], left_out: int) -> dict[str, object]:
    content = [[part.name, part.rows, part.sha256] for part in parts]
    return {
        "model": wish.model,
        "since": format_instant(wish.since),
        "until": format_instant(wish.until),
        "versions": sorted({part.version for part in parts}),
        "rows": sum(part.rows for part in parts),
        "rows_without_ground_truth_left_out": left_out,
        "digest": content_id(content),
        "files": [asdict(part) for part in parts],
    }
