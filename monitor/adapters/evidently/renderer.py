"""Runs the rendering worker and brings back what it says."""

import os
import subprocess
import sys

import msgspec

from monitor.domain.errors import ReportFailed
from monitor.domain.reports import RenderedReport, ReportJob

_WORKER = "monitor.adapters.evidently.worker"


class EvidentlyRenderer:
    """Renders reports one at a time, each in a fresh interpreter with a deadline in seconds."""

    def __init__(self, deadline_s: float = 300.0) -> None:
        self._deadline_s = deadline_s

    def render(self, job: ReportJob) -> RenderedReport:
        """Write the job's HTML file; ReportFailed says what went wrong and leaves no half-written file."""
        environment = os.environ | {"DO_NOT_TRACK": "1", "MPLBACKEND": "Agg"}
        command = [sys.executable, "-W", "ignore", "-m", _WORKER]
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter and module, no shell
                command,
                input=msgspec.json.encode(job),
                capture_output=True,
                timeout=self._deadline_s,
                env=environment,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ReportFailed(
                f"Evidently took longer than {self._deadline_s:.0f} s; lower `max_rows` or choose a smaller window"
            ) from error
        if done.returncode != 0:
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
            raise ReportFailed(f"Evidently could not render the report: {last[0]}")
        return msgspec.json.decode(done.stdout, type=RenderedReport)
