"""The machine's clock, entropy and name: the only door to each of them in the program."""

import os
import socket
import time
import uuid
from datetime import UTC, datetime

import numpy as np


class SystemClock:
    """The wall clock; it steps when the machine's clock does."""

    def now(self) -> datetime:
        """The present as an aware UTC instant."""
        return datetime.now(UTC)


def process_name() -> str:
    """Who we are to other processes: host, process id and a random part, since process ids come again."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def system_chance() -> np.random.Generator:
    """A generator seeded by the machine, for jitter; never for statistics."""
    return np.random.default_rng(time.time_ns() ^ int.from_bytes(os.urandom(8), "big"))
