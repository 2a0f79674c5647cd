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


STORY = """
import importlib
import pkgutil

import alerts
from alerts.testing.scripts import World

for module in pkgutil.walk_packages(alerts.__path__, "alerts."):
    if not module.name.endswith(".env"):  # alembic's, which runs where there is a migration and nowhere else
        importlib.import_module(module.name)
route = {"channels": ["box"], "group_by": ["model"], "collect_for": "1s", "update_every": "2s"}
print(World(route, {"box": {}}).run({0: ["+a"], 2: ["-a"]}, 5))
"""


def test_every_module_is_imported_and_an_alert_and_its_end_are_told_without_the_monitor_package() -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{BLOCKER}\n{STORY}"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == "['F{a}@1', 'R{r:a}@3']"


def test_nothing_here_and_no_module_mentions_the_monitor_package_in_an_import() -> None:
    modules = [*(ROOT / "alerts").rglob("*.py"), *HERE.glob("*.py")]

    imports = [line for path in modules for line in path.read_text(encoding="utf-8").splitlines() if "import" in line]

    assert len(modules) > 40
    assert not [line for line in imports if line.split()[:1] in (["import"], ["from"]) and " monitor" in line]
