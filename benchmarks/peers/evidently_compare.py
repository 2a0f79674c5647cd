"""Evidently's DataDriftPreset on two Parquet files, with its page. Called with both files and the page's path."""

import sys
import warnings

warnings.filterwarnings("ignore")

import pandas as pd  # noqa: E402 - after its warnings are silenced
from evidently import DataDefinition, Dataset, Report  # noqa: E402 - the same
from evidently.presets import DataDriftPreset  # noqa: E402 - the same


def main(reference: str, current: str, page: str) -> None:
    frames = [pd.read_parquet(path) for path in (current, reference)]
    words = [name for name in map(str, frames[0]) if name.startswith("cat_")]
    numbers = [name for name in map(str, frames[0]) if name not in words]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=words)
    datasets = [Dataset.from_pandas(frame, data_definition=definition) for frame in frames]
    Report([DataDriftPreset()]).run(*datasets).save_html(page)


if __name__ == "__main__":
    main(*sys.argv[1:])
