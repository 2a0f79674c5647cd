"""What every server that tests start has in common: a process, a port and a folder, kept over restarts."""

import shutil
import signal
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from monitor.testing.servers.ports import free_port
from monitor.testing.servers.process import ServerProcess

_STOP_DEADLINE_S = 20.0


class LocalServer(ABC):
    """One server on a free loopback port; a subclass says how its process is started and when it serves."""

    name: ClassVar[str]
    """Part of its temporary folder's name."""
    polite: ClassVar[signal.Signals]
    """The signal on which it ends in good order."""
    ready_within_s: ClassVar[float]

    def __init__(self) -> None:
        self._port = free_port()
        self._folder: Path | None = None
        self._owns_folder = False
        self._process: ServerProcess | None = None

    @property
    def is_running(self) -> bool:
        """Whether the server's process is there."""
        return self._process is not None and self._process.is_running

    @property
    def pid(self) -> int:
        """The process id of the running (or last) server; raises RuntimeError before the first start."""
        if self._process is None:
            raise RuntimeError("the server was never started: call start() or use it in a with statement")
        return self._process.pid

    def start(self, data_dir: Path | None = None) -> None:
        """Start and wait until it serves; raises ServerUnavailable or ServerFailed. Does nothing while it runs.

        The first start prepares `data_dir`, an empty or missing folder that is kept at the end; without
        one a temporary folder is made, and removed by `close`. Later starts go on with the same data.
        """
        if self.is_running:
            return
        self._process = self._launch(self._settle(data_dir))
        self._process.wait_until_ready(self._serves, self.ready_within_s)

    def stop(self) -> None:
        """Stop in good order; the data stays."""
        if self._process is not None:
            self._process.stop(self.polite, _STOP_DEADLINE_S)

    def kill9(self) -> None:
        """SIGKILL, as a crash: what was not flushed may be lost, the data folder stays."""
        if self._process is not None:
            self._process.stop(signal.SIGKILL, _STOP_DEADLINE_S)

    def restart(self) -> None:
        """Stop in good order and start again on the same port and data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End it and remove its folder, unless the folder was given to `start`."""
        self._end()
        if self._owns_folder and self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def _launch(self, folder: Path) -> ServerProcess:
        """Prepare `folder` where this is its first start, and start the process."""

    @abstractmethod
    def _serves(self) -> bool:
        """Whether a client is answered."""

    def _end(self) -> None:
        """End the process for good."""
        self.stop()

    def _settle(self, data_dir: Path | None) -> Path:
        if self._folder is None:
            self._owns_folder = data_dir is None
            self._folder = data_dir or Path(tempfile.mkdtemp(prefix=f"driftline-{self.name}-"))
        elif data_dir is not None and data_dir != self._folder:
            raise ValueError(f"the data of this server is in {self._folder}: start another one on {data_dir}")
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder
