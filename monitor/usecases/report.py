"""Write the drill-down report of one window against its baseline, from archived records."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from monitor.domain.errors import ReportFailed
from monitor.domain.models import ColumnKind, ModelRef, MonitoredModel
from monitor.domain.ports import BaselineStore, Records
from monitor.domain.reports import RenderedReport, ReportJob
from monitor.domain.time import format_instant, to_ms
from monitor.domain.windows import Window
from monitor.stats.baseline import Baseline


class ReportRenderer(Protocol):
    """Turns rows into a report that people read."""

    def render(self, job: ReportJob) -> RenderedReport:
        """Write the file the job names; ReportFailed when it cannot."""
        ...


@dataclass(frozen=True, slots=True)
class WriteReport:
    """The use case; `training_rows` finds the kept sample of a baseline's training data (None: not kept).

    `archive` is the folder or URL that the paths of both are relative to.
    """

    records: Records
    baselines: BaselineStore
    renderer: ReportRenderer
    training_rows: Callable[[str], str | None]
    archive: str

    def run(self, model: MonitoredModel, window: Window, output: Path, version: str | None = None) -> RenderedReport:
        """Report on the window's archived records; ReportFailed says what is missing and how to get it."""
        ref, baseline_id = self._baseline(model.name, window, version)
        reference = self.training_rows(baseline_id)
        if reference is None:
            raise ReportFailed(
                f"no training rows are kept for baseline {baseline_id[:12]}: build it again with this program, "
                "which keeps a sample beside the archive"
            )
        files = self.records.archive(ref, window.start_ms, window.end_ms)
        if not files:
            raise ReportFailed(
                f"no archived records of {ref} in {window}: set `archive: true` for the model, "
                f"and check the window with `driftline findings --model {model.name}`"
            )
        schema = Baseline.from_bytes(self.baselines.get(baseline_id)).schema
        job = ReportJob(
            title=f"{ref}, window {window}",
            archive=self.archive,
            reference=reference,
            current=tuple((file.path, file.rate) for file in files),
            start_ms=window.start_ms,
            end_ms=window.end_ms,
            numeric=tuple(column.name for column in schema if column.kind is ColumnKind.NUMERIC),
            categorical=tuple(column.name for column in schema if column.kind is ColumnKind.CATEGORICAL),
            output=str(output),
        )
        return self.renderer.render(job)

    def _baseline(self, model: str, window: Window, version: str | None) -> tuple[ModelRef, str]:
        """The newest baseline in force at the window's start, of the version if one is named."""
        in_force = [
            (ModelRef(model, of), baseline_id)
            for of, effective_from, baseline_id in self.baselines.timeline(model)
            if (effective_from is None or effective_from <= window.start_ms) and version in {None, of}
        ]
        if not in_force:
            whose = f"{model}:{version}" if version else model
            raise ReportFailed(
                f"no baseline of {whose} is in force at {format_instant(window.start)}: "
                f"see `driftline baseline list --model {model}`"
            )
        return in_force[-1]


def report_name(model: str, window: Window) -> str:
    """A file name that names the window and sorts by time."""
    return f"{model}-{to_ms(window.start)}-{to_ms(window.end)}.html"
