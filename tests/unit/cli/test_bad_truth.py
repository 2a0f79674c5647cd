"""Ground truth and scores that do not fit: each has its reason, nothing is lost, and no number is made up.

One history of three models on a real (SQLite) database, read once; every test looks at another part of it.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result

from monitor.cli.main import driftline

Call = Callable[..., Result]
START = datetime(2026, 11, 2, tzinfo=UTC)
STORM = 500
MONITOR = """
database: {url: "sqlite:///monitor.db"}
source: {kind: files, folders: {mixed: [data]}}
http: {enabled: false}
stream: {dead_letters: {stop_after: 0}}
"""
REST = """
window: {size: 1d}
lateness: 1m
silence_after: 1h
min_records: 20
propose_checks: true
ground_truth: {wait: 1h, min_coverage: 0.5, horizon: 2d}
"""
MODELS = {
    "churn": "model: churn\ntask: binary\npositive_label: yes_\n",
    "kind": "model: kind\ntask: multiclass\n",
    "price": "model: price\ntask: regression\n",
}
WRONG_LABELS: dict[str, tuple[object, str]] = {
    "null": (None, "missing_field"),
    "NaN": (math.nan, "missing_field"),
    "a list": (["yes_"], "wrong_type"),
    "an object": ({"yes_": 1}, "wrong_type"),
}


def _made(model: str, n: int, day: int = 0, **said: object) -> dict[str, object]:
    at = (START + timedelta(days=day, minutes=10 * n)).isoformat()
    one = {"event_id": f"{model}-{day}-{n}", "model": model, "model_version": "1", "event_time": at}
    return {**one, "features": {"x": n % 5}, **said}


def _known(model: str, n: object, label: object, day: int = 0, minutes: float = 1_441, **who: str) -> dict[str, object]:
    at = (START + timedelta(days=day, minutes=minutes)).isoformat()
    one = {"type": "ground_truth", "event_id": f"{model}-{day}-{n}", "model": model, "event_time": at}
    return {**one, "label": label, **who}


def _churn() -> Iterator[Mapping[str, object]]:
    """Day 0: both classes, three scores that are no probability. Day 1: one class only, ten such scores of 100."""
    for day, odd in ((0, 3), (1, 10)):
        for n in range(100):
            score = (1.5 if n % 2 else -0.5) if n < odd else (n % 10) / 10
            yield _made("churn", n, day, prediction="yes_" if n % 3 else "no", score=score)
            yield _known("churn", n, "no" if day else "yes_" if n % 2 else "no", day)
    yield from (_known("churn", "nobody", "yes_") for _ in range(STORM))
    yield from (_known("churn", f"stranger-{n}", "yes_") for n in range(50))
    yield from (_known("churn", 7, "no" if n % 2 else "yes_", minutes=1_442 + n / 1e3) for n in range(STORM))
    yield from (_known("churn", 8, "never", minutes=1_500) for _ in range(STORM))
    yield _known("churn", 9, "yes_", minutes=-60)
    yield from (_known("churn", 10, label) for label, _ in WRONG_LABELS.values())


def _kind() -> Iterator[Mapping[str, object]]:
    for n in range(100):
        right, other = ("a", "b") if n % 2 else ("b", "a")
        scores = {right: 0.7, other: 0.7} if n < 4 else {right: 0.6, other: 0.3, "c": 0.1}
        yield _made("kind", n, prediction=right, scores=scores)
        yield _known("kind", n, "z" if n == 50 else right)


def _price() -> Iterator[Mapping[str, object]]:
    for n in range(100):
        yield _made("price", n, prediction=math.inf if n == 5 else 10 + n % 3)
        yield _known("price", n, "dear" if n == 6 else 0 if n == 7 else -1e308 if n == 8 else 11)


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Call:
    """Run a command in the folder of the history."""
    folder = tmp_path_factory.mktemp("truth")
    (folder / "configs" / "models").mkdir(parents=True)
    (folder / "configs" / "monitor.yaml").write_text(MONITOR)
    for name, text in MODELS.items():
        (folder / "configs" / "models" / f"{name}.yaml").write_text(text + REST)
    (folder / "train.csv").write_text("x\n" + "".join(f"{n % 5}\n" for n in range(200)))
    ends = [_made(model, 0, 6, prediction=None) for model in MODELS]
    lines = [json.dumps(one) for one in (*_churn(), *_kind(), *_price(), *ends)]
    lines.sort(key=lambda line: json.loads(line)["event_time"])
    (folder / "data").mkdir()
    (folder / "data" / "all.jsonl").write_text("\n".join(lines) + "\n")

    def run(*args: str) -> Result:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            result = CliRunner().invoke(driftline, args)
        structlog.reset_defaults()
        return result

    for model in MODELS:
        run("baseline", "build", "--model", model, "--version", "1", "train.csv")
    filled = run("backfill", "data")
    assert filled.exit_code == 0, filled.output
    return run


def found(call: Call, model: str, day: int = 0) -> dict[str, dict[str, Any]]:
    rows = json.loads(call("findings", "--model", model, "--json").stdout)
    start = (START + timedelta(days=day)).isoformat().replace("+00:00", "Z")
    return {row["test"]: row for row in rows if row["window"]["start"] == start}


def test_truth_for_ids_that_nobody_predicted_is_kept_and_counted_however_often_it_comes(call: Call) -> None:
    [row] = json.loads(call("truths", "list", "--model", "churn", "--json").stdout)

    assert row["unmatched"] == 51
    assert row["predictions"] == 200 + 51


def test_a_storm_of_the_same_statement_is_one_and_of_different_ones_the_last_known_holds(call: Call) -> None:
    same = json.loads(call("truths", "show", "--model", "churn", "churn-0-8", "--json").stdout)
    turning = json.loads(call("truths", "show", "--model", "churn", "churn-0-7", "--json").stdout)

    assert [(row["label"], row["holds"]) for row in same] == [("no", False), ("never", True)]
    assert [row["label"] for row in turning if row["holds"]] == ["no"]
    assert len(turning) == STORM + 1


def test_truth_before_its_prediction_counts_and_is_said(call: Call) -> None:
    coverage = found(call, "churn")["truth_coverage"]

    assert coverage["detail"]["known_before_prediction"] == 1
    assert "1 claim to have been known before the prediction was made: look at the clocks" in coverage["reason"]


def test_a_class_that_was_never_predicted_counts_as_wrong_and_is_named(call: Call) -> None:
    checks = found(call, "churn")

    assert "true, but never predicted: 'never' (1)" in checks["truth_coverage"]["reason"]
    assert checks["accuracy"]["detail"]["labels"] == ["never", "no", "yes_"]
    assert sum(checks["accuracy"]["detail"]["confusion"][0]) == 1


@pytest.mark.parametrize("name", WRONG_LABELS)
def test_a_label_of_a_wrong_type_is_a_dead_letter_with_its_reason(call: Call, name: str) -> None:
    letters = json.loads(call("dead-letters", "list", "--json").stdout)

    assert len(letters) == len(WRONG_LABELS)
    assert sum(letter["reason"] == WRONG_LABELS[name][1] for letter in letters) == 2
    assert all("label" in letter["detail"] for letter in letters)


def test_a_few_scores_that_are_no_probabilities_are_put_aside_and_more_are_no_basis(call: Call) -> None:
    few, many = (found(call, "churn", day)["brier"] for day in (0, 1))

    assert (few["verdict"], few["n_current"]) == ("ok", 97)
    assert "3 of 100 have a score outside [0, 1], such as -0.5, and are put aside" in few["reason"]
    assert (many["verdict"], many["statistic"]) == ("insufficient_data", None)
    assert "10 of 100 have a score outside [0, 1]" in many["reason"]


def test_a_window_of_one_class_has_no_number_where_two_are_needed_and_says_so(call: Call) -> None:
    checks = found(call, "churn", 1)

    for name in ("roc_auc", "pr_auc", "recall", "mcc"):
        assert (checks[name]["verdict"], checks[name]["statistic"]) == ("insufficient_data", None), name
        assert "every truth is 'no': there is one class only" in checks[name]["reason"], name
    assert checks["accuracy"]["verdict"] == "ok"


def test_class_scores_that_do_not_sum_to_one_are_put_aside_and_quoted(call: Call) -> None:
    checks = found(call, "kind")

    assert "4 of 100 have scores that do not sum to one, such as 1.4" in checks["roc_auc"]["reason"]
    assert "1 of 100 have a truth that no score is about, such as 'z'" in checks["roc_auc"]["reason"]
    assert checks["roc_auc"]["n_current"] == 95


def test_errors_without_end_are_put_aside_and_a_percentage_of_nothing_is_none(call: Call) -> None:
    checks = found(call, "price")

    assert (checks["mae"]["verdict"], checks["mae"]["n_current"]) == ("ok", 97)
    assert "3 of 100 are no finite numbers (prediction 'inf', truth 'dear')" in checks["mae"]["reason"]
    assert (checks["mape"]["verdict"], checks["mape"]["statistic"]) == ("insufficient_data", None)
    assert "1 of 97 truths are zero, where a percentage is infinite: smape is defined there" in checks["mape"]["reason"]


@pytest.mark.parametrize("model", MODELS)
def test_no_finding_has_a_number_that_is_none(call: Call, model: str) -> None:
    shown = call("findings", "--model", model, "--json").stdout
    numbers = [row[key] for row in json.loads(shown) for key in ("statistic", "low", "high") if row[key] is not None]

    assert numbers
    assert all(map(math.isfinite, numbers))
    assert not {"NaN", "Infinity"} & set(shown.replace(",", " ").split())


def test_a_confusion_matrix_is_shown_by_the_command_line(call: Call) -> None:
    shown = call("findings", "--model", "churn", "--check", "accuracy", "--details", "--until", "2026-11-03").stdout

    _, table = shown.split("2026-11-02T00:00:00Z accuracy(ground_truth), version 1\n")
    rows = [line.split() for line in table.splitlines()]
    assert rows[0] == ["truth", "\\", "predicted", "never", "no", "yes_"]
    assert rows[1] == ["never", "0", "0", "1"]
    assert sum(int(cell) for row in rows[1:4] for cell in row[1:]) == 100
