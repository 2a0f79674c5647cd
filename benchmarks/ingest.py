"""JSON bytes to saved shares on one core, against whylogs profiles and Evidently reports of the same windows.

Every program reads the same messages (20 numbers, 5 words, about 690 bytes), in hourly windows, and saves its result
of each window in a SQLite file. Only CPU seconds of the work are counted: imports, the baseline and reading the file
into memory are not. Each runs in a process of its own with one thread on one core; repetitions alternate.

Driftline and whylogs get the same polls. whylogs has a cost by the call, so the ratio depends on their size:
`vs_whylogs` is with the 5,000 records of our Kafka default (so whylogs sees whole windows at once, its best case),
and a second ratio is with polls of 1,000.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from benchmarks.payloads import HOUR, payloads

HERE = Path(__file__).parent
ROOT = HERE.parent
WHYLOGS = ROOT / ".cache" / "bench-whylogs"

ROUNDS = 3
WINDOW_ROWS = 4_000
"""Records of a model in an hour: Evidently's cost is by the report, so larger windows cost it less a record."""

POLL, SMALL_POLL = 5_000, 1_000
LARGE_WINDOW_ROWS = 20_000
OURS, WHYLOGS_ROWS, EVIDENTLY_ROWS, BASELINE_ROWS = 200_000, 40_000, 8_000, 20_000

_ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}


def run(progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """Events per CPU second of each, medians; `vs_` is the median over rounds of the ratio within a round."""
    python = _whylogs_environment(progress)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        progress("writing messages")
        for name, rows, seed in (("ours", OURS, 1), ("whylogs", WHYLOGS_ROWS, 1), ("evidently", EVIDENTLY_ROWS, 1)):
            _write(made / name, rows, seed, WINDOW_ROWS)
        _write(made / "large", LARGE_WINDOW_ROWS, 1, LARGE_WINDOW_ROWS)
        _write(made / "baseline", BASELINE_ROWS, 2, WINDOW_ROWS)
        rates: dict[str, list[float]] = defaultdict(list)
        for number in range(ROUNDS):
            for name, measured in _programs(python, made, number).items():
                rates[name].append(measured())
            progress(f"round {number + 1}: " + ", ".join(f"{name} {found[-1]:,.0f}/s" for name, found in rates.items()))
        large = LARGE_WINDOW_ROWS / _evidently(made, "large", LARGE_WINDOW_ROWS, made / "large.db")
        progress(f"evidently, windows of {LARGE_WINDOW_ROWS:,}: {large:,.0f}/s")
    ours = statistics.median(rates["ours"])
    return {
        "events_per_s_core": round(ours),
        "vs_whylogs": _ratio(rates["ours"], rates["whylogs"]),
        "vs_evidently": _ratio(rates["ours"], rates["evidently"]),
        "whylogs_events_per_s": round(statistics.median(rates["whylogs"])),
        "evidently_events_per_s": round(statistics.median(rates["evidently"])),
        "vs_whylogs_in_polls_of_1000": _ratio(rates["ours, small polls"], rates["whylogs, small polls"]),
        "vs_evidently_in_windows_of_20000": round(ours / large, 1),
        "window_rows": WINDOW_ROWS,
        "rounds": ROUNDS,
    }


def _programs(python: Path, made: Path, number: int) -> dict[str, Callable[[], float]]:
    """What a round measures, in events per CPU second."""

    def ours(poll: int) -> float:
        return OURS / _ours(made / "ours", poll, made / f"ours-{poll}-{number}.db")

    def whylogs(poll: int) -> float:
        return WHYLOGS_ROWS / _whylogs(python, made / "whylogs", poll, made / f"whylogs-{poll}-{number}.db")

    def evidently() -> float:
        return EVIDENTLY_ROWS / _evidently(made, "evidently", WINDOW_ROWS, made / f"evidently-{number}.db")

    return {
        "ours": lambda: ours(POLL),
        "whylogs": lambda: whylogs(POLL),
        "ours, small polls": lambda: ours(SMALL_POLL),
        "whylogs, small polls": lambda: whylogs(SMALL_POLL),
        "evidently": evidently,
    }


def _ratio(ours: list[float], peer: list[float]) -> float:
    """Median over the rounds."""
    return round(statistics.median(a / b for a, b in zip(ours, peer, strict=True)), 1)


def _write(path: Path, rows: int, seed: int, window_rows: int) -> None:
    over = timedelta(seconds=HOUR.total_seconds() * rows / window_rows)
    with path.open("wb") as file:
        file.writelines(message + b"\n" for message in payloads(rows, seed, over=over))


def _ours(messages: Path, poll: int, database: Path) -> float:
    program = [sys.executable, "-m", "benchmarks.peers.driftline_ingest"]
    return _seconds(*program, str(messages), str(poll), str(database))


def _whylogs(python: Path, messages: Path, poll: int, database: Path) -> float:
    script = str(HERE / "peers" / "whylogs_ingest.py")
    return _seconds(str(python), script, str(messages), str(WINDOW_ROWS), str(poll), str(database))


def _evidently(made: Path, messages: str, window_rows: int, database: Path) -> float:
    script = str(HERE / "peers" / "evidently_ingest.py")
    files = [str(made / messages), str(made / "baseline")]
    return _seconds(sys.executable, script, *files, str(window_rows), str(database))


def _seconds(*command: str) -> float:
    """CPU seconds that a program measured of itself, on one core."""
    environment = {**os.environ, **_ONE_THREAD, "DO_NOT_TRACK": "1", "WHYLOGS_NO_ANALYTICS": "True"}
    core = ["taskset", "-c", str(max(os.sched_getaffinity(0)))] if hasattr(os, "sched_getaffinity") else []
    done = subprocess.run(
        [*core, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:3])} failed:\n{done.stderr[-2_000:]}")
    return float(done.stdout.split()[-1])


def _whylogs_environment(progress: Callable[[str], None]) -> Path:
    """The interpreter of the peer's environment, made on first use from pinned versions."""
    python = WHYLOGS / "bin" / "python"
    wanted = HERE / "peers" / "whylogs.txt"
    stamp = WHYLOGS / "made-from.txt"
    if not stamp.exists() or stamp.read_text() != wanted.read_text():
        progress("making an environment for whylogs")
        uv = [str(Path(sys.executable).parent / "uv")]
        subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", "3.11", str(WHYLOGS)], check=True)
        subprocess.run([*uv, "pip", "install", "--quiet", "--python", str(python), "-r", str(wanted)], check=True)
        stamp.write_text(wanted.read_text())
    return python
