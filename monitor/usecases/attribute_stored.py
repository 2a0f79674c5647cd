"""What the drift of a stored window is made of: its shares merged again, and divided."""

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.domain.errors import MonitorError
from monitor.domain.models import ALL_TRAFFIC, ModelRef, MonitoredModel
from monitor.domain.ports import BaselineStore, WindowReads
from monitor.domain.rules import Chart
from monitor.domain.stream import Share, ShareSpan
from monitor.domain.windows import Window
from monitor.stats.attribution.attribution import Attribution
from monitor.stats.baseline import Baseline
from monitor.usecases.attributing import Sides
from monitor.usecases.stored_windows import segments_of
from monitor.usecases.window_content import compared_with, window_content

MOST_CHARTS = 10


@dataclass(frozen=True, slots=True)
class AttributedWindow:
    """The parts of a window's drift, and pictures of the columns that carry it, by name."""

    ref: ModelRef
    window: Window
    attribution: Attribution
    charts: Mapping[str, Chart]


@dataclass(frozen=True, slots=True)
class AttributeStored:
    """The use case; it reads and changes nothing. No raw rows are needed."""

    windows: WindowReads
    baselines: BaselineStore

    def run(self, model: MonitoredModel, ref: ModelRef, window: Window) -> AttributedWindow:
        """Divide the window's drift; MonitorError says why it is not stored, or with what it cannot be compared."""
        shares = self._shares(model, ref, window)
        if not shares[ALL_TRAFFIC]:
            raise MonitorError(
                f"nothing of {ref} is stored for {window}: `driftline windows --model {ref.name}` lists what there is"
            )
        baseline_id = compared_with(shares[ALL_TRAFFIC], self.baselines.timeline(ref.name))
        if baseline_id is None:
            raise MonitorError(
                f"{window} of {ref} was not counted on a baseline: build one with `driftline baseline build`, "
                "and later windows are"
            )
        baseline = Baseline.from_bytes(self.baselines.get(baseline_id))
        content = window_content(shares, baseline_id, baseline)
        sides = Sides(baseline, content.profiles, model.segments, model.min_records)
        found = sides.whole
        charts = sides.charts((), min(MOST_CHARTS, len(found.columns)))
        return AttributedWindow(ref, window, found, {chart.title: chart for chart in charts})

    def _shares(self, model: MonitoredModel, ref: ModelRef, window: Window) -> dict[str, list[Share]]:
        found: dict[str, list[Share]] = {name: [] for name in segments_of(model)}
        spans = [ShareSpan(ref, name, window.start_ms, window.end_ms) for name in found]
        for share in self.windows.shares(spans):
            found[share.key.segment].append(share)
        return found
