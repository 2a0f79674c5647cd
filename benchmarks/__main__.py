"""`python -m benchmarks NAME` runs one and ends with one JSON line; without a name all, into benchmarks/RESULTS.md."""

import importlib
import json
import pkgutil
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.md"


def names() -> list[str]:
    """Modules of this folder that have a `run`, as they are called: false-alarms."""
    found = (module.name for module in pkgutil.iter_modules([str(HERE)]) if not module.name.startswith("_"))
    return [name.replace("_", "-") for name in found if hasattr(importlib.import_module(f"benchmarks.{name}"), "run")]


def measure(name: str) -> dict[str, float | int | str]:
    """The figures of one benchmark; its progress goes to standard error."""
    figures: dict[str, float | int | str] = importlib.import_module(f"benchmarks.{name.replace('-', '_')}").run(
        lambda said: print(f"{name}: {said}", file=sys.stderr, flush=True)
    )
    return figures


def record(name: str, figures: dict[str, float | int | str]) -> None:
    """Put a row into the results: the newest of each benchmark is kept."""
    rows = RESULTS.read_text().splitlines() if RESULTS.exists() else _head()
    row = f"| {name} | {_shown(figures)} | {machine()} | {commit()} |"
    RESULTS.write_text("\n".join([*(one for one in rows if not one.startswith(f"| {name} |")), row]) + "\n")


def machine() -> str:
    """Processor, cores and Python: figures of other machines cannot be compared."""
    model = [line.split(":")[1].strip() for line in _cpu_lines() if line.startswith("model name")]
    return f"{model[0] if model else platform.machine()}, {len(model) or '?'} cores, Python {platform.python_version()}"


def commit() -> str:
    """The short hash of the checkout."""
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def _head() -> list[str]:
    return [
        "# Results",
        "",
        "Each row is the newest run of `make bench B=<name>`. Machines are noisy: ratios measured in one run are",
        "the result; absolute figures depend on what else the machine was doing.",
        "",
        "| Benchmark | Figures | Machine | Commit |",
        "|---|---|---|---|",
    ]


def _shown(figures: dict[str, float | int | str]) -> str:
    return ", ".join(f"`{name}` {value}" for name, value in figures.items())


def main() -> int:
    """Run what was asked for."""
    wanted = sys.argv[1:] or names()
    unknown = sorted(set(wanted) - set(names()))
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(names())}", file=sys.stderr)
        return 2
    for name in wanted:
        figures = measure(name)
        record(name, figures)
        print(json.dumps(figures), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
