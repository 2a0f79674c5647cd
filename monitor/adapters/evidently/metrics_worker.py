"""The computing process: reads jobs of metrics and rows from standard input, answers on standard output.

Started as `python -m monitor.adapters.evidently.metrics_worker`; nothing else imports this module, so Evidently and
pandas never enter the service's processes.
"""

import contextlib
import math
import select
import sys
from collections.abc import Mapping
from typing import BinaryIO

import evidently.metrics
import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
from evidently import DataDefinition, Dataset, Report
from evidently.core.metric_types import CountValue, SingleValue

from monitor.adapters.evidently.companion import FRAME
from monitor.adapters.evidently.metrics import MetricsJob, WantedMetric
from monitor.domain.evidently import EvidentlyAnswer

_IDLE_S = 30.0
"""So long it waits for the next job before it leaves, and its memory with it."""


def main() -> None:
    """Answer job after job."""
    ears, mouth = sys.stdin.buffer, sys.stdout.buffer
    with contextlib.redirect_stdout(sys.stderr):  # libraries print; the answers must stay alone
        _say(mouth, b"")
        while select.select([ears], [], [], _IDLE_S)[0] and (header := ears.read(FRAME.size)):
            job = msgspec.msgpack.decode(ears.read(FRAME.unpack(header)[0]), type=MetricsJob)
            _say(mouth, msgspec.msgpack.encode(measure(job)))


def _say(mouth: BinaryIO, answer: bytes) -> None:
    mouth.write(FRAME.pack(len(answer)) + answer)
    mouth.flush()


def measure(job: MetricsJob) -> list[EvidentlyAnswer]:
    """Each metric by itself: one that breaks takes no other along."""
    sides = {"the baseline's rows": _frame(job.reference), "the window": _frame(job.current)}
    return [_answer(wanted, sides) for wanted in job.wanted]


def _frame(stream: bytes) -> pd.DataFrame:
    table = pa.ipc.open_stream(stream).read_all()
    frame = pd.DataFrame(index=range(table.num_rows))
    for name in table.column_names:
        kind = np.float64 if pa.types.is_floating(table.schema.field(name).type) else object
        frame[name] = np.asarray(table.column(name).to_pandas(), dtype=kind)
    return frame.replace([np.inf, -np.inf], np.nan)


def _answer(wanted: WantedMetric, sides: Mapping[str, pd.DataFrame]) -> EvidentlyAnswer:
    if why := _lacking(wanted, sides):
        return EvidentlyAnswer(why=why)
    try:
        return _computed(wanted, *sides.values())
    except Exception as error:  # noqa: BLE001 - whatever Evidently raises is what is to be told
        return EvidentlyAnswer(why=f"{type(error).__name__}: {error}", is_fault=True)


def _lacking(wanted: WantedMetric, sides: Mapping[str, pd.DataFrame]) -> str:
    """What the rows lack: the column on a side, or any value in it, where it is not missing values that are counted."""
    column = wanted.column
    for side, frame in sides.items() if column is not None else ():
        if column not in frame:
            return f"{column} is not among the columns of {side}"
        if wanted.metric != "MissingValueCount" and not frame[column].notna().any():
            return f"{column} has no value in {side}"
    return ""


def _computed(wanted: WantedMetric, reference: pd.DataFrame, current: pd.DataFrame) -> EvidentlyAnswer:
    """Columns without a value on a side are left out, where the metric is not about one: they would end the report."""
    names = [name for name in reference if name in current and (wanted.column in {None, name})]
    if wanted.metric == "DriftedColumnsCount":
        names = [name for name in names if reference[name].notna().any() and current[name].notna().any()]
    numeric = [name for name in names if reference[name].dtype == np.float64]
    definition = DataDefinition(  # every kind is given, so that Evidently infers nothing from the window
        numerical_columns=numeric,
        categorical_columns=[name for name in names if name not in numeric],
        text_columns=[],
        datetime_columns=[],
        unknown_columns=[],
        list_columns=[],
    )
    column = {} if wanted.column is None else {"column": wanted.column}
    metric = getattr(evidently.metrics, wanted.metric)(**column, **wanted.parameters)
    snapshot = Report([metric]).run(
        Dataset.from_pandas(current[names], definition), Dataset.from_pandas(reference[names], definition)
    )
    return _number(snapshot.context.get_metric_result(metric), is_share=wanted.is_share)


def _number(value: object, *, is_share: bool) -> EvidentlyAnswer:
    if isinstance(value, CountValue):
        number = float((value.share if is_share else value.count).value)
    elif isinstance(value, SingleValue):
        number = float(value.value)
    else:
        return EvidentlyAnswer(why=f"it gave {type(value).__name__}, and not one number", is_fault=True)
    return EvidentlyAnswer(number) if math.isfinite(number) else EvidentlyAnswer(why=f"Evidently gave {number}")


if __name__ == "__main__":
    main()
