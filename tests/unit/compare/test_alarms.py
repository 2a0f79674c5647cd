"""Sequential detectors in a notebook: the alarms are those of the service on the same records."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from monitor.compare import CannotWatch, build_baseline
from monitor.domain.sequential import DETECTORS
from monitor.domain.time import to_ms
from tests.unit.usecases.ingest_rig import run_to_end
from tests.unit.usecases.test_sequential import alarms_of_all, known_ages, records, rig_of

TRAINING = pa.table({"age": known_ages().values})


def served() -> pd.DataFrame:
    """What the records of the service say, each once, in their order."""
    lines = dict.fromkeys(line for line in records() if line is not None and line != b"{")
    rows = [json.loads(line) for line in lines]
    ages = [row["features"]["age"] for row in rows]
    return pd.DataFrame({"age": ages, "at": pd.to_datetime([row["event_time"] for row in rows], unit="ms", utc=True)})


@pytest.mark.parametrize("detector", DETECTORS)
def test_alarms_of_a_table_are_those_of_the_service(detector: str) -> None:
    rig = rig_of(detector)
    run_to_end(rig, rig.worker())
    asked = {"detector": detector, "run_length": 100_000, "event_time": "at"}

    found = build_baseline(TRAINING).alarms(served(), "age", **asked)  # type: ignore[arg-type]

    by_service = [(a.at_ms, a.since_ms, a.statistic, a.threshold, a.what) for a in alarms_of_all(rig.engine)]
    assert by_service
    assert [
        (to_ms(one.at), to_ms(one.since), one.statistic, one.threshold, one.what)
        for one in found
        if one.at is not None and one.since is not None
    ] == by_service


def test_a_stream_of_parts_gives_the_alarms_of_the_whole() -> None:
    baseline, whole = build_baseline(TRAINING), served()[["age"]]
    parts = (whole.iloc[start : start + 37] for start in range(0, len(whole), 37))

    found = baseline.alarms(whole, "age", detector="cusum")

    assert found
    assert found[0].since_row is not None
    assert baseline.alarms(parts, "age", detector="cusum") == found


@pytest.mark.parametrize(
    ("column", "why"),
    [
        ("same", "all 1,000 values of the baseline are the same number"),
        ("id", "compares no column 'id'; there are: same, seldom .* a value of its own in every row"),
        ("seldom", "has 10 values there; it takes 500"),
    ],
)
def test_a_column_that_cannot_be_watched_says_why(column: str, why: str) -> None:
    rows = pa.table(
        {
            "same": np.ones(1_000),
            "id": [f"u{k}" for k in range(1_000)],
            "seldom": [float(k) if k < 10 else None for k in range(1_000)],
        }
    )

    with pytest.raises(CannotWatch, match=why):
        build_baseline(rows).alarms(rows, column)


def test_what_cannot_be_watched_says_why() -> None:
    baseline = build_baseline(pa.table({"plan": np.tile(["pro", "basic"], 500)}))
    rows = pa.table({"plan": ["pro", "basic"]})

    with pytest.raises(CannotWatch, match="take conformal"):
        baseline.alarms(rows, "plan", detector="kswin")
    with pytest.raises(ValueError, match="at most one false alarm in 1000 rows"):
        baseline.alarms(rows, "plan", run_length=10)
    with pytest.raises(ValueError, match="there is no detector 'cusums'"):
        baseline.alarms(rows, "plan", detector="cusums")
