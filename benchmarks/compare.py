"""Two Parquet files compared: `driftline compare` against Evidently's DataDriftPreset, a million rows of 20 columns.

The reference has 100,000 rows. Each side is a process of its own that starts with the interpreter, reads both files and
ends with a written HTML page, as a user would run it, and has both cores; the sides take turns. Seconds are those of the
wall, memory is the largest resident set of the process.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.payloads import columns
from benchmarks.programs import ROOT
from monitor.stats.columns import CategoricalColumn

REFERENCE_ROWS, CURRENT_ROWS, PART_ROWS = 100_000, 1_000_000, 100_000
NUMBERS_LEFT_OUT = ("num_14", "num_15", "num_16", "num_17", "num_18")
"""Of the 25 columns of the other benchmarks; 15 numbers and 5 words remain."""
SHIFT = 0.3
ROUNDS = 3
_MAY_DRIFT = (0, 3)

Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took: seconds of the wall and of the processor, and its largest resident set in megabytes."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def run(progress: Say) -> dict[str, float | int]:
    """How many times as long, and as much memory, Evidently takes; medians of the rounds, Evidently's first alone."""
    with tempfile.TemporaryDirectory() as folder:
        reference, current, page = (str(Path(folder) / name) for name in ("reference.parquet", "current.parquet", "p"))
        progress(f"writing {CURRENT_ROWS:,} rows of 20 columns")
        _write(Path(reference), REFERENCE_ROWS, seed=1, shift=0.0)
        _write(Path(current), CURRENT_ROWS, seed=100, shift=SHIFT)
        command = [sys.executable, "-m", "monitor.cli.main", "compare", reference, current, "--html", f"{page}.html"]
        ours = [_cost(command, progress) for _ in range(ROUNDS)]
        peer = _cost([sys.executable, "-m", "benchmarks.peers.evidently_compare", reference, current, page], progress)
    wall, cpu, peak = (median(values) for values in zip(*((c.wall_s, c.cpu_s, c.peak_mb) for c in ours), strict=True))
    return {
        "vs_evidently_time": round(peer.wall_s / wall, 1),
        "vs_evidently_cpu": round(peer.cpu_s / cpu, 1),
        "vs_evidently_memory": round(peer.peak_mb / peak, 1),
        "wall_s": round(wall, 2),
        "cpu_s": round(cpu, 2),
        "peak_mb": round(peak),
        "evidently_wall_s": round(peer.wall_s, 1),
        "evidently_cpu_s": round(peer.cpu_s, 1),
        "evidently_peak_mb": round(peer.peak_mb),
        "rows": CURRENT_ROWS,
        "reference_rows": REFERENCE_ROWS,
        "columns": 20,
    }


def _write(path: Path, rows: int, seed: int, shift: float) -> None:
    """In row groups of 100,000."""
    writer = None
    for part in range(rows // PART_ROWS):
        table = _table(seed + part, shift)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _table(seed: int, shift: float) -> pa.Table:
    made = columns(PART_ROWS, seed, shift)
    kept = {name: column for name, column in made.items() if name not in NUMBERS_LEFT_OUT}
    return pa.table(
        {
            name: pa.array(list(column.values) if isinstance(column, CategoricalColumn) else column.values)
            for name, column in kept.items()
        }
    )


def _cost(command: Sequence[str], progress: Say) -> Cost:
    """Run a program to its end; RuntimeError when it fails."""
    environment = {**os.environ, "DO_NOT_TRACK": "1"}
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in _MAY_DRIFT:
        raise RuntimeError(f"{' '.join(command[:4])} failed with {process.returncode}")
    cost = Cost(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1_000)
    progress(f"{command[2]}: {cost.wall_s:.1f} s, {cost.cpu_s:.1f} s of the processor, {cost.peak_mb:.0f} MB")
    return cost


