"""Elec2, the New South Wales electricity market half-hour by half-hour, 7 May 1996 to 5 December 1998.

Source: M. Harries, "Splice-2 comparative evaluation: electricity pricing" (UNSW, 1999); since Gama et al.,
"Learning with drift detection" (2004) the usual real data set for drift. The copy read here ships inside
the scikit-multiflow 0.4.1 wheel (BSD-3-Clause). That release installs on Python 3.5 to 3.7 only, so the
wheel is downloaded, checked against its SHA-256 and read as the archive it is; nothing of it is run.

What the file holds and what is derived:

- Prices, demands and the scheduled transfer between the states were normalised to [0, 1] by its authors.
- It has no dates. They are rebuilt by counting half-hours from 7 May 1996, 00:00 market time, which is
  written as UTC here: a day is then a market day, and no daylight saving is assumed.
- One day is there twice: rows 17,376 to 17,423 and the 48 rows after them are both Sunday 4 May 1997,
  equal in demand, first with the constants of the old market and then with Victorian figures. The first
  copy is dropped. Everything then fits: weekends and public holidays stay where the calendar has them on
  both sides, and the last row is the documented last day (with both copies it would be one day later).
- `day_of_week` and `day_part` are derived from the rebuilt time.
"""

import csv
import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from monitor.domain.errors import MonitorError
from monitor.shells.demo.download import download_pinned

WHEEL_PROJECT = "scikit-multiflow"
WHEEL_VERSION = "0.4.1"
WHEEL_SHA256 = "17842a0719992871f66f2edd475c3cf947be73d16595cb28d9ec26a79cfc58de"
CSV_MEMBER = "skmultiflow/data/datasets/elec.csv"
CSV_SHA256 = "ebdfe5480ae25a43a7d054286135e3a9484697a2850d5158a333b1578c28bb97"

FIRST_HALF_HOUR = datetime(1996, 5, 7, tzinfo=UTC)
CHANGE_AT = datetime(1997, 5, 4, tzinfo=UTC)
"""First day on which the file has Victorian figures: the joined market, as the rows show it."""
PUBLISHED_CHANGE_DATE = "2 May 1997"
"""The date that papers give for the extension of the market to Victoria; two days before the rows show it."""

HALF_HOUR = timedelta(minutes=30)
HALF_HOURS_A_DAY = 48
FILE_COLUMNS = ("feat_1", "feat_2", "feat_3", "feat_4", "feat_5", "feat_6", "target")
MARKET_FEATURES = ("nswprice", "nswdemand", "vicprice", "vicdemand", "transfer")
DAYS_OF_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_PARTS = ("night", "morning", "afternoon", "evening")
"""Six hours each, from midnight."""
NUMERIC_FEATURES = ("period", *MARKET_FEATURES)
CATEGORICAL_FEATURES = ("day_of_week", "day_part")

_REPEATED_ROWS = slice(17_376, 17_424)
_DEMAND_COLUMN = 2

Column: TypeAlias = npt.NDArray[np.float64] | npt.NDArray[np.int64] | npt.NDArray[np.str_]
Times: TypeAlias = npt.NDArray[np.datetime64]


class DatasetUnavailable(MonitorError):
    """The demo's data set cannot be had or is not what it should be; the message says how to mend it."""


@dataclass(frozen=True, slots=True, eq=False)
class Elec2:
    """Rows of the market in time order, a column an array; all arrays have the same length.

    `event_time` is the start of the half-hour (datetime64[s], UTC as the module says). `features` are what
    the model is served. `went_up` is the ground truth: did the price rise above its mean of the last 24 h?
    """

    event_time: Times
    features: Mapping[str, Column]
    went_up: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.event_time)

    def between(self, start: datetime, end: datetime) -> "Elec2":
        """Rows with `start` <= event time < `end` (aware instants); views, not copies."""
        first, last = np.searchsorted(self.event_time, [_as_datetime64(start), _as_datetime64(end)])
        return self.rows(int(first), int(last))

    def rows(self, first: int, last: int) -> "Elec2":
        """Rows number `first` up to but not including `last`; views, not copies."""
        cut = slice(first, last)
        features = {name: values[cut] for name, values in self.features.items()}
        return Elec2(self.event_time[cut], features, self.went_up[cut])


def fetch_elec2(cache_dir: Path, progress: Callable[[str], None]) -> Path:
    """Path of `elec.csv` in `cache_dir`, downloaded (16 MB, once) when it is not there yet.

    `progress` is told each slow step in a sentence. Raises `DatasetUnavailable` when the wheel cannot be
    had or its content is not the pinned one. A file that fails its checksum is fetched again.
    """
    target = cache_dir / "elec.csv"
    if target.is_file() and _sha256(target.read_bytes()) == CSV_SHA256:
        return target
    cache_dir.mkdir(parents=True, exist_ok=True)
    wheel = next(cache_dir.glob("scikit_multiflow-0.4.1-*.whl"), None)
    if wheel is None:
        progress("downloading the Elec2 data set (16 MB, once)")
        wheel = _download(cache_dir)
    content = _read_from_wheel(wheel)
    if _sha256(content) != CSV_SHA256:
        raise DatasetUnavailable(f"{CSV_MEMBER} in {wheel} is not the pinned file; delete the wheel and try again")
    partial = target.with_suffix(".partial")
    partial.write_bytes(content)
    partial.replace(target)
    progress(f"Elec2 is ready in {target}")
    return target


def load_elec2(path: Path) -> Elec2:
    """Read `elec.csv`, or the wheel that holds it, and give every row its time back.

    Raises `DatasetUnavailable` when the file cannot be read or is not Elec2 in its published row order
    (columns, number of values, the running half-hour, the day that is there twice).
    """
    table = _parse(_text_of(path), path)
    _check_half_hours(table, path)
    if len(table) > _REPEATED_ROWS.stop:
        table = _without_repeated_day(table, path)
    return _columns(table)


def _download(cache_dir: Path) -> Path:
    try:
        return download_pinned(WHEEL_PROJECT, WHEEL_VERSION, WHEEL_SHA256, cache_dir)
    except MonitorError as error:
        raise DatasetUnavailable(
            f"the Elec2 data set could not be downloaded: {error}\n"
            f"It is read from the {WHEEL_PROJECT} {WHEEL_VERSION} wheel on the Python package index, which needs a "
            "network the first time. Connect and try again, or fetch the wheel elsewhere and pass it "
            "(or its elec.csv) with --data PATH."
        ) from error


def _read_from_wheel(wheel: Path) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(CSV_MEMBER)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise DatasetUnavailable(f"{wheel} does not hold {CSV_MEMBER}: {error}; delete it and try again") from error


def _text_of(path: Path) -> str:
    try:
        content = _read_from_wheel(path) if zipfile.is_zipfile(path) else path.read_bytes()
        return content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        hint = f"give the {WHEEL_PROJECT} {WHEEL_VERSION} wheel or its elec.csv"
        raise DatasetUnavailable(f"cannot read {path}: {error}; {hint}") from error


def _parse(text: str, path: Path) -> npt.NDArray[np.float64]:
    header, *rows = csv.reader(io.StringIO(text)) if text.strip() else [[]]
    if tuple(header) != FILE_COLUMNS:
        raise DatasetUnavailable(
            f"{path}:1: expected the columns {','.join(FILE_COLUMNS)}, found {','.join(header) or 'none'}; "
            f"this is not the elec.csv of {WHEEL_PROJECT} {WHEEL_VERSION}"
        )
    for line, row in enumerate(rows, start=2):
        if len(row) != len(FILE_COLUMNS):
            raise DatasetUnavailable(f"{path}:{line}: {len(row)} values instead of {len(FILE_COLUMNS)}; fetch it again")
    try:
        return np.array(rows, dtype=np.float64).reshape(-1, len(FILE_COLUMNS))
    except ValueError as error:
        raise DatasetUnavailable(f"{path}: {error}; every value must be a number; fetch it again") from error


def _check_half_hours(table: npt.NDArray[np.float64], path: Path) -> None:
    expected = np.arange(len(table)) % HALF_HOURS_A_DAY
    wrong = np.flatnonzero(np.rint(table[:, 0] * (HALF_HOURS_A_DAY - 1)) != expected)
    if len(wrong):
        raise DatasetUnavailable(
            f"{path}:{int(wrong[0]) + 2}: feat_1 should be half-hour {int(expected[wrong[0]])} of the day; rows are "
            "missing or out of order, and the time of a row is known by its place only; use the file as published"
        )


def _without_repeated_day(table: npt.NDArray[np.float64], path: Path) -> npt.NDArray[np.float64]:
    again = slice(_REPEATED_ROWS.stop, _REPEATED_ROWS.stop + HALF_HOURS_A_DAY)
    if not np.array_equal(table[_REPEATED_ROWS, _DEMAND_COLUMN], table[again, _DEMAND_COLUMN]):
        line = _REPEATED_ROWS.start + 2
        raise DatasetUnavailable(
            f"{path}:{line}: 4 May 1997 should be there twice and is not; dates cannot be rebuilt; "
            f"use the elec.csv of {WHEEL_PROJECT} {WHEEL_VERSION} as published"
        )
    kept: npt.NDArray[np.float64] = np.delete(table, _REPEATED_ROWS, axis=0)
    return kept


def _columns(table: npt.NDArray[np.float64]) -> Elec2:
    count = len(table)
    event_time: Times = _as_datetime64(FIRST_HALF_HOUR) + np.arange(count) * np.timedelta64(HALF_HOUR)
    period = np.arange(count, dtype=np.int64) % HALF_HOURS_A_DAY
    day = np.arange(count) // HALF_HOURS_A_DAY + FIRST_HALF_HOUR.weekday()
    part = period // (HALF_HOURS_A_DAY // len(DAY_PARTS))
    features: dict[str, Column] = {"period": period}
    features |= {name: table[:, place] for place, name in enumerate(MARKET_FEATURES, start=1)}
    features |= {"day_of_week": np.array(DAYS_OF_WEEK)[day % 7], "day_part": np.array(DAY_PARTS)[part]}
    return Elec2(event_time.astype("datetime64[s]"), features, table[:, -1] == 1)


def _as_datetime64(instant: datetime) -> np.datetime64:
    return np.datetime64(instant.astimezone(UTC).replace(tzinfo=None), "s")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
