"""This package needs nothing of the monitor package, not even its presence."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]

BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "monitor":
            raise ImportError(f"{name} is not to be had here")

sys.meta_path.insert(0, Blocker())
"""


def test_the_monitor_package_is_not_to_be_had_under_the_blocker() -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{BLOCKER}\nimport monitor"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert "monitor is not to be had here" in done.stderr


def test_every_module_and_every_test_here_runs_without_the_monitor_package() -> None:
    chosen = [str(HERE / f"test_{name}.py") for name in ("scenarios", "lifecycle", "routing", "model", "rendering")]
    options = ["-q", "-x", f"--confcutdir={HERE}", "-p", "no:cacheprovider", "-p", "no:xdist", *chosen]
    code = f"{BLOCKER}\nimport pytest\nsys.exit(pytest.main({options!r}))"

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_no_module_mentions_the_monitor_package_in_an_import() -> None:
    modules = list((ROOT / "alerts").rglob("*.py"))

    imports = [line for path in modules for line in path.read_text(encoding="utf-8").splitlines() if "import" in line]

    assert len(modules) > 40
    assert not [line for line in imports if line.split()[:1] in (["import"], ["from"]) and " monitor" in line]
