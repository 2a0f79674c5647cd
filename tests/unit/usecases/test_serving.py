"""Latency, errors and throughput from records to findings and alerts, through the command line's own path."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli.main import driftline
from monitor.domain.checks import CheckSpec, Threshold
from monitor.domain.findings import Verdict
from monitor.domain.models import MonitoredModel
from monitor.domain.windows import Window, WindowSpec
from monitor.usecases.serving import serving
from monitor.usecases.serving_checks import serving_checks

START = datetime(2026, 11, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
MONITOR = """
source: {{kind: files, folders: {{mixed: [{folder}/log]}}}}
database: {{url: "sqlite:///{folder}/driftline.db"}}
"""
MODEL = """
model: churn
window: {size: 1h}
propose_checks: false
alarm_budget: off
min_records: 50
training: {categorical: [status]}
checks:
  - {test: latency_p95, threshold: {drifted: 250}}
  - {test: latency_p50}
  - {test: error_rate, columns: [status], parameters: {ok: "200"}, threshold: {drifted: 0.05}}
  - {test: throughput, threshold: {drifted: 0.02}}
"""
RULES = """
rules:
  - name: slow
    when: {latency: {p: 0.95, above: 250ms}}
  - name: failing
    when: {error_rate: {above: 0.05}}
  - name: quiet
    when: {throughput: {below: 0.02}}
"""


def record(hour: int, k: int, n: int) -> str:
    slow = 400 if hour == 1 else 100
    status = 500 if hour == 2 and k % 5 == 0 else 200
    about = {"event_id": f"{hour}-{k}", "model": "churn", "model_version": "1"}
    at = START + hour * HOUR + k * HOUR / n
    features = {"x": k % 7, "status": status}
    return json.dumps({**about, "event_time": at.isoformat(), "features": features, "latency_ms": slow + k % 10})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An hour as usual, a slow one, one with errors, one of two records, and one that closes it."""
    folder = tmp_path_factory.mktemp("served")
    for name in ("configs/models", "configs/rules", "log"):
        (folder / name).mkdir(parents=True)
    (folder / "configs/monitor.yaml").write_text(MONITOR.format(folder=folder))
    (folder / "configs/models/churn.yaml").write_text(MODEL)
    (folder / "configs/rules/served.yaml").write_text(RULES)
    rows = [record(hour, k, n) for hour, n in ((0, 100), (1, 100), (2, 100), (3, 2)) for k in range(n)]
    late = record(4, 10, 20)
    (folder / "log/a.jsonl").write_text("\n".join([*rows, late]) + "\n")
    (folder / "train.csv").write_text("x,status\n" + "".join(f"{k % 7},200\n" for k in range(500)))
    return folder


def run(folder: Path, *words: str) -> Result:
    result = CliRunner().invoke(driftline, [*words, "--config", str(folder / "configs")])
    assert result.exit_code == 0, result.output
    return result


def test_slow_failing_and_quiet_hours_are_found_and_told_and_no_other(folder: Path) -> None:
    run(folder, "db", "upgrade")
    built = run(folder, "baseline", "build", "--model", "churn", "--version", "1", str(folder / "train.csv"))
    judged = run(folder, "backfill", "--workers", "1", str(folder / "log"))
    found = json.loads(run(folder, "findings", "--model", "churn", "--json").output)

    by_hour: dict[str, dict[str, str]] = {}
    for one in found:
        by_hour.setdefault(one["window"]["start"][11:13], {})[one["check"].partition("(")[0]] = one["verdict"]
    quiet = {"latency_p95": "ok", "latency_p50": "ok", "error_rate": "ok", "throughput": "ok"}
    served = {hour: {k: v for k, v in of.items() if k in quiet} for hour, of in by_hour.items()}
    assert served["00"] == quiet
    assert served["01"] == quiet | {"latency_p95": "degraded"}
    assert served["02"] == quiet | {"error_rate": "degraded"}
    assert served["03"]["throughput"] == "degraded"
    assert "latency_ms: the training data has none" in built.output
    assert "slow: firing, latency_p95(latency_ms) = 4" in judged.output
    assert "failing: firing, error_rate(status) = 0.2" in judged.output
    assert "quiet: firing, throughput(records) = 0.0005556 (low limit 0.02)" in judged.output


def test_an_empty_window_has_the_throughput_nought_and_no_latency() -> None:
    checks = (
        CheckSpec("throughput", threshold=Threshold(1.0)),
        CheckSpec("latency_p95", threshold=Threshold(250.0)),
        CheckSpec("throughput", segment="germany"),
    )
    model = MonitoredModel("churn", WindowSpec(HOUR, HOUR), HOUR, HOUR, checks=checks)

    rate, latency, of_segment = serving(serving_checks(model), {}, 0, Window(START, START + HOUR))

    assert (rate[1], rate[3] and rate[3].statistic) == (Verdict.DEGRADED, 0.0)
    assert latency[1] is of_segment[1] is Verdict.INSUFFICIENT_DATA
    assert "no place to count" in latency[2]
