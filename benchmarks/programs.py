"""What the benchmarks against peers share: their messages on disk, and programs in processes of their own.

A program prints the CPU seconds of its work; imports, baselines and reading the file into memory are not in them. It
has one thread on one core. whylogs and NannyML have environments of their own: they need older libraries than ours.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

from benchmarks.payloads import HOUR, payloads

HERE = Path(__file__).parent
ROOT = HERE.parent

NOT_SAVED = "-"
"""Instead of a database: profiles are only brought up to date."""

_ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}


def ratio(ours: list[float], peer: list[float]) -> float:
    """Median over the rounds."""
    return round(statistics.median(a / b for a, b in zip(ours, peer, strict=True)), 1)


def write(path: Path, messages: Iterable[bytes]) -> None:
    """One message a line."""
    with path.open("wb") as file:
        file.writelines(message + b"\n" for message in messages)


def windows_of(rows: int, seed: int, window_rows: int) -> Iterable[bytes]:
    """Messages with so many in an hour."""
    return payloads(rows, seed, over=timedelta(seconds=HOUR.total_seconds() * rows / window_rows))


def driftline(name: str, *arguments: str) -> float:
    """CPU seconds of one of our programs."""
    return seconds(*ours(name), *arguments)


def whylogs(python: Path, messages: Path, window_rows: int, poll: int, database: str) -> float:
    """CPU seconds of whylogs profiles, window by window."""
    script = str(HERE / "peers" / "whylogs_ingest.py")
    return seconds(str(python), script, str(messages), str(window_rows), str(poll), database)


def evidently(messages: Path, baseline: Path, window_rows: int, database: str) -> float:
    """CPU seconds of Evidently reports, window by window."""
    script = str(HERE / "peers" / "evidently_ingest.py")
    return seconds(sys.executable, script, str(messages), str(baseline), str(window_rows), database)


def ours(name: str) -> tuple[str, ...]:
    """The command of one of our programs."""
    return (sys.executable, "-m", f"benchmarks.peers.{name}")


def seconds(*command: str) -> float:
    """CPU seconds that a program measured of itself, on one core."""
    return float(output(*command).split()[-1])


def output(*command: str) -> str:
    """What a program prints, on one core."""
    quiet = {"DO_NOT_TRACK": "1", "WHYLOGS_NO_ANALYTICS": "True", "NML_DISABLE_USAGE_LOGGING": "1"}
    environment = {**os.environ, **_ONE_THREAD, **quiet}
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
    return done.stdout


def whylogs_environment(progress: Callable[[str], None]) -> Path:
    """The interpreter of whylogs' environment."""
    return peer_environment("whylogs", progress)


def peer_environment(name: str, progress: Callable[[str], None]) -> Path:
    """The interpreter of a peer's own environment, made on first use from the versions that its list pins."""
    folder = ROOT / ".cache" / f"bench-{name}"
    python, stamp = folder / "bin" / "python", folder / "made-from.txt"
    wanted = HERE / "peers" / f"{name}.txt"
    if not stamp.exists() or stamp.read_text() != wanted.read_text():
        progress(f"making an environment for {name}")
        uv = [str(Path(sys.executable).parent / "uv")]
        subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", "3.11", str(folder)], check=True)
        subprocess.run([*uv, "pip", "install", "--quiet", "--python", str(python), "-r", str(wanted)], check=True)
        stamp.write_text(wanted.read_text())
    return python
