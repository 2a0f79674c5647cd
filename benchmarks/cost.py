"""What a command costs. A process of its own, and a small one: a child's largest resident set counts its parent's, too.

Called with the command; prints seconds of the wall, seconds of the processor, and megabytes.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
_SUCCEEDED = (0, 3)
"""`driftline compare` ends with 3 where something drifted."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of the wall and of the processor, and the largest resident set in megabytes."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def cost_of(command: Sequence[str]) -> Cost:
    """Run a command to its end; RuntimeError when it fails."""
    environment = {**os.environ, "DO_NOT_TRACK": "1"}
    itself = [sys.executable, __file__, *command]
    done = subprocess.run(itself, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} failed:\n{done.stderr[-2_000:]}")
    return Cost(*map(float, done.stdout.split()))


def main(command: Sequence[str]) -> int:
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    print(time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1_000)
    return 0 if os.waitstatus_to_exitcode(status) in _SUCCEEDED else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
