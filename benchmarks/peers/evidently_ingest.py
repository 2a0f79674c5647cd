"""JSON messages to saved Evidently drift reports, window by window against a baseline of rows.

Called with the file of messages, the file of baseline rows, the rows of a window and the database; prints CPU seconds.
With `-` for the database, reports are made but not saved.
"""

import gc
import json
import sqlite3
import sys
import time
import warnings
from pathlib import Path

import msgspec
import pandas as pd

warnings.filterwarnings("ignore")

from evidently import DataDefinition, Dataset, Report  # noqa: E402 - after its warnings are silenced
from evidently.presets import DataDriftPreset  # noqa: E402


def main(messages: str, baseline: str, rows: str, database: str) -> None:
    lines = Path(messages).read_bytes().splitlines()
    reference_frame = _frame(Path(baseline).read_bytes().splitlines())
    numerical = [name for name in map(str, reference_frame) if name.startswith("num")]
    categorical = [name for name in map(str, reference_frame) if name.startswith("cat")]
    definition = DataDefinition(numerical_columns=numerical, categorical_columns=categorical)
    reference = Dataset.from_pandas(reference_frame, definition)
    connection = sqlite3.connect(":memory:" if database == "-" else database)
    connection.execute("pragma journal_mode = wal")
    connection.execute("create table reports (start integer, result text)")
    window = int(rows)
    gc.collect()
    gc.freeze()  # the messages at hand are not the program's to look through
    began = time.process_time()
    for start in range(0, len(lines), window):
        current = Dataset.from_pandas(_frame(lines[start : start + window]), definition)
        result = Report([DataDriftPreset()]).run(current, reference)
        if database == "-":
            continue
        with connection:
            connection.execute("insert into reports values (?, ?)", (start, json.dumps(result.dict(), default=str)))
    print(time.process_time() - began)


def _frame(lines: list[bytes]) -> pd.DataFrame:
    return pd.DataFrame([msgspec.json.decode(line)["features"] for line in lines])


if __name__ == "__main__":
    main(*sys.argv[1:])
