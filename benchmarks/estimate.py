"""Performance estimated before the truth comes against what came, beside NannyML, on the sets that NannyML ships.

Both learn from a set's reference rows and estimate every chunk of its analysis rows; the error of an estimate is its
distance from the metric by the truth. `mae_..._ratio` is our mean error over chunks by NannyML's, the worst over sets
(f1 of many classes apart: records carry the largest score alone, NannyML sees all). `cpu_ratio` is our CPU seconds by
NannyML's, of all sets together; we estimate all metrics, NannyML those that are compared. `covered` is the share of
chunks whose realized metric lies within our 95 % interval, over the binary sets; `covered_with_truth` the same where
the truth of each chunk has come before the next is estimated, and `covered_all_sets` of all sets, one of which has
concept drift in half of its chunks.
"""

import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from benchmarks.programs import HERE, ours, output, peer_environment

SIZES = {
    "census": 5_000,
    "car loan": 5_000,
    "work from home": 5_000,
    "houses": 1_000,
    "credit cards": 6_000,
    "car price": 6_000,
}
"""Rows of a chunk by set."""

BINARY = ("census", "car loan", "work from home", "houses")
PEER = str(HERE / "peers" / "nannyml_estimate.py")


def run(progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """One run of both: estimates do not change from run to run."""
    python = str(peer_environment("nannyml", progress))
    with tempfile.TemporaryDirectory() as folder:
        progress("writing the sets")
        output(python, PEER, "write", folder)
        progress("estimating by NannyML (a minute or so)")
        theirs = json.loads(output(python, PEER, "run", folder, json.dumps(SIZES)).splitlines()[-1])
        progress("estimating by Driftline")
        own = json.loads(output(*ours("driftline_estimate"), folder, json.dumps(SIZES)))
    for name in SIZES:
        progress(f"{name}: {_said(own[name], theirs[name])}")
    return {
        "mae_auc_ratio": max(_ratio(own[name], theirs[name], "roc_auc") for name in BINARY),
        "mae_f1_ratio": max(_ratio(own[name], theirs[name], "f1") for name in BINARY),
        "mae_f1_ratio_multiclass": _ratio(own["credit cards"], theirs["credit cards"], "f1"),
        "mae_mae_ratio": _ratio(own["car price"], theirs["car price"], "mae"),
        "cpu_ratio": round(sum(own[name]["cpu_s"] for name in SIZES) / sum(theirs[name]["cpu_s"] for name in SIZES), 3),
        "covered": _covered(own, BINARY, ("roc_auc", "f1"), "covered"),
        "covered_with_truth": _covered(own, BINARY, ("roc_auc", "f1"), "covered with truth"),
        "covered_all_sets": _covered(own, SIZES, ("roc_auc", "f1", "mae", "rmse"), "covered"),
        "sets": len(SIZES),
    }


def _covered(own: dict[str, Any], sets: Iterable[str], metrics: Sequence[str], which: str) -> float:
    shares = [own[name][key] for name in sets for m in metrics if (key := f"{m} {which}") in own[name]]
    return round(float(np.mean(shares)), 3)


def _error(estimates: list[float], realized: list[float]) -> float:
    return float(np.mean(np.abs(np.subtract(estimates, realized))))


def _ratio(own: dict[str, Any], theirs: dict[str, Any], metric: str) -> float:
    realized = own[f"{metric} realized"]
    return round(_error(own[metric], realized) / _error(theirs[metric], realized), 3)


def _said(own: dict[str, Any], theirs: dict[str, Any]) -> str:
    metrics = [name for name in theirs if name != "cpu_s"]
    return (
        ", ".join(
            f"{name} error {_error(own[name], own[f'{name} realized']):.4f} and NannyML's "
            f"{_error(theirs[name], own[f'{name} realized']):.4f} (covered {own[f'{name} covered']:.0%})"
            for name in metrics
        )
        + f"; CPU {own['cpu_s']:.2f} s and {theirs['cpu_s']:.2f} s"
    )
