"""Which files a path stands for, and their format."""

from collections.abc import Iterator
from pathlib import Path

from monitor.domain.errors import BaselineError

FORMATS = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "json",
    ".ndjson": "json",
    ".arrow": "ipc",
    ".feather": "ipc",
}


def located(path: Path) -> tuple[list[Path], str]:
    """The file, or all files of one format in the folder, in the order of names; BaselineError when there is none."""
    if not path.exists():
        raise BaselineError(f"{path} does not exist")
    paths = [path] if path.is_file() else sorted(_in_folder(path))
    formats = {FORMATS.get(one.suffix.lower()) for one in paths}
    if not paths or None in formats:
        raise BaselineError(f"{path}: give {', '.join(FORMATS)}, or a folder of such files")
    if len(formats) > 1:
        raise BaselineError(f"{path} mixes formats: give a folder of one format, or a single file")
    return paths, str(formats.pop())


def _in_folder(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix.lower() in FORMATS and not path.name.startswith((".", "_")):
            yield path
