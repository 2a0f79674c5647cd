"""Which columns alibi-detect's TabularDrift flags with its Bonferroni correction at 0.05, window by window.

Called like nannyml_windows.py. It cannot take missing values: rows that lack one are left out, as its users do.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

warnings.filterwarnings("ignore")

from alibi_detect.cd import TabularDrift  # noqa: E402 - after its warnings are silenced

ALPHA = 0.05
SAMPLE = 10_000
"""Rows of the baseline, evenly spaced: with all of them a window takes half a second."""

Matrix = NDArray[np.float64]


def main(folder: str, rows: str) -> None:
    names, baseline = _matrix(Path(folder) / "baseline.npz")
    categories = {index: None for index, name in enumerate(names) if name.startswith("cat")}
    complete = _complete(baseline)
    detector = TabularDrift(
        complete[:: max(1, len(complete) // SAMPLE)], p_val=ALPHA, categories_per_feature=categories
    )
    found = {}
    for path in sorted(path for path in Path(folder).glob("*.npz") if path.stem != "baseline"):
        _, matrix = _matrix(path)
        windows = [matrix[start : start + int(rows)] for start in range(0, len(matrix), int(rows))]
        found[path.stem] = [_flagged(detector, _complete(window), names) for window in windows]
    print(json.dumps(found))


def _flagged(detector: TabularDrift, window: Matrix, names: list[str]) -> list[str]:
    p_values = detector.predict(window, drift_type="feature", return_p_val=True)["data"]["p_val"]
    return [name for name, p in zip(names, p_values, strict=True) if p < ALPHA / len(names)]


def _matrix(path: Path) -> tuple[list[str], Matrix]:
    with np.load(path) as held:
        return list(held.files), np.column_stack([held[name].astype(float) for name in held.files])


def _complete(matrix: Matrix) -> Matrix:
    complete: Matrix = matrix[~np.isnan(matrix).any(axis=1)]
    return complete


if __name__ == "__main__":
    main(*sys.argv[1:])
