"""Work in bulk without sweeps of Python's collector of cycles, which looks at every object again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_lock = Lock()
_at_work = 0
_swept_before = True


@contextmanager
def unswept() -> Iterator[None]:
    """No sweep within, in the whole process; the last of several that overlap lets them go on.

    For work that ends soon: what is made in bulk here is freed by its reference counts all the same.
    """
    global _at_work, _swept_before  # noqa: PLW0603 - the collector is one for the process, and so is its switch
    with _lock:
        if _at_work == 0:
            _swept_before = gc.isenabled()
            gc.disable()
        _at_work += 1
    try:
        yield
    finally:
        with _lock:
            _at_work -= 1
            if _at_work == 0 and _swept_before:
                gc.enable()
