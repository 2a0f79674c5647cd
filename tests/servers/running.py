"""`driftline run` as a process of its own, on a configuration in a folder."""

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx

from monitor.testing.servers.ports import free_port

ROOT = Path(__file__).parents[2]


class RunningDriftline:
    """Start it, end it politely or by SIGKILL, start it again; the port stays the same."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-c", "from monitor.cli.main import main; main()", "run"]
        with (self.folder / "run.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self.folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 90
        while not self._is_alive():
            assert self._process.poll() is None, (self.folder / "run.log").read_text()
            assert time.monotonic() < deadline, "not serving after 90 s"
            time.sleep(0.05)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)

    def stop(self) -> int:
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(60)

    def _is_alive(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz").status_code == 200
        except httpx.TransportError:
            return False
