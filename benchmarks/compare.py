"""Two Parquet files compared: `driftline compare` against Evidently's DataDriftPreset, a million rows of 20 columns.

The reference has 100,000 rows. Each side is a process of its own that starts with the interpreter, reads both
files and ends with a written HTML page, as a user would run it; it has all cores. Time is that of the wall, memory the
largest resident set of the process.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.cost import Cost, cost_of
from benchmarks.payloads import columns
from monitor.stats.columns import CategoricalColumn

REFERENCE_ROWS, CURRENT_ROWS, PART_ROWS = 100_000, 1_000_000, 100_000
NUMBERS_LEFT_OUT = ("num_14", "num_15", "num_16", "num_17", "num_18")
"""Of the 25 columns of the other benchmarks; 15 numbers and 5 words remain."""
SHIFT = 0.3
ROUNDS = 3
_DRIFTLINE = "from monitor.cli.main import main; main()"

Say = Callable[[str], object]


def run(progress: Say) -> dict[str, float | int]:
    """How many times as long, and as much memory, Evidently takes; medians of the rounds, Evidently's first alone."""
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder) / name) for name in ("reference.parquet", "current.parquet", "page.html")]
        progress(f"writing {CURRENT_ROWS:,} rows of 20 columns")
        _write(Path(files[0]), REFERENCE_ROWS, seed=1, shift=0.0)
        _write(Path(files[1]), CURRENT_ROWS, seed=100, shift=SHIFT)
        command = ["-c", _DRIFTLINE, "compare", *files[:2], "--html", files[2]]
        ours = [_cost("driftline", command, progress) for _ in range(ROUNDS)]
        peer = _cost("evidently", ["-m", "benchmarks.peers.evidently_compare", *files], progress)
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


def _cost(who: str, command: Sequence[str], progress: Say) -> Cost:
    cost = cost_of([sys.executable, *command])
    progress(f"{who}: {cost.wall_s:.1f} s, {cost.cpu_s:.1f} s of the processor, {cost.peak_mb:.0f} MB")
    return cost
