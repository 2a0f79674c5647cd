"""What a user sees of records that cannot be counted, and of windows and baselines with little in them.

Real commands on a real (SQLite) database: records of a file go through `backfill`, the outcome is what commands say.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from monitor.cli.main import driftline
from monitor.domain.errors import BaselineError
from monitor.stream.dead_letter_limit import TooManyDeadLetters

START = datetime(2026, 11, 2, tzinfo=UTC)
Call = Callable[..., Result]
Records = list[Mapping[str, object] | bytes]

MONITOR = """
database: {url: "sqlite:///monitor.db"}
source: {kind: files, folders: {inference: [data]}}
http: {enabled: false}
stream: {dead_letters: {value_bytes: 64B, stop_after: 50}}
"""
MODEL = """
model: churn
window: {size: 1h}
lateness: 1m
min_records: 20
"""


def record(number: int, at: datetime | str | float, **changes: object) -> dict[str, object]:
    features = {"amount": 50.0 + number % 7, "constant": 7, "empty": None}
    stated = at.isoformat() if isinstance(at, datetime) else at
    return {
        "event_id": f"e{number}", "model": "churn", "model_version": "1", "event_time": stated, "features": features,
    } | changes  # fmt: skip


def hour(number: int, n: int = 60) -> Records:
    return [record(1000 * number + i, START + timedelta(hours=number, seconds=i)) for i in range(n)]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command in a folder with a configuration and training data; one column is constant, one is empty."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"monitor.yaml": MONITOR, "models/churn.yaml": MODEL}.items():
        (tmp_path / "configs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "configs" / name).write_text(text)
    rng = np.random.default_rng(3)
    rows = "".join(f"{50 + amount:.3f},7,\n" for amount in rng.integers(0, 7, 2000))
    (tmp_path / "train.csv").write_text("amount,constant,empty\n" + rows)

    def run(*args: str) -> Result:
        return CliRunner().invoke(driftline, args)

    built = run("baseline", "build", "--model", "churn", "--version", "1", "train.csv")
    assert built.exit_code == 0, built.output
    return run


def feed(call: Call, folder: Path, records: Records, name: str = "records") -> Result:
    lines = [r if isinstance(r, bytes) else json.dumps(r).encode() for r in records]
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / f"{name}.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    return call("backfill", "--model", "churn", "data")


def findings(call: Call) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = json.loads(call("findings", "--model", "churn", "--json").stdout)
    return shown


def letters(call: Call) -> list[dict[str, object]]:
    shown: list[dict[str, object]] = json.loads(call("dead-letters", "list", "--json").stdout)
    return shown


def counted(call: Call) -> int:
    """Records in judged windows."""
    return sum(int(str(f["n_current"])) for f in findings(call) if str(f["check"]) == "missing_rate(amount)")


BAD: dict[str, tuple[Mapping[str, object] | bytes, str, str]] = {
    "cut off": (b'{"event_id": "x", "model": ', "malformed_json", "cut off after 27 bytes"),
    "no JSON": (b"hello", "malformed_json", "Expecting value"),
    "no UTF-8": (b"\xff\xfe", "malformed_json", "not UTF-8: invalid start byte at byte 0"),
    "nested": (b"[" * 100_000, "malformed_json", "nested too deeply"),
    "array": (b"[1, 2]", "not_an_object", "expected an object, got an array"),
    "no id": (record(1, START, event_id=None), "missing_field", "event_id is absent, null or empty"),
    "number as id": (record(1, START, event_id=5), "wrong_type", "event_id: expected text, got a number"),
    "list of features": (record(1, START, features=[1]), "wrong_type", "features: expected an object, got an array"),
    "unknown model": (record(1, START, model="churm"), "unknown_model", "'churm' is not configured: give it a file"),
    "NaN as time": (record(1, float("nan")), "bad_event_time", "event_time nan is no instant"),
    "words as time": (record(1, "yesterday"), "bad_event_time", "write it like 2026-11-01T10:00Z"),
    "1970": (record(1, "1970-01-01T00:00:00Z"), "too_late", "out of retention"),
    "10 MB": (record(1, START, metadata="x" * 10_000_000), "too_large", "bytes; at most 1,048,576 are read"),
}


def test_every_bad_record_is_kept_with_a_sentence_and_the_good_ones_around_it_count(call: Call, tmp_path: Path) -> None:
    between = [one for i, (bad, _, _) in enumerate(BAD.values()) for one in (record(9_000 + i, START), bad)]

    done = feed(call, tmp_path, [*hour(0), *between, *hour(1)])

    assert done.exit_code == 0, done.output
    kept = {str(letter["detail"]): letter for letter in letters(call)}
    for name, (_, reason, sentence) in BAD.items():
        found = [letter for detail, letter in kept.items() if sentence in detail and letter["reason"] == reason]
        assert found, (name, list(kept))
        assert all(len(str(letter["value"])) <= 64 for letter in found), name
    assert len(letters(call)) == len(BAD)
    assert counted(call) == 60 + len(BAD) + 60


def test_a_value_that_is_no_number_costs_its_column_and_not_the_record(call: Call, tmp_path: Path) -> None:
    odd = [float("nan"), float("inf"), float("-inf"), "12", True, [1], None]
    records = [record(i, START + timedelta(seconds=i), features={"amount": odd[i % 7]}) for i in range(70)]

    done = feed(call, tmp_path, [*records, *hour(1)])

    assert done.exit_code == 0, done.output
    assert letters(call) == []
    missing = [f for f in findings(call) if f["check"] == "missing_rate(amount)"]
    assert [f["n_current"] for f in missing] == [70, 60]
    assert [f["verdict"] for f in missing] == ["drifted", "ok"]


def test_a_clock_that_jumps_back_is_late_and_one_that_runs_ahead_closes_no_window(call: Call, tmp_path: Path) -> None:
    back = [record(5000 + i, START + timedelta(minutes=30, seconds=i)) for i in range(30)]

    done = feed(call, tmp_path, [*hour(0), *hour(1), *back, *hour(2)])

    assert done.exit_code == 0, done.output
    assert counted(call) == 60 + 30 + 60 + 60


def test_nonsense_without_end_stops_reading_with_a_sentence_that_says_how_to_go_on(call: Call, tmp_path: Path) -> None:
    done = feed(call, tmp_path, [*hour(0), *([b"nonsense"] * 60)])

    assert isinstance(done.exception, TooManyDeadLetters)
    assert "60 records in a row were refused, most recently: malformed_json at offset" in str(done.exception)
    assert "raise `stream.dead_letters.stop_after` in monitor.yaml (0: never stop)" in str(done.exception)


def test_a_window_of_one_record_and_an_empty_one_are_not_judged_on_that(call: Call, tmp_path: Path) -> None:
    feed(call, tmp_path, [*hour(0), *hour(1, 1), *hour(3)])

    seen = [f for f in findings(call) if f["check"] == "psi(amount)"]

    assert [(f["n_current"], f["verdict"]) for f in seen] == [(60, "ok"), (1, "insufficient_data"), (60, "ok")]
    assert "at least 20 are needed" in str(seen[1]["reason"])


def test_a_constant_feature_and_one_that_is_always_missing_are_judged_without_a_failure(
    call: Call, tmp_path: Path
) -> None:
    filled = [{**r, "features": {"amount": 51, "constant": 8, "empty": 3}} for r in hour(1) if isinstance(r, dict)]

    feed(call, tmp_path, [*hour(0), *filled, *hour(2)])

    verdicts = {(str(f["window"]["start"])[:13], str(f["check"])): f["verdict"] for f in findings(call)}
    assert Counter(verdicts.values())["failed"] == 0
    assert verdicts["2026-11-02T00", "psi(constant)"] == "ok"
    assert verdicts["2026-11-02T01", "psi(constant)"] == "drifted"
    assert verdicts["2026-11-02T00", "missing_rate(empty)"] == "ok"


def test_a_baseline_with_other_columns_judges_what_both_have_and_misses_what_only_it_has(
    call: Call, tmp_path: Path
) -> None:
    rows = "".join(f"{50 + i % 7},{i % 5}\n" for i in range(2000))
    (tmp_path / "other.csv").write_text("amount,unheard_of\n" + rows)
    call("baseline", "build", "--model", "churn", "--version", "2", "other.csv")

    feed(call, tmp_path, [{**r, "model_version": "2"} for r in (*hour(0), *hour(1)) if isinstance(r, dict)])

    seen = {str(f["check"]): f["verdict"] for f in findings(call)}
    assert seen["missing_rate(unheard_of)"] == "drifted"
    assert seen["psi(amount)"] == "ok"
    assert "psi(constant)" not in seen


def test_a_second_baseline_for_a_version_is_refused_with_the_way_out(call: Call, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("amount\n" + "50\n51\n52\n53\n" * 200)
    before = call("baseline", "list", "--json").stdout

    second = call("baseline", "build", "--model", "churn", "--version", "1", "other.csv")

    assert isinstance(second.exception, BaselineError)
    assert "churn:1 already has the baseline" in str(second.exception)
    assert "a version of its own" in str(second.exception)
    assert call("baseline", "list", "--json").stdout == before
