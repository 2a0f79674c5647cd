"""One file of JSON lines: a record a line, positions in bytes."""

from collections.abc import Sequence
from pathlib import Path

from monitor.domain.errors import SourceUnavailable
from monitor.domain.records import RawRecord

_MAX_READ_BYTES = 16 << 20


class JsonLinesFile:
    """Reads lines from a byte position; the file may be appended to meanwhile, but not cut or rewritten."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def end(self) -> int:
        """Size of the file in bytes."""
        return self._path.stat().st_size

    def read(self, offset: int, limit: int, *, complete: bool) -> Sequence[RawRecord]:
        """Lines that start at or after the position.

        The position after a record is its own plus one, which lies inside its line: reading goes on behind the next
        line end, so both a line's start and any position inside the line before it lead to the same line.
        """
        if offset > self.end():
            raise SourceUnavailable(f"{self._path} is shorter than what was read of it: it was cut or replaced")
        records: list[RawRecord] = []
        with self._path.open("rb") as file:
            if offset:
                file.seek(offset - 1)
                file.readline()
            budget = _MAX_READ_BYTES
            while len(records) < limit and budget > 0:
                start = file.tell()
                line = file.readline()
                if not line or not (line.endswith(b"\n") or complete):
                    break
                budget -= len(line)
                if line.strip():
                    records.append(RawRecord(start, line.rstrip(b"\r\n")))
        return records
