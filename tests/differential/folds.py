"""The fold of rules beside `promtool test rules`: sequences of outcomes drawn from seeds, a minute each."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

import yaml

from monitor.domain.rules import CheckIsBad, Rule
from monitor.testing.servers.alertmanager import find_promtool
from tests.unit.rules.making import MINUTE, firing, fold

_DEADLINE_S = 120
_FAILED = re.compile(r"name: seed-(\d+),")
_VALUES = {"b": "1", "o": "0", "?": "stale"}

GAPS_HOLD = "a window without enough data neither breaks a breach nor ends an alert"
"""Where our fold deviates on purpose: Prometheus takes missing data for the end of the breach."""


@dataclass(frozen=True, slots=True)
class FoldScript:
    """Outcomes of windows (b breach, o ok, ? unknown), and the times of the rule in minutes."""

    seed: int
    letters: str
    hold: int
    keep: int

    @property
    def ours(self) -> str:
        """X for the windows after which our rule fires."""
        return self._fold(self.letters)

    @property
    def ours_without_deviation(self) -> str:
        """The same, had we taken missing data for the end of the breach."""
        return self._fold(self.letters.replace("?", "o"))

    def _fold(self, letters: str) -> str:
        rule = Rule("drawn", CheckIsBad(), hold=self.hold * MINUTE, keep=self.keep * MINUTE)
        return firing(fold(rule, letters)[0])


def draw(seed: int) -> FoldScript:
    """The sequence of a seed, the same for ever."""
    random = Random(seed)
    stays = random.choice((0.5, 0.7, 0.85))
    letters = [random.choice("bo")]
    for _ in range(random.randint(8, 24)):
        letters.append(letters[-1] if random.random() < stays else random.choice("bbo?" if seed % 2 else "bo"))
    return FoldScript(seed, "".join(letters), random.randint(0, 4), random.choice((0, 0, 1, 2, 3)))


def unequal(expected: Mapping[FoldScript, str], folder: Path) -> set[int]:
    """The seeds where promtool fires in other minutes than expected (X); `folder` is for its files."""
    rules = {"groups": [{"name": "drawn", "rules": [_rule(script) for script in expected]}]}
    tests = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [_test(script, minutes) for script, minutes in expected.items()],
    }
    (folder / "rules.yml").write_text(yaml.safe_dump(rules))
    (folder / "tests.yml").write_text(yaml.safe_dump(tests))
    command = [str(find_promtool()), "test", "rules", "tests.yml"]
    outcome = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=_DEADLINE_S)
    said = outcome.stdout + outcome.stderr
    failed = {int(found) for found in _FAILED.findall(said)}
    if (outcome.returncode == 0) == bool(failed) or (outcome.returncode == 0 and "SUCCESS" not in said):
        msg = f"promtool ended with exit status {outcome.returncode} and said:\n{said[-2000:]}"
        raise RuntimeError(msg)
    return failed


def _rule(script: FoldScript) -> dict[str, object]:
    return {
        "alert": f"rule-{script.seed}",
        "expr": f'verdict{{seed="{script.seed}"}} > 0.5',
        "for": f"{script.hold}m",
        "keep_firing_for": f"{script.keep}m",
    }


def _test(script: FoldScript, minutes: str) -> dict[str, object]:
    seed = str(script.seed)
    values = " ".join(_VALUES[letter] for letter in script.letters)
    return {
        "name": f"seed-{seed}",
        "interval": "1m",
        "input_series": [{"series": f'verdict{{seed="{seed}"}}', "values": values}],
        "alert_rule_test": [
            {
                "eval_time": f"{minute}m",
                "alertname": f"rule-{seed}",
                "exp_alerts": [{"exp_labels": {"seed": seed}}] if letter == "X" else [],
            }
            for minute, letter in enumerate(minutes)
        ],
    }
