"""Real public tables: alarms where nothing changed, delays of planted faults, and changes that history documents.

*Controls*: the rows of a table in a random order, so that its windows of 500 rows differ by chance alone; the first
serve as baseline. *Faults*: the same windows with one column spoilt, in turn the first column of a kind that varies.
*History*: rows in their real order. The market of New South Wales was joined with Victoria's in May 1997; on 8 and 9
February 2013 a blizzard (Nemo) closed New York's airports; from 21 to 27 April 2013 air traffic controllers were on
furlough. Alarms before a documented change are told, not counted as false: real traffic drifts.

Ours has a budget of 1 false alarm in 1,000 windows, peers and rules are at their defaults. `controls_per_1000` is
windows with any alarm among controls, `found` the share of faults whose column is named within 20 windows, `delay` the
mean number of windows until it is (21 where it is not). `market_delay`, `storm_delay` and `furlough_delay` are windows
from a documented change until ours speaks, 0 where it never does.
"""

import statistics
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.detectors import OURS, OWN_RULES, PEERS, RUN, Monitored, Rows, Seen, said_by, save
from benchmarks.real_tables import FAULTS, Fault, Table, tables
from monitor.domain.budgets import AlarmBudget
from monitor.stats.columns import NumericColumn

ROWS = 500
HOUR, HOUR_MS, DAY = timedelta(hours=1), 3_600_000, timedelta(days=1)
BASELINE_SHARE, MOST_BASELINE, MOST_QUIET = 0.45, 100, 150
LEAST_BASELINE = 12

Windows = list[Rows]


def run(progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """The table to standard error, the figures that count as the result."""
    found = tables(progress)
    controls: dict[str, Seen] = {}
    for table in found:
        for name, seen in _controlled(table, progress).items():
            controls.setdefault(name, Seen()).add(seen)
    _tell(controls, progress)
    history = _history({table.name: table for table in found}, progress)
    ours = controls[OURS]
    figures: dict[str, float | int | str] = {"control_windows": ours.quiet, "faults": _number(ours)}
    for name, seen in controls.items():
        key = "".join(letter if letter.isalnum() else "_" for letter in name).strip("_").lower()
        figures[f"{key}_controls_per_1000"] = round(seen.per_1000(), 1)
        figures[f"{key}_found"] = round(_found(seen), 2)
        figures[f"{key}_delay"] = round(_delay(seen), 1)
    return figures | history


# --- controls and faults


def _controlled(table: Table, progress: Callable[[str], None]) -> dict[str, Seen]:
    chance = np.random.default_rng(7)
    windows = list(_shuffled(table, chance))
    cut = min(MOST_BASELINE, max(LEAST_BASELINE, int(len(windows) * BASELINE_SHARE)))
    baseline, quiet = windows[:cut], windows[cut : cut + MOST_QUIET]
    spoilt = {what: _spoilt(table, fault, quiet[-RUN:], chance) for what, fault in FAULTS.items()}
    found = _own(baseline, quiet, spoilt)
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), baseline, quiet, [windows for _, windows in spoilt.values()])
        for peer in PEERS:
            progress(f"{table.name}: {peer} looks at {len(quiet) + RUN * len(spoilt)} windows")
            said = said_by(peer, Path(folder), ROWS, progress)
            found[peer] = Seen(len(said["quiet"]), sum(map(bool, said["quiet"])))
            for index, (what, (column, _)) in enumerate(spoilt.items()):
                found[peer].changed[what] = [[column in names for names in said[f"fault-{index}"]]]
    quietly = ", ".join(f"{name} {seen.per_1000():.0f}" for name, seen in found.items())
    progress(f"{table.name}, {len(quiet)} controls, alarms per 1,000: {quietly}")
    return found


def _shuffled(table: Table, chance: np.random.Generator) -> Iterator[Rows]:
    order = chance.permutation(len(table))
    for index in range(len(table) // ROWS):
        yield index * HOUR_MS, table.take(order[index * ROWS : (index + 1) * ROWS])


def _spoilt(table: Table, fault: Fault, windows: Windows, chance: np.random.Generator) -> tuple[str, Windows]:
    """The column, and the windows with it spoilt."""
    column = next(
        name
        for name, one in table.columns.items()
        if isinstance(one, NumericColumn) == fault.is_numeric and _varies(windows, name)
    )
    return column, [
        (start, {**columns, column: fault.change(columns[column], since, chance)})
        for since, (start, columns) in enumerate(windows)
    ]


def _varies(windows: Windows, name: str) -> bool:
    values = windows[0][1][name].values
    return len(set(values)) > 1


def _own(baseline: Windows, quiet: Windows, spoilt: dict[str, tuple[str, Windows]]) -> dict[str, Seen]:
    monitored = Monitored(baseline, AlarmBudget(1e-3, HOUR))
    found: dict[str, Seen] = {name: Seen() for name in (OURS, *OWN_RULES)}
    for said in monitored.said(quiet):
        for name, columns in said.items():
            found[name].add(Seen(1, int(bool(columns))))
    for what, (column, windows) in spoilt.items():
        monitored.forget()
        said_of = list(monitored.said(windows))
        for name, seen in found.items():
            seen.changed[what] = [[column in said[name] for said in said_of]]
    return found


def _write(folder: Path, baseline: Windows, quiet: Windows, spoilt: Iterable[Windows]) -> None:
    save(folder / "baseline.npz", baseline)
    save(folder / "quiet.npz", quiet)
    for index, windows in enumerate(spoilt):
        save(folder / f"fault-{index}.npz", windows)


def _number(seen: Seen) -> int:
    return sum(len(runs) for runs in seen.changed.values())


def _found(seen: Seen) -> float:
    return statistics.mean(any(run) for runs in seen.changed.values() for run in runs)


def _delay(seen: Seen) -> float:
    return statistics.mean(_until(run) for runs in seen.changed.values() for run in runs)


def _until(run: Sequence[bool]) -> int:
    return run.index(True) + 1 if any(run) else RUN + 1


def _tell(controls: dict[str, Seen], progress: Callable[[str], None]) -> None:
    progress("windows until the spoilt column is named, by table (- : not within 20)")
    progress(f"{'':>24} " + " ".join(f"{name:>16}" for name in controls))
    for what in FAULTS:
        row = []
        for seen in controls.values():
            delays = [_until(run) for run in seen.changed[what]]
            row.append(" ".join("-" if delay > RUN else str(delay) for delay in delays))
        progress(f"{what:>24} " + " ".join(f"{cell:>16}" for cell in row))
    progress(f"{'alarms of 1,000 controls':>24} " + " ".join(f"{seen.per_1000():>16.1f}" for seen in controls.values()))


# --- history


def _history(found: dict[str, Table], progress: Callable[[str], None]) -> dict[str, float | int]:
    market = _told(
        found["elec2"], (1996, 5, 13), (1997, 2, 3), (1997, 5, 5), (1997, 6, 30), timedelta(days=7), progress
    )
    storm = _told(found["flights"], (2013, 1, 1), (2013, 2, 5), (2013, 2, 8), (2013, 2, 9), DAY, progress)
    furlough = _told(found["flights"], (2013, 2, 11), (2013, 4, 15), (2013, 4, 22), (2013, 4, 27), DAY, progress)
    return {"market_delay": market, "storm_delay": storm, "furlough_delay": furlough}


Date = tuple[int, int, int]


def _told(  # noqa: PLR0917 - the dates in their order
    table: Table, begin: Date, end: Date, change: Date, until: Date, size: timedelta, progress: Callable[[str], None]
) -> int:
    """Windows from the documented change until ours speaks: the baseline is [begin, end), 0 where it never does."""
    first, last, changed, over = (int(datetime(*date, tzinfo=UTC).timestamp()) for date in (begin, end, change, until))
    windows = list(_in_order(table, first, over + int(DAY.total_seconds()), size))
    baseline = [window for window in windows if window[0] < last * 1000]
    later = [window for window in windows if window[0] >= last * 1000]
    monitored = Monitored(baseline, AlarmBudget(1e-3, size))
    delay, quiet = 0, 0
    for (start, _), said in zip(later, monitored.said(later, rules=False), strict=True):
        is_before = start < changed * 1000
        quiet += is_before and bool(said[OURS])
        if not is_before and said[OURS] and not delay:
            delay = 1 + sum(changed * 1000 <= other < start for other, _ in later)
            named = ", ".join(sorted(said[OURS]))
    before = sum(start < changed * 1000 for start, _ in later)
    what = f"{delay} windows after {datetime(*change, tzinfo=UTC):%Y-%m-%d}: {named}" if delay else "never"
    progress(
        f"{table.name}, windows of {size.days} d: {quiet} of {before} windows before the change alarm; told {what}"
    )
    return delay


def _in_order(table: Table, first: int, over: int, size: timedelta) -> Iterator[Rows]:
    assert table.at is not None
    step = int(size.total_seconds())
    for start in range(first, over - step + 1, step):
        rows: NDArray[np.intp] = np.flatnonzero((table.at >= start) & (table.at < start + step))
        yield start * 1000, table.take(rows)
