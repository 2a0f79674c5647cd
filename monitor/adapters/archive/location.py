"""Where the archive's files are: a local folder, or any store that fsspec has a driver for."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from monitor.domain.errors import ConfigError, StoreUnavailable
from monitor.domain.time import to_ms

Fill = Callable[[IO[bytes]], object]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the archive: its path below the root, its size and when it was last written (None: unknown)."""

    path: str
    size_bytes: int
    written_at_ms: int | None


class ArchiveLocation:
    """A root below which files have relative paths with `/`. A file is complete before it has its name.

    Everything raises StoreUnavailable when the store cannot serve.
    """

    def __init__(self, url: str) -> None:
        """Open a folder (a path) or a URL such as `s3://bucket/prefix`; ConfigError when there is no driver for it."""
        self.url = url
        try:
            self.fs, self.root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise ConfigError(
                f"the archive {url} cannot be opened: {error}",
                hint="install fsspec's driver for it (s3fs, gcsfs, adlfs ...), or give a folder",
            ) from error

    def __str__(self) -> str:
        """As configured."""
        return self.url

    @property
    def is_local(self) -> bool:
        """Whether the files are in a folder of this machine."""
        return isinstance(self.fs, LocalFileSystem)

    def full(self, path: str) -> str:
        """The path as the file system knows it."""
        return f"{self.root.rstrip('/')}/{path}"

    def write(self, path: str, fill: Fill) -> None:
        """Write a whole file; writing it again replaces it by the same."""
        with self._asked("written"):
            if self.is_local:
                _write_and_sync(Path(self.full(path)), fill)
                return
            content = BytesIO()  # object stores take an object as a whole, or not at all
            fill(content)
            self.fs.pipe_file(self.full(path), content.getvalue())

    def read(self, path: str) -> bytes:
        """The content; FileNotFoundError when it is not there."""
        with self._asked("read"):
            content: bytes = self.fs.cat_file(self.full(path))
            return content

    def delete(self, path: str) -> None:
        """Remove a file; it may be gone already."""
        with self._asked("written"):
            try:
                self.fs.rm_file(self.full(path))
            except FileNotFoundError:
                return

    def files(self, below: str = "") -> Iterator[StoredFile]:
        """Every file below a folder of the archive, by path; none when the folder is not there."""
        with self._asked("listed"):
            found: dict[str, dict[str, Any]] = self.fs.find(self.full(below), detail=True)
        start = len(self.full(""))
        for full, info in sorted(found.items()):
            yield StoredFile(full[start:], int(info.get("size") or 0), _written_at_ms(info))

    @contextmanager
    def _asked(self, what: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StoreUnavailable(f"the archive {self.url} cannot be {what}: {error.strerror or error}") from error


def _write_and_sync(path: Path, fill: Fill) -> None:
    """Under another name first, so that nobody ever sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as file:
        fill(file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _written_at_ms(info: dict[str, Any]) -> int | None:
    at = next(
        (info[key] for key in ("mtime", "LastModified", "last_modified", "updated", "created") if key in info), None
    )
    if isinstance(at, int | float):
        return int(at * 1000)
    if isinstance(at, datetime):
        return to_ms(at if at.tzinfo else at.replace(tzinfo=UTC))
    return None
