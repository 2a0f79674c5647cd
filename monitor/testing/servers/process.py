"""A server as a child process that cannot outlive us."""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.testing.servers.unavailable import ServerFailed

_LOG_LINES_IN_ERRORS = 25
_POLL_S = 0.05

# Waits for a line. None comes when our process dies without a word, even by SIGKILL: then the server gets
# the signal that makes it leave at once, and its temporary folder (when it has one) goes too.
_LIFELINE = 'read -r _ || { kill -s "$2" "$1"; sleep 2; kill -s KILL "$1"; test -z "$3" || rm -rf "$3"; }'


@dataclass(frozen=True, slots=True)
class Account:
    """The system user that a server runs as, where it refuses to run as root."""

    name: str
    user_id: int
    group_id: int


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start one server: what to run, where, and where its output goes."""

    server: str
    command: Sequence[str]
    directory: Path
    log: Path
    environment: Mapping[str, str]
    account: Account | None = None
    leave_at_once: signal.Signals = signal.SIGKILL
    delete_when_orphaned: Path | None = None


class ServerProcess:
    """One run of a server. It has its own session: Ctrl-C in the terminal reaches us, and we stop it."""

    def __init__(self, launch: Launch) -> None:
        """Start the process; `wait_until_ready` says when it serves."""
        self._launch = launch
        with launch.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the command is ours
                list(launch.command),
                cwd=launch.directory,
                env=dict(launch.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=launch.account.user_id if launch.account else None,
                group=launch.account.group_id if launch.account else None,
                extra_groups=[] if launch.account else None,
            )
        self._lifeline = self._tie_to_us()

    @property
    def pid(self) -> int:
        """The process id, also after its end."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def wait_until_ready(self, is_ready: Callable[[], bool], deadline_s: float) -> None:
        """Return once `is_ready`; raise ServerFailed with the log's end if it dies or takes too long."""
        give_up_at = time.monotonic() + deadline_s
        while not is_ready():
            if not self.is_running:
                self._fail(f"ended with exit status {self._process.returncode} while starting")
            if time.monotonic() > give_up_at:
                self.stop(signal.SIGKILL, deadline_s=10)
                self._fail(f"was not ready after {deadline_s:.0f} s")
            time.sleep(_POLL_S)

    def stop(self, with_signal: signal.Signals, deadline_s: float) -> None:
        """Signal it and wait for its end, at most `deadline_s` seconds; then SIGKILL."""
        if self.is_running:
            self._process.send_signal(with_signal)
            try:
                self._process.wait(deadline_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()
        if self._lifeline.returncode is None:
            self._lifeline.communicate(b"\n")

    def _tie_to_us(self) -> subprocess.Popen[bytes]:
        launch = self._launch
        farewell = launch.leave_at_once.name.removeprefix("SIG")
        orphan_folder = str(launch.delete_when_orphaned or "")
        return subprocess.Popen(  # noqa: S603 - the command is ours
            ["/bin/sh", "-c", _LIFELINE, "lifeline", str(self.pid), farewell, orphan_folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _fail(self, problem: str) -> None:
        self.stop(signal.SIGKILL, deadline_s=10)
        lines = self._launch.log.read_text(errors="replace").splitlines()[-_LOG_LINES_IN_ERRORS:]
        raise ServerFailed(self._launch.server, problem, lines)
