"""Look after the archive: check it against its list, make small files into one, forget what is old."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from monitor.domain.errors import StoreUnavailable
from monitor.domain.models import MonitoredModel
from monitor.domain.ports import ArchiveManifest
from monitor.domain.stream import ArchiveFile, PartitionProgress
from monitor.domain.time import duration_ms
from monitor.schedule.closing import closes_until_ms

SETTLED_MS = 3_600_000
"""A file that is not listed may be about to be: it is foreign when it was written so long ago."""


class Files(Protocol):
    """The archive's location."""

    def files(self) -> Iterable[tuple[str, int | None]]:
        """(path, written at in ms or None) of every file that could hold rows."""
        ...

    def samples(self) -> Iterable[str]:
        """Path of every sample of training rows, which are in no list."""
        ...

    def rows(self, path: str) -> int | None:
        """Number of rows; None when it is damaged, FileNotFoundError when it is not there."""
        ...

    def delete(self, path: str) -> None:
        """Remove a file; it may be gone already."""
        ...

    def merge(self, files: Sequence[ArchiveFile]) -> ArchiveFile:
        """Write one file with the rows of these."""
        ...


@dataclass(slots=True)
class Verified:
    """What `verify` found: how many listed files are as they should be, and the paths of all others, with a reason.

    `samples` of training rows can be read; those that cannot are among the damaged files.
    """

    files: int = 0
    rows: int = 0
    samples: int = 0
    missing: list[str] = field(default_factory=list)
    damaged: list[tuple[str, str]] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether every listed row, and every sample, can be read. Foreign files only take room."""
        return not self.missing and not self.damaged


def verify(manifest: ArchiveManifest, files: Files, now_ms: int) -> Verified:
    """Compare the list with the files, every file read. A file of the last hour that is not listed is left alone."""
    found, there = Verified(), dict(files.files())
    for model in manifest.models():
        for file in manifest.files(model):
            there.pop(file.path, None)
            _verify_file(file, files, found)
    for path in files.samples():
        _verify_sample(path, files, found)
    found.foreign = [path for path, at_ms in there.items() if at_ms is None or at_ms <= now_ms - SETTLED_MS]
    return found


def _verify_file(file: ArchiveFile, files: Files, found: Verified) -> None:
    try:
        rows = files.rows(file.path)
    except FileNotFoundError:
        found.missing.append(file.path)
        return
    if rows == file.rows:
        found.files += 1
        found.rows += rows
    else:
        found.damaged.append((file.path, "cannot be read" if rows is None else f"{rows} rows instead of {file.rows}"))


def _verify_sample(path: str, files: Files, found: Verified) -> None:
    try:
        if files.rows(path) is None:
            found.damaged.append((path, "a sample of training rows that cannot be read: build the baseline again"))
        else:
            found.samples += 1
    except FileNotFoundError:
        return  # it was deleted meanwhile


def compact(
    manifest: ArchiveManifest, files: Files, models: Iterable[MonitoredModel], progress: Sequence[PartitionProgress]
) -> int:
    """Make the small files of every closed pane into one a partition; the number of files that are no longer there.

    The new file is written before it is listed, and the old ones are deleted after that: a crash leaves foreign files,
    which `verify` names, and never loses or doubles a row.
    """
    gone = 0
    for model in models:
        until_ms = closes_until_ms(model, progress)
        if model.archive is None or until_ms is None:
            continue
        for group in _to_merge(manifest.files(model.name, until_ms)):
            merged = files.merge(group)
            if manifest.replace(group, merged):
                for file in group:
                    files.delete(file.path)
                gone += len(group) - 1
    return gone


def _to_merge(files: Iterable[ArchiveFile]) -> Iterator[list[ArchiveFile]]:
    groups: dict[tuple[object, ...], list[ArchiveFile]] = defaultdict(list)
    for file in files:
        groups[file.model, file.version, file.start_ms, file.partition, file.rate].append(file)
    return (group for group in groups.values() if len(group) > 1)


def forget(
    manifest: ArchiveManifest, files: Files, models: Mapping[str, MonitoredModel], keep: timedelta, now_ms: int
) -> int:
    """Delete files whose rows are all older than the model's policy keeps (`keep` where it does not say); how many.

    The file goes before its entry, so that a crash in between leaves an entry that the next call deletes.
    """
    gone = 0
    for name in manifest.models():
        model = models.get(name)
        policy = model.archive if model else None
        longest = (policy.keep if policy else None) or keep
        for file in manifest.files(name, now_ms - duration_ms(longest)):
            files.delete(file.path)
            manifest.forget(file.path)
            gone += 1
    return gone


def delete_foreign(files: Files, found: Verified) -> int:
    """Delete the files that nobody listed; how many. StoreUnavailable when one cannot be deleted."""
    if not found.is_whole:
        raise StoreUnavailable("listed files are missing or damaged: foreign ones may be what is left of them")
    for path in found.foreign:
        files.delete(path)
    return len(found.foreign)
