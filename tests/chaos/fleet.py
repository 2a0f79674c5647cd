"""Consumers: `driftline consume`, each in a process of its own that is killed, stopped, woken and replaced."""

import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from monitor.cli.main import MISTAKEN
from monitor.domain.stream import Flush

_context = multiprocessing.get_context("forkserver")
# Started from a process that has imported everything: kills then hit consumers at work, not importing ones.
_context.set_forkserver_preload(["monitor.cli.run", "monitor.bootstrap.serving", "monitor.adapters.kafka.source"])
_LEAVE_S = 40
_READY_S = 2.0


class Unfinished(AssertionError):
    """The consumers did not come to the end of the log, or not in the way they should."""


def consume(
    config: Path, member: str, log: Path, environ: Mapping[str, str], prepare: Callable[[], None] | None = None
) -> None:
    """What the process does: the command, as from a shell; `prepare` may plant a trap before."""
    threading.Thread(target=_die_with, args=(os.getppid(),), daemon=True).start()
    os.environ.update(environ)
    said = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(said, 1)
    os.dup2(said, 2)
    sys.argv = ["driftline", "consume", "--config", str(config), "--member", member]
    _stop_at_save_when_asked()
    if prepare is not None:
        prepare()
    from monitor.cli.main import main

    main()


def _stop_at_save_when_asked() -> None:
    """SIGUSR1: stop at the next save, when everything is ready for it; SIGUSR2: not any more."""
    from monitor.adapters.sql.ingest import SqlIngestStore

    asked, flush = threading.Event(), SqlIngestStore.flush

    def stop_and_flush(store: SqlIngestStore, flushes: Sequence[Flush]) -> None:
        if flushes and asked.is_set():
            asked.clear()
            os.kill(os.getpid(), signal.SIGSTOP)
        flush(store, flushes)

    SqlIngestStore.flush = stop_and_flush  # type: ignore[method-assign, assignment]
    signal.signal(signal.SIGUSR1, lambda *_: asked.set())
    signal.signal(signal.SIGUSR2, lambda *_: asked.clear())


def _die_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGKILL)


class Fleet:
    """At most one consumer in each slot; a slot keeps its name in the group, so membership is static."""

    def __init__(self, config: Path, logs: Path, environ: Mapping[str, str]) -> None:
        self._config, self._logs, self._environ = config, logs, environ
        self._running: dict[int, ForkServerProcess] = {}
        self._leaving: dict[int, ForkServerProcess] = {}
        self._started_s: dict[int, float] = {}
        self.revived = 0
        self.codes: Counter[int | None] = Counter()

    def start(self, slot: int) -> None:
        """Start a consumer in an empty slot, after the one that left it has gone."""
        if slot in self._leaving:
            self._see_off(self._leaving.pop(slot))
        self._running[slot] = self._launch(slot)
        self._started_s[slot] = time.monotonic()

    def fall_into(self, slot: int, trap: Callable[[], None]) -> int | None:
        """Run a consumer with a trap until it has ended; its exit code."""
        process = self._launch(slot, trap)
        process.join(_LEAVE_S)
        code = process.exitcode
        process.kill()
        return code

    def kill(self, slot: int) -> None:
        """Kill -9, asleep or not."""
        process = self._running.pop(slot)
        process.kill()
        process.join(_LEAVE_S)

    def stop(self, slot: int, *, at_save: bool) -> None:
        """SIGSTOP, now or at its next save."""
        if at_save:  # an unready process would end by the signal
            time.sleep(max(0.0, self._started_s[slot] + _READY_S - time.monotonic()))
        self._send(slot, signal.SIGUSR1 if at_save else signal.SIGSTOP)

    def wake(self, slot: int) -> None:
        """SIGCONT; a stop that has not come yet does not come any more."""
        self._send(slot, signal.SIGUSR2)
        for _ in range(2):  # it may have been about to stop
            self._send(slot, signal.SIGCONT)
            time.sleep(0.1)

    def _send(self, slot: int, number: signal.Signals) -> None:
        pid = self._running[slot].pid
        assert pid is not None
        os.kill(pid, number)

    def leave(self, slot: int) -> None:
        """Ask it to stop, without waiting for that."""
        process = self._running.pop(slot)
        process.terminate()
        self._leaving[slot] = process

    def revive(self) -> None:
        """Start again, as a supervisor does, who found the database away when it started; no other end is foreseen."""
        for slot in [slot for slot, process in self._running.items() if not process.is_alive()]:
            last = self._log(slot).read_text(errors="replace")[-300:]
            code = self._running.pop(slot).exitcode
            if code != MISTAKEN or "cannot serve now" not in last:
                raise Unfinished(f"consumer {slot} ended by itself with code {code}\n{self.last_words()}")
            self.revived += 1
            self.start(slot)

    def leave_all(self) -> None:
        """Stop all in good order; `codes` then has the exit codes of all that were asked to stop."""
        for slot in list(self._running):
            self.leave(slot)
        for slot in list(self._leaving):
            self._see_off(self._leaving.pop(slot))

    def kill_all(self) -> None:
        """However they are."""
        for process in (*self._running.values(), *self._leaving.values()):
            process.kill()
            process.join(_LEAVE_S)

    def said(self) -> Counter[str]:
        """How often each event stands in the logs of all."""
        found: Counter[str] = Counter()
        for log in self._logs.glob("consumer-*.log"):
            for line in log.read_text(errors="replace").splitlines():
                found[_event(line)] += 1
        return found

    def last_words(self) -> str:
        """The end of every log, for errors."""
        logs = sorted(self._logs.glob("consumer-*.log"))
        return "\n".join(f"{log.name}:\n{log.read_text(errors='replace')[-1500:]}" for log in logs)

    def _launch(self, slot: int, trap: Callable[[], None] | None = None) -> ForkServerProcess:
        arguments = (self._config, f"member-{slot}", self._log(slot), dict(self._environ), trap)
        process = _context.Process(target=consume, args=arguments, name=f"consumer-{slot}", daemon=True)
        process.start()
        return process

    def _log(self, slot: int) -> Path:
        return self._logs / f"consumer-{slot}.log"

    def _see_off(self, process: ForkServerProcess) -> None:
        process.join(_LEAVE_S)
        if process.is_alive():
            process.kill()
            process.join(_LEAVE_S)
        self.codes[process.exitcode] += 1


def _event(line: str) -> str:
    try:
        return str(json.loads(line).get("event", ""))
    except (ValueError, AttributeError):
        return "no JSON"  # the last line of a consumer that was killed while it wrote
