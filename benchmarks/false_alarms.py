"""Windows with any false alarm over 25 columns where nothing changes, and how soon a change is found: ours and peers.

Nulls: independent rows, rows that depend on each other, batches that differ, a daily season; windows of 500, 5,000 and
50,000 rows. Ours is the default of a new model with a budget of 1 false alarm in 1,000 windows; each null has several
baselines of its own. `worst_null_per_1000` is of all windows of a null; `worst_cell_per_1000` of one null and size.
Peers see windows of 500 rows of one baseline, fewer of them the slower they are. `delay_` is the median number of
windows until the changed column is named, 21 when it is not within 20; `best_peer_delay_` is the smallest of the peers
that alarm in less than one quiet window in four, `quiet_peer_delay_` of those that do in at most 10 of 1,000: ten times
our budget. `least_delay_` is the bound of information for shifts of a mean: log(columns / budget) over what a window
tells, which no detector beats on average, to first order (Lorden 1971). BENCH_SCALE=4 runs so many times the windows.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np

from benchmarks.programs import HERE, ROOT, peer_environment
from benchmarks.traffic_streams import CHANGES, COLUMNS, HOUR_MS, LEVELS, NULLS, Change, Stream
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

ALPHA = 1e-3
HOUR = timedelta(hours=1)
SPEC, BUDGET = WindowSpec(HOUR, HOUR), AlarmBudget(ALPHA, HOUR)
RUN = 20
"""Windows in which a change is to be found."""

QUIET_PEER, VERY_QUIET_PEER = 0.25, 0.01
SIZES = {500: (168, 5, 200), 5_000: (72, 4, 150), 50_000: (48, 1, 40)}
"""Rows of a window: windows of a baseline, number of baselines, quiet windows after each."""

CHANGED = {("iid", 500): 15, ("ar1", 500): 6, ("season", 500): 6, ("iid", 5_000): 4}
"""Null and rows in which changes are planted: how many times each."""

MEANS: Mapping[str, Callable[[int], float]] = {
    "mean +0.10 sd": lambda _: 0.10,
    "mean +0.25 sd": lambda _: 0.25,
    "mean +0.50 sd": lambda _: 0.50,
    "ramp to 0.5 sd": lambda since: 0.5 * min(1.0, (since + 1) / 20),
}
"""Shifts of the mean of the normal column num_00, by windows since the change."""

PEER_BASELINE, PEER_QUIET, PEER_RUNS = 168, 40, 3
PEERS = {"nannyml": "nannyml_windows.py", "alibi-detect": "alibi_windows.py", "evidently": "evidently_windows.py"}
OWN_RULES = ("KS p < .05", "KS Bonferroni", "PSI > .1", "PSI > .2")
OURS = "budget"

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
        return statistics.median(run.index(True) + 1 if any(run) else RUN + 1 for run in self.changed[change])


class Monitored:
    """A baseline of a stream, and everything of ours that looks at its windows."""

    def __init__(self, null: str, rows: int, windows: int, seed: int) -> None:
        self.stream, self.rows = Stream(null, rows, seed), rows
        seen = list(self.stream.windows(windows))
        columns = joined([window for _, window in seen])
        self.baseline = Baseline.build(ModelRef("model", "1"), columns)
        times = np.repeat(np.array([start for start, _ in seen]), rows)
        own = BaselineWindows.of(self.baseline.whole, columns, times, HOUR_MS)
        self.drift = ModelDrift.of(self.baseline.whole, own, SPEC, BUDGET)
        self._state: Accumulated | None = None

    def forget(self) -> None:
        """Start the sequential detector anew."""
        self._state = None

    def said(self, windows: int, change: Change | None = None, *, rules: bool = True) -> Iterator[Said]:
        for start, columns in self.stream.windows(windows, change):
            profile = ModelProfile.empty(self.baseline.layouts)
            profile.update(columns, self.rows)
            verdict = self.drift.judge(profile, Window(from_ms(start), from_ms(start + HOUR_MS)), self._state)
            self._state = verdict.state
            by_rule = self._by_rule(profile) if rules else {}
            yield {OURS: {one.column for one in verdict.columns}, **by_rule}

    def _by_rule(self, profile: ModelProfile) -> Said:
        flagged: Said = {rule: set() for rule in OWN_RULES}
        for name, baseline in self.baseline.profiles().items():
            p, psi = _figures(baseline, profile.columns[name])
            hits = (p < 0.05, p < 0.05 / len(COLUMNS), psi > 0.1, psi > 0.2)
            for rule, hit in zip(OWN_RULES, hits, strict=True):
                flagged[rule] |= {name} if hit else set()
        return flagged


def run(progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """Tables to standard error, the figures that count as the result."""
    scale = float(os.environ.get("BENCH_SCALE", "1"))
    cells = ours(scale, progress)
    nulls = {null: Seen() for null in NULLS}
    for (null, _), seen in cells.items():
        nulls[null].add(seen[OURS])
    by_peer = {name: peer(name, script, progress) for name, script in PEERS.items()}
    table_of_nulls(cells, by_peer, progress)
    table_of_changes(cells, by_peer, progress)
    figures: dict[str, float | int | str] = {
        "worst_null_per_1000": round(max(seen.per_1000() for seen in nulls.values()), 2),
        "worst_cell_per_1000": round(max(seen[OURS].per_1000() for seen in cells.values()), 2),
        "quiet_windows": sum(seen.quiet for seen in nulls.values()),
    }
    detectors = {name: seen["iid"] for name, seen in by_peer.items()} | cells["iid", 500]
    peers = [seen for name, seen in detectors.items() if name != OURS]
    quiet_peers = [seen for seen in peers if seen.alarmed < QUIET_PEER * seen.quiet]
    very_quiet = [seen for seen in peers if seen.alarmed <= VERY_QUIET_PEER * seen.quiet]
    for change in CHANGES:
        key = "".join(letter if letter.isalnum() else "_" for letter in change).replace("__", "_").strip("_")
        mine = cells["iid", 500][OURS]
        figures[f"power_{key}"] = round(mine.power(change), 2)
        figures[f"delay_{key}"] = mine.delay(change)
        figures[f"best_peer_delay_{key}"] = min((seen.delay(change) for seen in quiet_peers), default=RUN + 1)
        figures[f"quiet_peer_delay_{key}"] = min((seen.delay(change) for seen in very_quiet), default=RUN + 1)
        if change in MEANS:
            figures[f"least_delay_{key}"] = least_delay(MEANS[change])
    return figures


def least_delay(shift: Callable[[int], float], rows: int = 500) -> int:
    """The first window by whose end the information of all is log(columns / alpha); shifts are in standard deviations.

    >>> least_delay(lambda since: 0.1)
    5
    """
    needed, told = np.log(len(COLUMNS) / ALPHA), 0.0
    for since in range(RUN):
        told += rows * shift(since) ** 2 / 2
        if told >= needed:
            return since + 1
    return RUN + 1


def ours(scale: float, progress: Callable[[str], None]) -> dict[tuple[str, int], dict[str, Seen]]:
    """Our own detectors on every null and size."""
    tasks = [
        (null, rows, seed, max(1, round(quiet * scale)))
        for rows, (_, baselines, quiet) in SIZES.items()
        for null in NULLS
        for seed in range(baselines)
    ]
    cells: dict[tuple[str, int], dict[str, Seen]] = {}
    with ProcessPoolExecutor(2) as pool:
        for (null, rows, seed, _), found in zip(tasks, pool.map(one_baseline, tasks), strict=True):
            cell = cells.setdefault((null, rows), {})
            for name, seen in found.items():
                cell.setdefault(name, Seen()).add(seen)
            if seed == SIZES[rows][1] - 1:
                progress(f"{null}, {rows} rows: " + ", ".join(f"{n} {s.per_1000():.1f}" for n, s in cell.items()))
    return cells


def one_baseline(task: tuple[str, int, int, int]) -> dict[str, Seen]:
    """Quiet windows after one baseline, then changes, each of them after ten quiet windows."""
    null, rows, seed, quiet = task
    windows, baselines, _ = SIZES[rows]
    monitored = Monitored(null, rows, windows, seed)
    found: dict[str, Seen] = {}
    for said in monitored.said(quiet):
        for name, columns in said.items():
            seen = found.setdefault(name, Seen())
            seen.quiet, seen.alarmed = seen.quiet + 1, seen.alarmed + bool(columns)
    for change, planted in CHANGES.items():
        for _ in range(-(-CHANGED.get((null, rows), 0) // baselines)):
            monitored.forget()
            for _ in monitored.said(10, rules=False):
                pass
            run_of = list(monitored.said(RUN, planted))
            for name, seen in found.items():
                seen.changed.setdefault(change, []).append([planted.column in said[name] for said in run_of])
    return found


# --- peers


def peer(name: str, script: str, progress: Callable[[str], None]) -> dict[str, Seen]:
    """What a peer said of windows of 500 rows, by null; changes are planted where rows are independent."""
    python = Path(sys.executable) if name == "evidently" else peer_environment(name, progress)
    found = {}
    for null in NULLS:
        with tempfile.TemporaryDirectory() as folder:
            _write(Path(folder), null)
            found[null] = _seen(_said_by(python, script, folder))
        progress(f"{name} on {null}: {found[null].per_1000():.0f} of 1,000 quiet windows")
    return found


def _said_by(python: Path, script: str, folder: str) -> Mapping[str, list[list[str]]]:
    command = [str(python), str(HERE / "peers" / script), folder, "500"]
    environment = {**os.environ, "DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{script} failed:\n{done.stderr[-2_000:]}")
    said: Mapping[str, list[list[str]]] = json.loads(done.stdout.splitlines()[-1])
    return said


def _seen(said: Mapping[str, list[list[str]]]) -> Seen:
    seen = Seen(len(said["quiet"]), sum(map(bool, said["quiet"])))
    for index, (change, planted) in enumerate(CHANGES.items()):
        runs = [windows for name, windows in said.items() if name.startswith(f"change-{index}-")]
        if runs:
            seen.changed[change] = [[planted.column in columns for columns in windows] for windows in runs]
    return seen


def _write(folder: Path, null: str) -> None:
    stream = Stream(null, 500, 99)
    _save(folder / "baseline.npz", stream.windows(PEER_BASELINE))
    _save(folder / "quiet.npz", stream.windows(PEER_QUIET))
    for index, planted in enumerate(CHANGES.values() if null == "iid" else ()):
        for repeat in range(PEER_RUNS):
            _save(folder / f"change-{index}-{repeat}.npz", stream.windows(RUN, planted))


def _save(path: Path, windows: Iterable[tuple[int, dict[str, Column]]]) -> None:
    columns = joined([window for _, window in windows])
    arrays = {name: _codes(c) if isinstance(c, CategoricalColumn) else c.values for name, c in columns.items()}
    np.savez(path, **arrays)  # type: ignore[arg-type]  # no array is called allow_pickle


def _codes(column: CategoricalColumn) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.array([-1 if value == "never seen" else int((value or "").split()[-1]) for value in column.values])


def joined(windows: list[dict[str, Column]]) -> dict[str, Column]:
    """The rows of all windows."""
    found: dict[str, Column] = {}
    for name in COLUMNS:
        parts = [window[name].values for window in windows]
        if name in LEVELS:
            found[name] = CategoricalColumn([value for part in parts for value in part])
        else:
            found[name] = NumericColumn(np.concatenate(parts))  # type: ignore[arg-type]
    return found


def _figures(baseline: Profile, current: Profile) -> tuple[float, float]:
    """P-value of the classic test (Kolmogorov-Smirnov, or chi-squared for categories) and PSI."""
    test = KolmogorovSmirnov() if isinstance(baseline, NumericProfile) else ChiSquared()
    return test.run(baseline, current).p_value or 0.0, Psi().run(baseline, current).statistic


# --- tables


def table_of_nulls(
    cells: Mapping[tuple[str, int], Mapping[str, Seen]],
    by_peer: Mapping[str, Mapping[str, Seen]],
    progress: Callable[[str], None],
) -> None:
    names = [OURS, *OWN_RULES, *PEERS]
    progress("quiet windows of 1,000 with any alarm (windows looked at)")
    progress(f"{'null':>10} {'rows':>6} " + " ".join(f"{name:>16}" for name in names))
    for (null, rows), seen in cells.items():
        peers = {name: found[null] for name, found in by_peer.items()} if rows == 500 else {}
        row = " ".join(f"{_of_null({**seen, **peers}.get(name)):>16}" for name in names)
        progress(f"{null:>10} {rows:>6} {row}")


def _of_null(seen: Seen | None) -> str:
    return "-" if seen is None else f"{seen.per_1000():.1f} ({seen.quiet})"


def table_of_changes(
    cells: Mapping[tuple[str, int], Mapping[str, Seen]],
    by_peer: Mapping[str, Mapping[str, Seen]],
    progress: Callable[[str], None],
) -> None:
    names = [OURS, *OWN_RULES, *PEERS]
    progress("share of windows in which the changed column is named (median windows until it is)")
    progress(f"{'change':>20} {'null':>7} {'rows':>6} " + " ".join(f"{name:>14}" for name in names))
    for (null, rows), seen in cells.items():
        peers = {name: found[null] for name, found in by_peer.items()} if (null, rows) == ("iid", 500) else {}
        for change in CHANGES if seen[OURS].changed else ():
            row = " ".join(f"{_of_change({**seen, **peers}.get(name), change):>14}" for name in names)
            progress(f"{change:>20} {null:>7} {rows:>6} {row}")


def _of_change(seen: Seen | None, change: str) -> str:
    return "-" if seen is None or change not in seen.changed else f"{seen.power(change):.0%} ({seen.delay(change):g})"
