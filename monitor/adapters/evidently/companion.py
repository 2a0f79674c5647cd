"""A process beside ours that computes with Evidently: it stays while there is work, and goes when there is none.

Importing Evidently takes some six seconds and 290 MB. A backfill judges window after window and pays the seconds once;
a service that judges a window an hour has the memory back half a minute later.
"""

import contextlib
import os
import struct
import subprocess
import sys
import tempfile
import weakref
from multiprocessing.connection import wait
from typing import IO

from monitor.domain.errors import ReportFailed

FRAME = struct.Struct(">Q")
"""Before every message its length in bytes. The process says first, by an empty one, that it is ready."""


class Companion:
    """Asks a worker module questions, one at a time; starts it when it is not there. Not thread-safe."""

    def __init__(self, worker: str, deadline_s: float) -> None:
        self._worker, self._deadline_s = worker, deadline_s
        self._child: _Child | None = None

    def ask(self, question: bytes) -> bytes:
        """The answer, within the deadline; ReportFailed says why there is none, and the next question starts anew."""
        try:
            try:
                return self._at_hand().ask(question, self._deadline_s)
            except BrokenPipeError:  # it had nothing to do and left just now
                return self._started().ask(question, self._deadline_s)
        except BaseException:
            self._child = None  # whatever it is about to say belongs to no question
            raise

    def _at_hand(self) -> "_Child":
        return self._child if self._child is not None and self._child.is_alive else self._started()

    def _started(self) -> "_Child":
        self._child = None
        self._child = _Child(self._worker, self._deadline_s)
        return self._child


class _Child:
    """A running worker; it ends when this is forgotten, and by itself when our process does."""

    def __init__(self, worker: str, deadline_s: float) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell
            [sys.executable, "-W", "ignore", "-m", worker],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=os.environ | {"DO_NOT_TRACK": "1", "MPLBACKEND": "Agg"},
        )
        weakref.finalize(self, _end, self._process, self._said)
        self._heard(deadline_s)

    @property
    def is_alive(self) -> bool:
        """Whether it has not left."""
        return self._process.poll() is None

    def ask(self, question: bytes, deadline_s: float) -> bytes:
        """One question and its answer."""
        assert self._process.stdin is not None  # noqa: S101 - narrows what Popen was asked for
        self._process.stdin.write(FRAME.pack(len(question)) + question)
        self._process.stdin.flush()
        return self._heard(deadline_s)

    def _heard(self, deadline_s: float) -> bytes:
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 - as above
        if not wait([stdout.fileno()], deadline_s):
            raise ReportFailed(f"Evidently took longer than {deadline_s:.0f} s: ask for fewer metrics, or cheaper ones")
        header = stdout.read(FRAME.size)
        if len(header) < FRAME.size:
            if self._process.wait() == 0:
                raise BrokenPipeError("it left while the question was on its way")
            raise ReportFailed(f"Evidently could not compute the metrics: {self._last_words()}")
        return stdout.read(FRAME.unpack(header)[0])

    def _last_words(self) -> str:
        self._said.seek(0)
        return (self._said.read().decode(errors="replace").strip().splitlines() or ["no message"])[-1]


def _end(process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
    process.kill()
    for stream in (process.stdin, process.stdout, said):
        with contextlib.suppress(OSError):  # what it did not read any more
            if stream is not None:
                stream.close()
    process.wait()
