"""Which columns Evidently's DataDriftPreset calls drifted, at its defaults, window by window.

Called like nannyml_windows.py. A report takes seconds, so only the first windows of each file are looked at, and the
baseline is a sample of 5,000 rows.
"""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")

from evidently import DataDefinition, Dataset, Report  # noqa: E402 - after its warnings are silenced
from evidently.presets import DataDriftPreset  # noqa: E402

SAMPLE, NULL_WINDOWS, CHANGED_WINDOWS = 5_000, 10, 3


def main(folder: str, rows: str) -> None:
    baseline = _frame(Path(folder) / "baseline.npz").sample(SAMPLE, random_state=1)
    definition = DataDefinition(
        numerical_columns=[name for name in map(str, baseline) if name.startswith("num")],
        categorical_columns=[name for name in map(str, baseline) if name.startswith("cat")],
    )
    reference = Dataset.from_pandas(baseline, definition)
    found = {}
    for path in sorted(path for path in Path(folder).glob("*.npz") if path.stem != "baseline"):
        most = NULL_WINDOWS if path.stem == "quiet" else CHANGED_WINDOWS
        frame = _frame(path)[: most * int(rows)]
        windows = [frame[start : start + int(rows)] for start in range(0, len(frame), int(rows))]
        found[path.stem] = [_flagged(reference, definition, window) for window in windows]
    print(json.dumps(found))


def _flagged(reference: Dataset, definition: DataDefinition, window: pd.DataFrame) -> list[str]:
    report = Report([DataDriftPreset()]).run(Dataset.from_pandas(window, definition), reference).dict()
    drifts = [one for one in report["metrics"] if one["metric_name"].startswith("ValueDrift")]
    return [one["config"]["column"] for one in drifts if _is_drift(one)]


def _is_drift(metric: dict[str, Any]) -> bool:
    value, limit = float(metric["value"]), float(metric["config"]["threshold"])
    is_p_value = "p_value" in metric["config"]["method"]
    return value < limit if is_p_value else value >= limit


def _frame(path: Path) -> pd.DataFrame:
    with np.load(path) as held:
        columns = {name: held[name] for name in held.files}
    return pd.DataFrame({n: v if n.startswith("num") else v.astype(str) for n, v in columns.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
