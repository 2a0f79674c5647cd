"""Forecasts and rankings from files to findings: baseline, records, truth and metrics on a real (SQLite) database."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import structlog
from click.testing import CliRunner, Result

from monitor.cli.main import driftline

Call = Callable[..., Result]
START = datetime(2026, 11, 2, tzinfo=UTC)
MONITOR = """
database: {url: "sqlite:///monitor.db"}
source: {kind: files, folders: {mixed: [data]}}
http: {enabled: false}
"""
TRUTH = "{wait: 1h, min_coverage: 0.5, horizon: 2d}"
FORECAST = f"""
model: demand
task: forecast
window: {{size: 1d}}
lateness: 1m
silence_after: 1h
min_records: 20
ground_truth: {TRUTH}
training: {{target: sold, event_time: day, season: 7d, series: shop}}
checks:
  - {{test: mase, threshold: {{drifted: 1.0}}}}
  - {{test: interval_coverage, threshold: {{warning: 0.85, drifted: 0.7, below: true}}}}
"""
RANKING = f"""
model: search
task: ranking
window: {{size: 1d}}
lateness: 1m
silence_after: 1h
min_records: 20
ground_truth: {TRUTH}
checks:
  - {{test: ndcg, parameters: {{k: 3}}, threshold: {{drifted: 0.4}}}}
  - {{test: catalogue_coverage, parameters: {{catalogue: 8, k: 3}}}}
"""


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command in a folder with both models, their training data and a day of records of each."""
    monkeypatch.chdir(tmp_path)
    files = {"monitor.yaml": MONITOR, "models/demand.yaml": FORECAST, "models/search.yaml": RANKING}
    for name, text in files.items():
        path = tmp_path / "configs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "data").mkdir()
    records = [*_forecasts(), *_rankings(), *_later()]
    (tmp_path / "data" / "all.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in records), encoding="utf-8")
    (tmp_path / "demand.csv").write_text("\n".join(["shop,day,price,sold", *_sales()]), encoding="utf-8")
    (tmp_path / "search.csv").write_text("\n".join(["age", *map(str, range(100))]), encoding="utf-8")

    def run(*args: str) -> Result:
        result = CliRunner().invoke(driftline, args)
        structlog.reset_defaults()
        return result

    return run


def _sales() -> Iterator[str]:
    """Every week sells ten more than the week before, in two shops."""
    for week, day in np.ndindex(4, 7):
        at = (START - timedelta(weeks=5) + timedelta(days=7 * week + day)).isoformat()
        yield f"north,{at},{1 + day % 3},{100 * day + 10 * week}"
        yield f"south,{at},{1 + day % 4},{70 * day + 10 * week}"


def _made(model: str, n: int, **said: object) -> dict[str, object]:
    at = (START + timedelta(minutes=10 * n)).isoformat()
    return {"event_id": f"{model}-{n}", "model": model, "model_version": "1", "event_time": at, **said}


def _known(model: str, n: int, label: object) -> dict[str, object]:
    at = (START + timedelta(minutes=10 * n + 5)).isoformat()
    return {"type": "ground_truth", "event_id": f"{model}-{n}", "model": model, "event_time": at, "label": label}


def _forecasts() -> Iterator[Mapping[str, object]]:
    """Five off, up or down; the interval of every fourth misses; a few have their ends the wrong way round."""
    for n in range(100):
        low, high = (95.0, 115.0) if n % 4 else (101.0, 115.0)
        ends = {"0.05": low, "0.95": high} if n > 1 else {"0.05": high, "0.95": low}
        yield _made("demand", n, features={"price": 1 + n % 3, "shop": "north"}, prediction=100, scores=ends)
        yield _known("demand", n, 95 if n % 2 else 100 if not n % 4 else 105)


def _rankings() -> Iterator[Mapping[str, object]]:
    for n in range(100):
        yield _made("search", n, features={"age": n}, prediction=["a", "b", "c", "d"])
        yield _known("search", n, {"b": 1} if n % 2 else ["a", "z"])


def _later() -> Iterator[Mapping[str, object]]:
    """Records that let the day end."""
    for model in ("demand", "search"):
        yield {**_made(model, 999, features={}, prediction=None), "event_time": (START + timedelta(days=5)).isoformat()}


def _found(call: Call, model: str) -> dict[str, dict[str, object]]:
    rows = json.loads(call("findings", "--model", model, "--json").stdout)
    day = START.isoformat().replace("+00:00", "Z")
    return {row["test"]: row for row in rows if row["window"]["start"] == day and row["column"] == "ground_truth"}


def test_forecasts_are_judged_by_the_naive_error_of_the_baseline_and_by_their_intervals(call: Call) -> None:
    built = call("baseline", "build", "--model", "demand", "--version", "1", "demand.csv")
    filled = call("backfill", "--model", "demand", "data")

    found = _found(call, "demand")

    assert "saying what was true 1w before is off by 10: `mase` is scaled by it" in built.stdout
    assert filled.exit_code == 0, filled.output
    assert found["mase"]["statistic"] == pytest.approx(3.75 / 10)
    assert found["mase"]["verdict"] == "ok"
    assert found["interval_coverage"]["statistic"] == pytest.approx(74 / 98)
    assert found["interval_coverage"]["verdict"] == "warning"
    assert "2 of 100 have no interval with two ends in order, such as 115 to 101" in str(
        found["interval_score"]["reason"]
    )


def test_rankings_are_judged_by_relevant_items_and_grades(call: Call) -> None:
    built = call("baseline", "build", "--model", "search", "--version", "1", "search.csv")
    call("backfill", "--model", "search", "data")

    found = _found(call, "search")

    assert built.exit_code == 0, built.output
    assert found["mrr"]["statistic"] == 0.75
    log3 = np.log2(3)
    assert found["ndcg"]["statistic"] == pytest.approx((1 / log3 + 1 / (1 + 1 / log3)) / 2)
    assert found["ndcg"]["verdict"] == "ok"
    assert found["catalogue_coverage"]["statistic"] == 3 / 8
    assert found["hit_rate"]["statistic"] == 1.0
