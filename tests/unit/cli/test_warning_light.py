"""From a configuration and records to what people see: an estimate that does not hold is grey wherever it is shown."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import structlog
from click.testing import CliRunner, Result

from monitor.bootstrap.app import open_app
from monitor.cli.main import driftline

Call = Callable[..., Result]
START = datetime(2026, 11, 1, tzinfo=UTC)
ROWS = 400

MONITOR = """
database: {url: "sqlite:///monitor.db"}
source: {kind: files, folders: {mixed: [data]}}
http: {enabled: false}
"""
MODEL = """
model: loans
task: binary
positive_label: bad
window: {size: 1h}
lateness: 1m
min_records: 50
alarm_budget: off
ground_truth: {wait: 1h, min_coverage: 0.5, horizon: 1d}
checks:
- {test: estimated_accuracy, threshold: {drifted: 0.6}}
"""
RULES = """
rules:
- name: estimate-is-low
  when: {bad: {test: estimated_accuracy}}
- name: estimate-is-wrong
  when: {bad: {test: estimate_error_accuracy, warning: true}}
- name: estimates-disagree
  when: {bad: {test: estimates_disagree, warning: true}}
"""


def made(
    n: int, random: np.random.Generator, *, income: float = 0.0, concept: float = 0.0, blunt: float = 1.0
) -> Iterator[tuple[float, str, float, str]]:
    """Income, prediction, score and truth: the chance that a loan is bad, unless `concept` changes it.

    `income` moves the inputs, `blunt` raises the scores to a power, so that they say something else than they did.
    """
    x = random.normal(income, 1.0, n)
    chance = 1 / (1 + np.exp(2 * x))
    bad = random.random(n) < np.abs(chance - concept)
    for value, one, is_bad in zip(x.tolist(), chance.tolist(), bad.tolist(), strict=True):
        score = round(one**blunt, 3)
        yield round(value, 3), "bad" if one >= 0.5 else "good", score, "bad" if is_bad else "good"


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Call]:
    """Two quiet hours, then three of another kind, judged with the truth of all but the last hour."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"monitor.yaml": MONITOR, "models/loans.yaml": MODEL, "rules/r.yaml": RULES}.items():
        path = tmp_path / "configs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    random = np.random.default_rng(3)
    rows = [",".join(map(str, row)) for row in made(4_000, random)]
    (tmp_path / "train.csv").write_text("\n".join(["income,prediction,score,label", *rows]), encoding="utf-8")

    def run(*args: str) -> Result:
        result = CliRunner().invoke(driftline, args)
        structlog.reset_defaults()
        return result

    def judge(**change: float) -> Call:
        lines = [line for hour in range(5) for line in records(hour, random, change if hour >= 2 else {})]
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "all.jsonl").write_text("\n".join([*lines, ""]), encoding="utf-8")
        built = run("baseline", "build", "--model", "loans", "--version", "1", "--role", "holdout", "train.csv")
        filled = run("backfill", "--tell", "--workers", "1", "data")
        assert (built.exit_code, filled.exit_code) == (0, 0), built.output + filled.output
        return run

    return judge


def records(hour: int, random: np.random.Generator, change: dict[str, float]) -> Iterator[str]:
    for place, (income, said, score, truth) in enumerate(made(ROWS, random, **change)):
        at = START + timedelta(hours=hour, seconds=9 * place)
        about = {"event_id": f"{hour}-{place}", "model": "loans", "model_version": "1", "event_time": at.isoformat()}
        yield json.dumps(
            {**about, "type": "inference", "features": {"income": income}, "prediction": said, "score": score}
        )
        if hour < 4:
            yield json.dumps({**about, "type": "ground_truth", "label": truth})


def shown(call: Call, check: str) -> list[tuple[str, str]]:
    rows = json.loads(call("findings", "--model", "loans", "--check", check, "--json").stdout)
    return [(row["verdict"], row["reason"]) for row in rows]


def told(rule: str) -> list[str]:
    """What the alerts of the rule say, all they carry as text."""
    with open_app(Path("configs"), {}) as app:
        return [repr(one) for _, one in app.stores.outbox.pending(100) if f"'{rule}'" in repr(one)]


def performance(call: Call) -> list[dict[str, object]]:
    command = ("performance", "--model", "loans", "--metric", "accuracy", "--json")
    rows: list[dict[str, object]] = json.loads(call(*command).stdout)
    return rows


CONTRADICTED = "the truth of 2026-11-01T03:00:00Z/2026-11-01T04:00:00Z contradicts it"


@pytest.mark.parametrize("change", [{"concept": 0.7}, {"blunt": 0.2}])
def test_what_the_truth_contradicts_is_grey_with_the_reason_in_findings_tables_and_alerts(
    judged: Callable[..., Call], change: dict[str, float]
) -> None:
    call = judged(**change)

    estimates, lights = shown(call, "estimated_accuracy"), shown(call, "estimate_error_accuracy")
    rows = performance(call)

    assert [verdict for verdict, _ in estimates] == ["ok"] * 2 + ["insufficient_data"] * 3
    assert all("not to be relied on" in reason for _, reason in estimates[2:])
    assert CONTRADICTED in estimates[4][1]  # of the last hour there is no truth yet
    assert [verdict for verdict, _ in lights] == ["ok", "ok", "warning", "warning"]
    assert [bool(row["reason"]) for row in rows] == [False, False, True, True, True]
    assert (
        call("performance", "--model", "loans", "--metric", "accuracy").stdout.count("*") == 3 + 1
    )  # and the reason below
    assert any("the estimate does not hold" in light for light in told("estimate-is-wrong"))
    assert told("estimate-is-low") == []


def test_inputs_beyond_training_make_no_number_and_the_reason_names_the_column(judged: Callable[..., Call]) -> None:
    call = judged(income=9.0)

    estimates, rows = shown(call, "estimated_accuracy"), performance(call)

    assert [verdict for verdict, _ in estimates] == ["ok"] * 2 + ["insufficient_data"] * 3
    assert all("of the values of income are missing, unseen or outside" in reason for _, reason in estimates[2:])
    assert [row.get("estimate") is None for row in rows] == [False, False, True, True, True]
    assert told("estimate-is-low") == []
