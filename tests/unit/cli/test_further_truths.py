"""Several truths of one model, judged side by side: from a configuration and records to what people see."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

from monitor.bootstrap.app import open_app
from monitor.cli.main import driftline
from monitor.domain.models import ModelRef

Call = Callable[..., Result]
START = datetime(2026, 11, 1, tzinfo=UTC)
ROWS = 100

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
min_records: 20
ground_truth: {wait: 1h, min_coverage: 0.5, horizon: 1d}
truths:
  reviewer:
    wait: 2h
    min_coverage: 0.2
    horizon: 1d
    checks: [{test: accuracy, threshold: {drifted: 0.8}}]
  thumb:
    wait: 1h
    min_coverage: 0.1
    horizon: 1d
    propose_checks: false
    checks: [{test: approval, threshold: {drifted: 0.7}}]
"""
RULES = """
rules:
- {name: worse, models: [loans], when: {bad: {test: accuracy}}}
- {name: reviewers-disagree, models: [loans.reviewer], when: {bad: {test: accuracy}}, retrain: true}
- {name: thumbs-down, models: [loans.thumb], when: {bad: {test: approval}}}
- {name: little-said, models: [loans.reviewer], when: {bad: {test: truth_coverage}}}
"""


def made(hour: int) -> Iterator[dict[str, object]]:
    """Predictions of an hour: truth says that all are right; reviewers, of every fourth, that half are, from 2 on."""
    for place in range(ROWS):
        at = START + timedelta(hours=hour, seconds=30 * place)
        about = {"event_id": f"{hour}-{place}", "model": "loans", "model_version": "1", "event_time": at.isoformat()}
        said = "bad" if place % 2 else "good"
        yield {**about, "type": "inference", "features": {"income": place % 7}, "prediction": said, "score": 0.5}
        told = {**about, "type": "ground_truth"}
        yield {**told, "label": said}
        if place % 4 == 0:
            yield {**told, "label": "good" if hour < 2 or place % 8 else "bad", "name": "reviewer", "annotator": "r-1"}
        if place % 5 == 0:
            yield {**told, "label": "up" if hour < 2 else "down", "name": "thumb"}


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command in a folder with a configuration and five hours of records, already judged."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"monitor.yaml": MONITOR, "models/loans.yaml": MODEL, "rules/r.yaml": RULES}.items():
        path = tmp_path / "configs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    rows = [f"{n % 7},{'bad' if n % 2 else 'good'},0.5" for n in range(400)]
    (tmp_path / "train.csv").write_text("\n".join(["income,prediction,score", *rows]), encoding="utf-8")
    tell(tmp_path / "data" / "all.jsonl", [one for hour in range(5) for one in made(hour)])

    def run(*args: str) -> Result:
        result = CliRunner().invoke(driftline, args)
        structlog.reset_defaults()
        return result

    built = run("baseline", "build", "--model", "loans", "--version", "1", "train.csv")
    filled = run("backfill", "--tell", "--workers", "1", "data")
    assert (built.exit_code, filled.exit_code) == (0, 0), built.output + filled.output
    return run


def tell(path: Path, records: list[dict[str, object]]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{json.dumps(one)}\n" for one in records), encoding="utf-8")


def shown(call: Call, model: str, check: str) -> list[tuple[str, float, int]]:
    rows = json.loads(call("findings", "--model", model, "--check", check, "--json").stdout)
    return [(row["verdict"], row["statistic"], row["revision"]) for row in rows]


def told() -> list[tuple[str, str]]:
    """Rule and model of what people are told of, once each."""
    with open_app(Path("configs"), {}) as app:
        events = [event for _, event in app.stores.outbox.pending(100)]
    return sorted({(event.labels["alertname"], event.labels["model"]) for event in events})


def test_each_truth_of_a_model_has_its_own_windows_metrics_coverage_and_alerts(call: Call) -> None:
    of_truth, of_reviewers = shown(call, "loans", "accuracy"), shown(call, "loans.reviewer", "accuracy")

    assert [(verdict, value) for verdict, value, _ in of_truth] == [("ok", 1.0)] * 5
    assert [(verdict, value) for verdict, value, _ in of_reviewers] == [("ok", 1.0)] * 2 + [("degraded", 0.48)] * 3
    assert [value for _, value, _ in shown(call, "loans.reviewer", "truth_coverage")] == [0.25] * 5
    assert [value for _, value, _ in shown(call, "loans.thumb", "approval")] == [1.0] * 2 + [0.0] * 3
    assert told() == [("reviewers-disagree", "loans.reviewer"), ("thumbs-down", "loans.thumb")]


def test_predictions_are_counted_once_however_many_truths_judge_them(call: Call) -> None:
    windows = json.loads(call("windows", "--model", "loans", "--json").stdout)

    with open_app(Path("configs"), {}) as app:
        stored = app.stores.windows.predictions_count
        counts = {
            name: sum(pane.counted for pane in app.stores.accounts.accounts(name, 0, 1 << 53))
            for name in app.settings.judged
        }
        assert [stored(ModelRef(name, "1"), 0, 1 << 53) for name in counts] == [500, 0, 0]
    assert counts == {"loans": 500, "loans.reviewer": 0, "loans.thumb": 0}
    assert len(windows) == 5


def test_later_statements_raise_the_revision_of_their_truth_alone_and_withdraw_its_alert(call: Call) -> None:
    before = shown(call, "loans", "accuracy"), shown(call, "loans.thumb", "approval")
    corrected = [
        {**one, "event_time": "2026-11-01T07:00:00Z", "label": "good"}
        for hour in range(2, 5)
        for one in made(hour)
        if one.get("name") == "reviewer"
    ]
    tell(Path("data/corrections.jsonl"), corrected)

    call("backfill", "--tell", "--workers", "1", "data")

    assert shown(call, "loans.reviewer", "accuracy") == [("ok", 1.0, 0)] * 2 + [("ok", 1.0, 1)] * 3
    assert (shown(call, "loans", "accuracy"), shown(call, "loans.thumb", "approval")) == before
    with open_app(Path("configs"), {}) as app:
        last = [one for _, one in app.stores.outbox.pending(100) if one.labels["model"] == "loans.reviewer"][-1]
    assert last.ends_at is not None
    assert "truth that came since does not bear it out" in repr(last)


def test_a_rule_on_a_further_truth_asks_for_no_retraining_and_check_config_says_so(call: Call) -> None:
    warned = call("check-config").output

    with open_app(Path("configs"), {}) as app:
        assert app.stores.jobs.jobs() == []
    assert "configs/rules/r.yaml:4: rule 'reviewers-disagree' asks for retraining, but no model" in warned


def test_drift_is_refused_where_only_truth_is_judged(call: Call) -> None:
    rules = RULES.replace("{test: approval}", "{test: psi}")
    Path("configs/rules/r.yaml").write_text(rules, encoding="utf-8")

    said = call("check-config").output

    assert "configs/rules/r.yaml:5: psi is not told by truth, and loans.thumb is judged by nothing else" in said


def test_a_further_truth_and_a_model_cannot_have_the_same_name(call: Call) -> None:
    named = "model: loans.thumb\nwindow: {size: 1h}\n"
    Path("configs/models/thumb.yaml").write_text(named, encoding="utf-8")

    said = call("check-config").output

    assert "configs/models/loans.yaml:15: model 'loans.thumb' is defined twice (first in thumb.yaml:1)" in said


def test_what_is_known_of_a_further_truth_is_shown_by_the_commands_that_show_the_model(call: Call) -> None:
    table = call("performance", "--model", "loans.thumb").stdout
    explained = call("rules", "explain", "loans.thumb", "thumbs-down").stdout
    past = call("rules", "backtest").stdout
    kinds = json.loads(call("truths", "list", "--model", "loans", "--json").stdout)

    assert "approval" in table
    assert "approval(ground_truth)" in explained
    assert "loans.reviewer: 5 judged windows" in past
    assert [(one["name"], one["counts"], one["judged_as"]) for one in kinds] == [
        ("", True, "loans"),
        ("reviewer", False, "loans.reviewer"),
        ("thumb", False, "loans.thumb"),
    ]


def test_a_thumb_is_not_asked_why_it_is_no_class(call: Call) -> None:
    rows = json.loads(call("findings", "--model", "loans.thumb", "--check", "truth_coverage", "--json").stdout)

    assert not any("was ever predicted" in row["reason"] for row in rows)


def test_the_page_of_a_further_truth_has_its_metrics_and_a_matrix_at_the_chosen_threshold(call: Call) -> None:
    command = ("performance", "--model", "loans.reviewer", "--since", "2026-11-01T02:00Z", "--html", "page.html")

    asked = call(*command, "--threshold", "0.5")

    page = Path("page.html").read_text(encoding="utf-8")
    assert (asked.exit_code, "wrote page.html" in asked.output) == (0, True)
    assert ">Confusion matrix of loans.reviewer:1, bad predicted from a score of 0.5 on<" in page
    cells = re.findall(r'font-size="11">(\d+)</text>', page)
    assert cells == ["0", "36", "0", "39"]  # every score is 0.5; truth: 12 good and 13 bad of 25 an hour
    assert call(*command, "--threshold", "0.6").exit_code == 0
    assert re.findall(r'font-size="11">(\d+)</text>', Path("page.html").read_text()) == ["36", "0", "39", "0"]


def test_a_threshold_that_cannot_be_set_is_refused_with_the_reason(call: Call) -> None:
    alone = call("performance", "--model", "loans", "--threshold", "0.5")
    Path("configs/models/loans.yaml").write_text(MODEL.replace("task: binary\npositive_label: bad\n", ""))
    without = call("performance", "--model", "loans", "--threshold", "0.5", "--confusion", "matrix.svg")

    assert "ask for it by --confusion or --html" in alone.output
    assert "loans is no binary model with `positive_label`" in without.output


def test_a_label_that_is_no_class_is_told_beside_every_metric_that_counts_it(call: Call) -> None:
    odd = {"type": "ground_truth", "model": "loans", "event_time": "2026-11-01T07:00:00Z", "label": "goood"}
    tell(Path("data/odd.jsonl"), [{**odd, "event_id": f"0-{place}"} for place in range(6)])
    call("backfill", "--workers", "1", "data")

    rows = json.loads(call("findings", "--model", "loans", "--check", "recall", "--json").stdout)

    told = "6 truths are no label that was ever predicted, counted as not 'bad': 'goood' (6)"
    assert [told in row["reason"] for row in rows] == [True, False, False, False, False]
    assert rows[0]["revision"] == 1


def test_an_unknown_check_is_answered_with_the_nearest_one(call: Call) -> None:
    by_test = call("findings", "--model", "loans", "--check", "accurcy")
    by_name = call("findings", "--model", "loans", "--check", "psi(incom)")
    known = call("findings", "--model", "loans", "--check", "rouge_l")

    assert "no finding is of 'accurcy': did you mean 'accuracy'?" in by_test.output
    assert "no finding is of 'psi(incom)': did you mean 'psi(income)'?" in by_name.output
    assert "did you mean" not in known.output
