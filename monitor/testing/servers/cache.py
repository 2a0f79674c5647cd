"""The folder in which downloads for tests are kept, and a lock for those that fill it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_folder() -> Path:
    """Where downloads are kept: $DRIFTLINE_CACHE, else .cache of the checkout, else the user's cache."""
    chosen = os.environ.get("DRIFTLINE_CACHE")
    if chosen:
        return Path(chosen).resolve()
    checkout = Path(__file__).resolve().parents[3]
    if (checkout / "pyproject.toml").is_file():
        return checkout / ".cache"
    return Path.home() / ".cache" / "driftline"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Be the only process inside; `path` is the lock file."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
