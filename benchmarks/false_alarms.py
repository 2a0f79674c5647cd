"""Windows with any false alarm over 25 columns where nothing changes, and how soon a change is found: ours and peers.

Nulls: independent rows, rows that depend on each other, batches that differ, a daily season; windows of 500, 5,000 and
50,000 rows, of 500 also with a short baseline of 30 windows. Ours is the default of a new model with windows of an
hour: a budget of 1 false alarm a month, `budget_per_1000` windows; each null has several baselines of its own.
`worst_null_per_1000` is of all windows of a null; `worst_cell_per_1000` of one null and size. Peers see windows of 500
rows of one baseline, fewer of them the slower they are. `delay_` is the median number of windows until the changed
column is named, 21 when it is not within 20, and `mean_delay_` the mean; `best_peer_delay_` is the smallest of the
peers that alarm in less than one quiet window in four, `quiet_peer_delay_` of those that do in at most 10 of 1,000.
`least_delay_` is the bound of information for the changes whose size is one number: log(columns / budget) over what a
window tells, which no detector beats on average, to first order (Lorden 1971). BENCH_SCALE=4 runs so many times the
windows.
"""

import os
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from pathlib import Path

import numpy as np
from scipy import special

from benchmarks.detectors import OURS, OWN_RULES, PEERS, RUN, Monitored, Seen, said_by, save
from benchmarks.traffic_streams import CHANGES, COLUMNS, NULLS, Stream, shares
from monitor.domain.budgets import ONE_A_MONTH

HOUR = timedelta(hours=1)
ALPHA = ONE_A_MONTH.in_each(HOUR)
QUIET_PEER, VERY_QUIET_PEER = 0.25, 0.01
SIZES = {(500, 168): (5, 200), (500, 30): (5, 200), (5_000, 72): (4, 150), (50_000, 48): (1, 40)}
"""Rows of a window and windows of a baseline: number of baselines, quiet windows after each."""

Cell = tuple[str, int, int]
"""Null, rows of a window, windows of a baseline."""

USUAL: Cell = ("iid", 500, 168)
CHANGED: Mapping[Cell, int] = {USUAL: 60, ("ar1", 500, 168): 20, ("season", 500, 168): 20, ("iid", 5_000, 72): 4}
"""Where changes are planted: how many times each."""

INFORMATION: Mapping[str, Callable[[int], float]] = {
    "mean +0.10 sd": lambda _: 0.10**2 / 2,
    "mean +0.25 sd": lambda _: 0.25**2 / 2,
    "mean +0.50 sd": lambda _: 0.50**2 / 2,
    "ramp to 0.5 sd": lambda since: (0.5 * min(1.0, (since + 1) / 20)) ** 2 / 2,
    "category +5 points": lambda _: float(special.rel_entr(shares(4, 0.145), shares(4)).sum()),
}
"""What a row tells of a change of known size (Kullback-Leibler divergence, nats), by windows since the change."""

PEER_BASELINE, PEER_QUIET = 168, 40
PEER_RUNS = {"nannyml": 15, "alibi-detect": 15, "evidently": 3}
"""How many times each change is planted for a peer: Evidently takes seconds a window."""


def run(progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """Tables to standard error, the figures that count as the result."""
    scale = float(os.environ.get("BENCH_SCALE", "1"))
    cells = ours(scale, progress)
    nulls = {null: Seen() for null in NULLS}
    for (null, *_), seen in cells.items():
        nulls[null].add(seen[OURS])
    by_peer = {name: peer(name, progress) for name in PEERS}
    table_of_nulls(cells, by_peer, progress)
    table_of_changes(cells, by_peer, progress)
    figures: dict[str, float | int | str] = {
        "worst_null_per_1000": round(max(seen.per_1000() for seen in nulls.values()), 2),
        "worst_cell_per_1000": round(max(seen[OURS].per_1000() for seen in cells.values()), 2),
        "budget_per_1000": round(1_000 * ALPHA, 2),
        "quiet_windows": sum(seen.quiet for seen in nulls.values()),
    }
    detectors = {name: seen["iid"] for name, seen in by_peer.items()} | cells[USUAL]
    peers = [seen for name, seen in detectors.items() if name != OURS]
    quiet_peers = [seen for seen in peers if seen.alarmed < QUIET_PEER * seen.quiet]
    very_quiet = [seen for seen in peers if seen.alarmed <= VERY_QUIET_PEER * seen.quiet]
    for change in CHANGES:
        key = "".join(letter if letter.isalnum() else "_" for letter in change).replace("__", "_").strip("_")
        mine = cells[USUAL][OURS]
        figures[f"power_{key}"] = round(mine.power(change), 2)
        figures[f"delay_{key}"] = mine.delay(change)
        figures[f"mean_delay_{key}"] = round(mine.mean_delay(change), 2)
        figures[f"best_peer_delay_{key}"] = min((seen.delay(change) for seen in quiet_peers), default=RUN + 1)
        figures[f"quiet_peer_delay_{key}"] = min((seen.delay(change) for seen in very_quiet), default=RUN + 1)
        if change in INFORMATION:
            figures[f"least_delay_{key}"] = least_delay(INFORMATION[change])
    return figures


def least_delay(information: Callable[[int], float], rows: int = 500) -> int:
    """The first window by whose end the rows of all have told log(columns / alpha); information is of one row, in nats.

    >>> least_delay(lambda since: 0.1**2 / 2)
    4
    """
    needed, told = np.log(len(COLUMNS) / ALPHA), 0.0
    for since in range(RUN):
        told += rows * information(since)
        if told >= needed:
            return since + 1
    return RUN + 1


def ours(scale: float, progress: Callable[[str], None]) -> dict[Cell, dict[str, Seen]]:
    """Our own detectors on every null and size."""
    tasks: list[tuple[Cell, int, int]] = [
        ((null, *size), seed, max(1, round(quiet * scale)))
        for size, (baselines, quiet) in SIZES.items()
        for null in NULLS
        for seed in range(baselines)
    ]
    cells: dict[Cell, dict[str, Seen]] = {}
    with ProcessPoolExecutor(2) as pool:
        for (key, seed, _), found in zip(tasks, pool.map(one_baseline, tasks), strict=True):
            cell = cells.setdefault(key, {})
            for name, seen in found.items():
                cell.setdefault(name, Seen()).add(seen)
            null, *size = key
            if seed == SIZES[size[0], size[1]][0] - 1:
                rates = ", ".join(f"{n} {s.per_1000():.1f}" for n, s in cell.items())
                progress(f"{null}, {size[0]} rows, baseline of {size[1]} windows: {rates}")
    return cells


def one_baseline(task: tuple[Cell, int, int]) -> dict[str, Seen]:
    """Quiet windows after one baseline, then changes, each of them after ten quiet windows."""
    (null, rows, windows), seed, quiet = task
    baselines, _ = SIZES[rows, windows]
    stream = Stream(null, rows, seed)
    monitored = Monitored(list(stream.windows(windows)), ONE_A_MONTH)
    found: dict[str, Seen] = {}
    for said in monitored.said(stream.windows(quiet)):
        for name, columns in said.items():
            seen = found.setdefault(name, Seen())
            seen.quiet, seen.alarmed = seen.quiet + 1, seen.alarmed + bool(columns)
    for change, planted in CHANGES.items():
        for _ in range(-(-CHANGED.get((null, rows, windows), 0) // baselines)):
            monitored.forget()
            for _ in monitored.said(stream.windows(10), rules=False):
                pass
            run_of = list(monitored.said(stream.windows(RUN, planted)))
            for name, seen in found.items():
                seen.changed.setdefault(change, []).append([planted.column in said[name] for said in run_of])
    return found


# --- peers


def peer(name: str, progress: Callable[[str], None]) -> dict[str, Seen]:
    """What a peer said of windows of 500 rows, by null; changes are planted where rows are independent."""
    found = {}
    for null in NULLS:
        with tempfile.TemporaryDirectory() as folder:
            _write(Path(folder), null, PEER_RUNS[name])
            found[null] = _seen(said_by(name, Path(folder), 500, progress))
        progress(f"{name} on {null}: {found[null].per_1000():.0f} of 1,000 quiet windows")
    return found


def _seen(said: Mapping[str, list[list[str]]]) -> Seen:
    seen = Seen(len(said["quiet"]), sum(map(bool, said["quiet"])))
    for index, (change, planted) in enumerate(CHANGES.items()):
        runs = [windows for name, windows in said.items() if name.startswith(f"change-{index}-")]
        if runs:
            seen.changed[change] = [[planted.column in columns for columns in windows] for windows in runs]
    return seen


def _write(folder: Path, null: str, runs: int) -> None:
    stream = Stream(null, 500, 99)
    save(folder / "baseline.npz", stream.windows(PEER_BASELINE))
    save(folder / "quiet.npz", stream.windows(PEER_QUIET))
    for index, planted in enumerate(CHANGES.values() if null == "iid" else ()):
        for repeat in range(runs):
            save(folder / f"change-{index}-{repeat}.npz", stream.windows(RUN, planted))


# --- tables


def table_of_nulls(
    cells: Mapping[Cell, Mapping[str, Seen]],
    by_peer: Mapping[str, Mapping[str, Seen]],
    progress: Callable[[str], None],
) -> None:
    names = [OURS, *OWN_RULES, *PEERS]
    progress("quiet windows of 1,000 with any alarm (windows looked at)")
    progress(f"{'null':>10} {'rows':>6} {'baseline':>8} " + " ".join(f"{name:>16}" for name in names))
    for (null, rows, windows), seen in cells.items():
        peers = {name: found[null] for name, found in by_peer.items()} if (rows, windows) == (500, 168) else {}
        row = " ".join(f"{_of_null({**seen, **peers}.get(name)):>16}" for name in names)
        progress(f"{null:>10} {rows:>6} {windows:>8} {row}")


def _of_null(seen: Seen | None) -> str:
    return "-" if seen is None else f"{seen.per_1000():.1f} ({seen.quiet})"


def table_of_changes(
    cells: Mapping[Cell, Mapping[str, Seen]],
    by_peer: Mapping[str, Mapping[str, Seen]],
    progress: Callable[[str], None],
) -> None:
    names = [OURS, *OWN_RULES, *PEERS]
    progress("share of windows in which the changed column is named (median windows until it is)")
    progress(f"{'change':>20} {'null':>7} {'rows':>6} " + " ".join(f"{name:>14}" for name in names))
    for cell, seen in cells.items():
        null, rows, _ = cell
        peers = {name: found[null] for name, found in by_peer.items()} if cell == USUAL else {}
        for change in CHANGES if seen[OURS].changed else ():
            row = " ".join(f"{_of_change({**seen, **peers}.get(name), change):>14}" for name in names)
            progress(f"{change:>20} {null:>7} {rows:>6} {row}")


def _of_change(seen: Seen | None, change: str) -> str:
    return "-" if seen is None or change not in seen.changed else f"{seen.power(change):.0%} ({seen.delay(change):g})"
