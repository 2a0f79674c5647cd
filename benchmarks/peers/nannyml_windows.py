"""Which columns NannyML's univariate drift calculator alerts on, at its defaults, window by window.

Called with a folder of baseline.npz and NAME.npz (numbers, codes of categories) and the rows of a window; prints JSON.
"""

import json
import sys
import warnings
from pathlib import Path

import nannyml as nml
import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")


def main(folder: str, rows: str) -> None:
    baseline, *others = _paths(Path(folder))
    frame = _frame(baseline)
    names = list(frame.columns)
    calculator = nml.UnivariateDriftCalculator(column_names=names, chunk_size=int(rows)).fit(frame)
    print(json.dumps({path.stem: _flagged(calculator, _frame(path), names) for path in others}))


def _flagged(calculator: nml.UnivariateDriftCalculator, frame: pd.DataFrame, names: list[str]) -> list[list[str]]:
    table = calculator.calculate(frame).filter(period="analysis").to_df()
    alerts = {name: table[name]["jensen_shannon"]["alert"].to_numpy(bool) for name in names}
    return [[name for name in names if alerts[name][index]] for index in range(len(table))]


def _paths(folder: Path) -> list[Path]:
    return [folder / "baseline.npz", *sorted(path for path in folder.glob("*.npz") if path.stem != "baseline")]


def _frame(path: Path) -> pd.DataFrame:
    with np.load(path) as held:
        columns = {name: held[name] for name in held.files}
    return pd.DataFrame({n: v if n.startswith("num") else pd.Categorical(v.astype(str)) for n, v in columns.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
