"""`make differential N=200 SEED=0`: our telling beside a real Alertmanager, our rules beside promtool."""

import argparse
import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import structlog

from monitor.testing.servers.alertmanager import find_alertmanager
from monitor.testing.servers.unavailable import ServerUnavailable
from tests.differential.comparison import (
    FoldOutcome,
    Outcome,
    compare_folds,
    compare_telling,
    counted,
)
from tests.differential.folds import GAPS_HOLD


def main() -> int:
    """Exit code 1 where a difference is not explained, 2 where there is nothing to compare with."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-n", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    seeds = range(asked.seed, asked.seed + asked.n)
    try:
        version = _version(find_alertmanager())
        with tempfile.TemporaryDirectory() as folder:
            folded = compare_folds(seeds, Path(folder))
        told = compare_telling(seeds, processes=2)
    except ServerUnavailable as problem:
        print(f"nothing was compared: {problem}", file=sys.stderr)
        return 2
    _show(told, folded)
    unexplained = sum(bool(one.report) for one in told) + sum(not one.is_explained for one in folded)
    print(
        json.dumps(
            {
                "scripts": len(told),
                "unexplained": unexplained,
                "equal": sum(one.is_equal for one in told),
                "deviating": sum(bool(one.deviations) for one in told),
                "folds": len(folded),
                "folds_deviating": sum(one.deviates for one in folded),
                "deviations": {one.name.lower(): count for one, count in counted(told).most_common()},
                "seed": asked.seed,
                "alertmanager": version,
            }
        )
    )
    return 1 if unexplained else 0


def _show(told: Sequence[Outcome], folded: Sequence[FoldOutcome]) -> None:
    for outcome in told:
        print("\n".join(outcome.report), end="\n" if outcome.report else "")
    for fold in folded:
        if not fold.is_explained:
            print(f"promtool fires in other minutes: {fold.script}, ours {fold.script.ours_without_deviation}")
    print("deviations, with the number of scripts in which each makes a difference:")
    for deviation, count in counted(told).most_common():
        print(f"  {count:5}  {deviation}")
    print(f"  {sum(one.deviates for one in folded):5}  {GAPS_HOLD}")


def _version(program: Path) -> str:
    outcome = subprocess.run([str(program), "--version"], check=True, capture_output=True, text=True)
    return (outcome.stdout or outcome.stderr).split("version ", 1)[-1].split()[0]


if __name__ == "__main__":
    sys.exit(main())
