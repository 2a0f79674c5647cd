"""What is known of a model's traffic by the panes that were read."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import timedelta

from monitor.domain.stream import PaneSummary
from monitor.domain.windows import Window, WindowSpec


class ModelPanes:
    """Records by pane and version of one model, from `floor_ms` on."""

    def __init__(self, spec: WindowSpec, panes: Sequence[PaneSummary], floor_ms: int) -> None:
        self._spec, self._floor_ms = spec, floor_ms
        self._filled = sorted({pane.pane_start_ms for pane in panes if pane.n})
        self._n: dict[int, dict[str, int]] = {}
        for pane in panes:
            if pane.n:
                self._n.setdefault(pane.pane_start_ms, {})[pane.version] = pane.n

    def serving(self, window: Window, default: str) -> str:
        """The version that most records of the window belong to (of equals the last by name); `default` of none."""
        totals: dict[str, int] = {}
        for start_ms in range(window.start_ms, window.end_ms, self._spec.slide_ms):
            for version, n in self._n.get(start_ms, {}).items():
                totals[version] = totals.get(version, 0) + n
        return max(totals, key=lambda version: (totals[version], version), default=default)

    def quiet(self, window: Window) -> timedelta:
        """How long before the end of the window the newest pane with records ended; at least so long if none is known.

        Zero where the last pane of the window has records.
        """
        position = bisect_left(self._filled, window.end_ms)
        end_ms = self._filled[position - 1] + self._spec.slide_ms if position else self._floor_ms
        return timedelta(milliseconds=max(0, window.end_ms - end_ms))
