"""A folder of JSON-lines and Parquet files as a source: read once, or followed while it grows.

Every file is a partition of its own, whose topic is the file's absolute path. Files of a folder are read
in the order of their names, one after the other: a file is assigned when the one before it is exhausted, so a
folder of daily files replays in event-time order. Offsets are byte positions of lines (JSON lines) or row numbers
(Parquet). A file that was read may grow; a new file should sort behind those that were read (it is read either way,
but its records may then be late).
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from monitor.adapters.files.json_lines import JsonLinesFile
from monitor.adapters.files.parquet import ParquetFile
from monitor.domain.errors import SourceUnavailable
from monitor.domain.records import PartitionId, RawRecord
from monitor.domain.stream import TopicKind

SUFFIXES = frozenset({".jsonl", ".ndjson", ".json", ".parquet"})


class RecordFile(Protocol):
    """One file: records from a position on."""

    def read(self, offset: int, limit: int, *, complete: bool) -> Sequence[RawRecord]:
        """Up to `limit` records at or after the offset; with `complete`, a last line without its end counts, too."""
        ...

    def end(self) -> int:
        """The position behind everything that is there now."""
        ...


@dataclass(frozen=True, slots=True)
class Folder:
    """What to read: a folder or a single file, and what its records are."""

    path: Path
    kind: TopicKind = TopicKind.MIXED


class FilesSource:
    """Reads folders; with `follow` it waits for more, without it `exhausted` tells when all has been read."""

    def __init__(self, folders: Sequence[Folder], *, follow: bool = True, max_records: int = 5_000) -> None:
        for folder in folders:
            if not folder.path.exists():
                raise SourceUnavailable(
                    f"{folder.path} does not exist: create it, or correct `folders` of the files source"
                )
        self._folders = folders
        self._follow = follow
        self._max_records = max_records
        self._files: dict[PartitionId, RecordFile] = {}
        self._kinds: dict[PartitionId, TopicKind] = {}
        self._positions: dict[PartitionId, int] = {}
        self._ends: dict[PartitionId, int] = {}
        self._scan()

    def assigned(self) -> Mapping[PartitionId, TopicKind]:
        """The files read so far and, per folder, the one that is being read."""
        return dict(self._kinds)

    def poll(self, timeout_s: float) -> Mapping[PartitionId, Sequence[RawRecord]]:
        """Records of the files in turn; waits up to the timeout when nothing is new and the folder is followed."""
        polled = self._read()
        if not polled and self._scan():
            return polled  # new files: let the worker claim and position them first
        if not polled and self._follow:
            time.sleep(timeout_s)
        return polled

    def seek(self, partition: PartitionId, offset: int | None) -> None:
        """Go on from this position (None: from the start of the file)."""
        self._positions[partition] = offset or 0
        self._ends.pop(partition, None)

    def highwater(self, partition: PartitionId) -> int | None:
        """Where reading stands once everything complete has been read, else the end of the file."""
        return self._ends.get(partition, self._files[partition].end() if partition in self._files else None)

    def commit_hint(self, offsets: Mapping[PartitionId, int]) -> None:
        """Files have no lag tools to inform."""

    def close(self) -> None:
        """Forget the files; nothing is held open between polls."""
        self._files.clear()
        self._positions.clear()

    @property
    def exhausted(self) -> bool:
        """Whether everything that was there has been delivered."""
        return all(p in self._ends for p in self._files) and not self._unread()

    def _read(self) -> dict[PartitionId, Sequence[RawRecord]]:
        room, polled = self._max_records, {}
        for partition, position in list(self._positions.items()):
            if room == 0:
                break
            records = self._files[partition].read(position, room, complete=not self._follow)
            if records:
                polled[partition] = records
                self._positions[partition] = records[-1].offset + 1
                self._ends.pop(partition, None)
                room -= len(records)
            else:
                self._ends[partition] = position
        return polled

    def _scan(self) -> bool:
        """Assign, per folder, the next unread file once the ones before it are exhausted."""
        found = False
        for folder in self._folders:
            paths = record_files(folder.path)
            fresh = [path for path in paths if _partition(path) not in self._files]
            behind = any(p in self._files and p not in self._ends for p in map(_partition, paths))
            if fresh and not behind:
                partition = _partition(fresh[0])
                self._files[partition] = _open(fresh[0])
                self._kinds[partition] = folder.kind
                found = True
        return found

    def _unread(self) -> bool:
        paths = (path for folder in self._folders for path in record_files(folder.path))
        return any(_partition(path) not in self._files for path in paths)


def _partition(path: Path) -> PartitionId:
    return PartitionId(path.resolve().as_posix(), 0)


def _open(path: Path) -> RecordFile:
    return ParquetFile(path) if path.suffix == ".parquet" else JsonLinesFile(path)


def record_files(path: Path) -> list[Path]:
    """The files of a folder in the order they are read, or the file itself; SourceUnavailable when it cannot be one."""
    if path.is_file():
        if path.suffix not in SUFFIXES:
            raise SourceUnavailable(f"{path}: cannot read {path.suffix!r}; give .jsonl, .ndjson, .json or .parquet")
        return [path]
    return sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES and p.is_file() and not p.name.startswith("."))
