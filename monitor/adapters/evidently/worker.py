"""The rendering process: reads a job from standard input, writes the HTML file, answers on standard output.

Started as `python -m monitor.adapters.evidently.worker`; nothing else imports this module, so Evidently and pandas
never enter the service's processes.
"""

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from monitor.adapters.archive.location import ArchiveLocation
from monitor.adapters.archive.privacy import in_sample
from monitor.adapters.archive.writer import joined
from monitor.domain.reports import RenderedReport, ReportJob


def main() -> None:
    """Render one job."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=ReportJob)
    with contextlib.redirect_stdout(sys.stderr):  # libraries print; the answer must stay alone
        rendered = render(job)
    sys.stdout.buffer.write(msgspec.json.encode(rendered))


def render(job: ReportJob) -> RenderedReport:
    """Evidently's data-drift preset and its summary over every column that both sides can show."""
    from evidently import DataDefinition, Dataset, Report  # noqa: PLC0415 - six seconds; only where it is used
    from evidently.presets import DataDriftPreset, DataSummaryPreset  # noqa: PLC0415 - as above

    rate = min(rate for _, rate in job.current)
    reference, current = _reference(job), _current(job, rate)
    left_out = _unusable(job, reference, current)
    numeric = [name for name in job.numeric if name not in left_out]
    categorical = [name for name in job.categorical if name not in left_out]
    if not numeric and not categorical:
        raise SystemExit(f"no column can be compared: {left_out}")
    # every kind is given, so that Evidently infers nothing from the window
    definition = DataDefinition(
        numerical_columns=numeric,
        categorical_columns=categorical,
        text_columns=[],
        datetime_columns=[],
        unknown_columns=[],
        list_columns=[],
    )
    names = numeric + categorical
    snapshot = Report([DataDriftPreset(), DataSummaryPreset()], metadata={"title": job.title}).run(
        Dataset.from_pandas(current[names], definition), Dataset.from_pandas(reference[names], definition)
    )
    _save(snapshot.save_html, Path(job.output))
    return RenderedReport(job.output, len(reference), len(current), left_out, rate)


def _save(write: object, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    assert callable(write)  # noqa: S101 - narrows Evidently's untyped API
    write(str(partial))
    partial.replace(path)


def _reference(job: ReportJob) -> pd.DataFrame:
    return _frame(job, _dataset(job, [job.reference]).to_table())


def _current(job: ReportJob, rate: float) -> pd.DataFrame:
    """The window's rows, each kept with the same probability `rate`."""
    tables = []
    for of in dict.fromkeys(of for _, of in job.current):
        table = _dataset(job, [path for path, one in job.current if one == of]).to_table(filter=_within(job))
        if of > rate:
            table = table.filter(pa.array(in_sample(table.column("event_id").to_pylist(), rate)))
        tables.append(table)
    return _frame(job, joined(tables))


def _dataset(job: ReportJob, paths: Sequence[str]) -> ds.Dataset:
    location = ArchiveLocation(job.archive)
    return ds.dataset([location.full(path) for path in paths], format="parquet", filesystem=location.fs)


def _frame(job: ReportJob, table: pa.Table) -> pd.DataFrame:
    wanted = [name for name in (*job.numeric, *job.categorical) if name in table.column_names]
    if table.num_rows > job.max_rows:
        table = table.take(pa.array(np.linspace(0, table.num_rows - 1, job.max_rows).astype(np.int64)))
    frame = pd.DataFrame(index=range(table.num_rows))
    for name in wanted:
        column = table.column(name)
        numeric = name in job.numeric
        values = pc.cast(column, pa.float64() if numeric else pa.string(), safe=False)
        frame[name] = np.asarray(values.to_pandas(), dtype=np.float64 if numeric else object)
    return frame.replace([np.inf, -np.inf], np.nan)


def _within(job: ReportJob) -> ds.Expression:
    kind = pa.timestamp("ms", tz="UTC")
    start, end = pa.scalar(job.start_ms, pa.int64()).cast(kind), pa.scalar(job.end_ms, pa.int64()).cast(kind)
    return (ds.field("event_time") >= start) & (ds.field("event_time") < end)


def _unusable(job: ReportJob, reference: pd.DataFrame, current: pd.DataFrame) -> dict[str, str]:
    """Columns that would make Evidently abort the whole report."""
    reasons = {}
    for name in (*job.numeric, *job.categorical):
        for side, frame in (("the baseline's rows", reference), ("the window", current)):
            if name not in frame:
                reasons[name] = f"not among the columns of {side}"
            elif frame[name].notna().sum() == 0:
                reasons[name] = f"no value in {side}"
    return reasons


if __name__ == "__main__":
    main()
