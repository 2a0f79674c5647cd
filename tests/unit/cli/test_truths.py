"""`driftline truths` on a real (SQLite) database: how much was said of predictions, and by whom."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

from monitor.cli.main import driftline
from monitor.cli.output import print_table

Call = Callable[..., Result]

MONITOR = """
database: {url: "sqlite:///monitor.db"}
source: {kind: files, folders: {mixed: [data]}}
http: {enabled: false}
"""
MODEL = """
model: price
task: binary
positive_label: up
window: {size: 1h}
ground_truth: {wait: 1h, horizon: 1d, name: reviewer}
"""


def _said(event_id: str, minute: int, label: str, **who: str) -> dict[str, object]:
    at = f"2026-11-01T00:{minute:02}:00Z"
    return {"type": "ground_truth", "event_id": event_id, "model": "price", "event_time": at, "label": label, **who}


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command in a folder with a configuration and some records, already read."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"monitor.yaml": MONITOR, "models/price.yaml": MODEL}.items():
        path = tmp_path / "configs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    made = {"model": "price", "model_version": "1", "features": {"x": 1}, "prediction": "up"}
    records = [
        *({"event_id": event_id, "event_time": "2026-11-01T00:01:00Z", **made} for event_id in ("a", "b")),
        _said("a", 5, "up", name="reviewer", annotator="jo"),
        _said("a", 9, "down", name="reviewer", annotator="kim"),
        _said("a", 9, "down", name="reviewer", annotator="kim"),
        _said("b", 7, "up", name="reviewer", annotator="jo"),
        _said("nobody", 7, "down"),
    ]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "all.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in records), encoding="utf-8")

    def run(*args: str) -> Result:
        result = CliRunner().invoke(driftline, args)
        structlog.reset_defaults()
        return result

    (tmp_path / "train.csv").write_text("x\n" + "".join(f"{n % 7}\n" for n in range(200)), encoding="utf-8")
    run("baseline", "build", "--model", "price", "--version", "1", "train.csv")
    run("backfill", "data")
    return run


def test_the_list_says_how_much_of_each_name_there_is_and_which_counts(call: Call) -> None:
    rows = json.loads(call("truths", "list", "--model", "price", "--json").stdout)
    table = call("truths", "list", "--model", "price").stdout

    unnamed, reviewed = rows
    assert (unnamed["name"], unnamed["counts"], unnamed["unmatched"], unnamed["annotators"]) == ("", False, 1, 0)
    assert reviewed == {
        "name": "reviewer",
        "counts": True,
        "judged_as": "price",
        "statements": 3,
        "predictions": 2,
        "unmatched": 0,
        "replaced": 1,
        "annotators": 2,
        "first_known": "2026-11-01T00:05:00Z",
        "last_known": "2026-11-01T00:09:00Z",
    }
    assert "reviewer" in table


def test_everything_that_was_said_of_a_prediction_is_shown_with_what_holds(call: Call) -> None:
    rows = json.loads(call("truths", "show", "--model", "price", "a", "--json").stdout)

    assert [(row["label"], row["annotator"], row["holds"]) for row in rows] == [
        ("up", "jo", False),
        ("down", "kim", True),
    ]
    assert "kim" in call("truths", "show", "--model", "price", "a").stdout


def test_what_is_not_there_is_said(call: Call) -> None:
    stranger = call("truths", "show", "--model", "price", "nobody else")
    mistyped = call("truths", "list", "--model", "prise")

    assert "nothing was said of 'nobody else'" in str(stranger.exception)
    assert "no model 'prise' is configured" in str(mistyped.exception)


def _backfilled_truth(folder: Path, monitor: str = MONITOR, model: str = MODEL) -> Result:
    """What a backfill of three records of ground truth says, in this working folder."""
    for name, text in {"configs/monitor.yaml": monitor, "configs/models/price.yaml": model}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "train.csv").write_text("x\n" + "".join(f"{n % 5}\n" for n in range(200)))
    (folder / "data").mkdir()
    (folder / "data" / "log.jsonl").write_text("".join(json.dumps(_said(f"e{n}", n, "up")) + "\n" for n in range(3)))
    CliRunner().invoke(driftline, ["baseline", "build", "--model", "price", "--version", "1", "train.csv"])

    return CliRunner().invoke(driftline, ["backfill", "data"], catch_exceptions=False)


def test_truth_of_a_model_that_takes_none_is_told_by_the_backfill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    done = _backfilled_truth(tmp_path, model=MODEL.replace("ground_truth:", "labels: {team: growth} #"))

    assert "3 more are ground truth of models without `ground_truth`, and were not kept" in done.stdout


@pytest.mark.parametrize(("kind", "is_said"), [("inference", True), ("mixed", False)])
def test_truth_in_a_folder_of_inference_records_is_told_by_the_backfill_that_takes_it(
    kind: str, is_said: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    done = _backfilled_truth(tmp_path, monitor=MONITOR.replace("mixed:", f"{kind}:"))

    said = (
        "3 ground truth lie in data, a folder of `inference`, where `driftline run` refuses them: name it under `mixed`"
    )
    assert "3 ground truth," in done.stdout
    assert (said in done.stdout) is is_said


def test_what_somebody_said_neither_moves_the_cursor_nor_fills_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(["label"], [["yes\x1b[2J\x00no"], ["x" * 70_000]], empty="")

    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "yes\ufffd[2J\ufffdno" in shown
    assert shown.count("x") < 6_000
    assert "(65,000 characters more; --json shows all)" in " ".join(shown.split())
