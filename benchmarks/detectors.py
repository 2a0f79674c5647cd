"""What our default, classic rules and peers say of windows of a table: which columns they flag.

The peers are programs of their own that see windows of so many rows at their defaults: NannyML, alibi-detect with its
Bonferroni correction, Evidently. The rules are the usual cut-offs on our own statistics.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np

from benchmarks.programs import HERE, ROOT, peer_environment
from monitor.domain.budgets import AlarmBudget
from monitor.domain.models import ModelRef
from monitor.domain.time import from_ms
from monitor.domain.windows import Window, WindowSpec
from monitor.stats.baseline import Baseline
from monitor.stats.calibration.accumulating import Accumulated
from monitor.stats.calibration.model_drift import ModelDrift
from monitor.stats.calibration.windows import BaselineWindows
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stats.drift.chi_squared import ChiSquared
from monitor.stats.drift.kolmogorov_smirnov import KolmogorovSmirnov
from monitor.stats.drift.psi import Psi
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.numeric import NumericProfile

RUN = 20
"""Windows in which a change is to be found."""

PEERS = {"nannyml": "nannyml_windows.py", "alibi-detect": "alibi_windows.py", "evidently": "evidently_windows.py"}
OWN_RULES = ("KS p < .05", "KS Bonferroni", "PSI > .1", "PSI > .2")
OURS = "budget"

Rows = tuple[int, Mapping[str, Column]]
"""A window: its start in ms, its columns."""

Said = dict[str, set[str]]
"""Columns that a detector flags in one window."""


@dataclass
class Seen:
    """What one detector said: quiet windows with an alarm, and for every change where it was named, run by run."""

    quiet: int = 0
    alarmed: int = 0
    changed: dict[str, list[list[bool]]] = field(default_factory=dict)

    def add(self, other: "Seen") -> None:
        self.quiet, self.alarmed = self.quiet + other.quiet, self.alarmed + other.alarmed
        for name, runs in other.changed.items():
            self.changed.setdefault(name, []).extend(runs)

    def per_1000(self) -> float:
        return 1000 * self.alarmed / self.quiet if self.quiet else float("nan")

    def power(self, change: str) -> float:
        return float(np.mean([named for run in self.changed[change] for named in run]))

    def delay(self, change: str) -> float:
        return statistics.median(self._delays(change))

    def mean_delay(self, change: str) -> float:
        return statistics.fmean(self._delays(change))

    def _delays(self, change: str) -> list[int]:
        return [run.index(True) + 1 if any(run) else RUN + 1 for run in self.changed[change]]


class Monitored:
    """A baseline of windows of one size that follow each other, and everything of ours that looks at later ones."""

    def __init__(self, windows: Sequence[Rows], budget: AlarmBudget) -> None:
        columns = joined([window for _, window in windows])
        times = np.repeat(np.array([start for start, _ in windows]), [_length(window) for _, window in windows])
        size = timedelta(milliseconds=windows[1][0] - windows[0][0])
        self._size, self._alpha = size, 0.05 / len(columns)
        self.baseline = Baseline.build(ModelRef("model", "1"), columns)
        own = BaselineWindows.of(self.baseline.whole, columns, times, size // timedelta(milliseconds=1))
        self.drift = ModelDrift.of(self.baseline.whole, own, WindowSpec(size, size), budget)
        self._state: Accumulated | None = None

    def forget(self) -> None:
        """Start the sequential detector anew."""
        self._state = None

    def said(self, windows: Iterable[Rows], *, rules: bool = True) -> Iterator[Said]:
        """What is flagged in each window."""
        for start, columns in windows:
            profile = ModelProfile.empty(self.baseline.layouts)
            profile.update(columns, _length(columns))
            verdict = self.drift.judge(profile, Window(from_ms(start), from_ms(start) + self._size), self._state)
            self._state = verdict.state
            by_rule = self._by_rule(profile) if rules else {}
            yield {OURS: {one.column for one in verdict.columns}, **by_rule}

    def _by_rule(self, profile: ModelProfile) -> Said:
        flagged: Said = {rule: set() for rule in OWN_RULES}
        for name, baseline in self.baseline.profiles().items():
            p, psi = _figures(baseline, profile.columns[name])
            hits = (p < 0.05, p < self._alpha, psi > 0.1, psi > 0.2)
            for rule, hit in zip(OWN_RULES, hits, strict=True):
                flagged[rule] |= {name} if hit else set()
        return flagged


def said_by(peer: str, folder: Path, rows: int, progress: Callable[[str], None]) -> Mapping[str, list[list[str]]]:
    """What a peer flags in windows of so many rows, for every NAME.npz beside the baseline in a folder."""
    python = Path(sys.executable) if peer == "evidently" else peer_environment(peer, progress)
    command = [str(python), str(HERE / "peers" / PEERS[peer]), str(folder), str(rows)]
    environment = {**os.environ, "DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{PEERS[peer]} failed:\n{done.stderr[-2_000:]}")
    said: Mapping[str, list[list[str]]] = json.loads(done.stdout.splitlines()[-1])
    return said


def save(path: Path, windows: Iterable[Rows]) -> None:
    """Write windows for the peers: names of categories become the number at their end."""
    columns = joined([window for _, window in windows])
    arrays = {name: _codes(c) if isinstance(c, CategoricalColumn) else c.values for name, c in columns.items()}
    np.savez(path, **arrays)  # type: ignore[arg-type]  # no array is called allow_pickle


def joined(windows: Sequence[Mapping[str, Column]]) -> dict[str, Column]:
    """The rows of all windows."""
    found: dict[str, Column] = {}
    for name, first in windows[0].items():
        parts = [window[name].values for window in windows]
        if isinstance(first, CategoricalColumn):
            found[name] = CategoricalColumn([value for part in parts for value in part])
        else:
            found[name] = NumericColumn(np.concatenate(parts))  # type: ignore[arg-type]
    return found


def _length(window: Mapping[str, Column]) -> int:
    return len(next(iter(window.values())))


def _codes(column: CategoricalColumn) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.array([-1 if value == "never seen" else int((value or "").split()[-1]) for value in column.values])


def _figures(baseline: Profile, current: Profile) -> tuple[float, float]:
    """P-value of the classic test (Kolmogorov-Smirnov, or chi-squared for categories) and PSI."""
    test = KolmogorovSmirnov() if isinstance(baseline, NumericProfile) else ChiSquared()
    return test.run(baseline, current).p_value or 0.0, Psi().run(baseline, current).statistic
