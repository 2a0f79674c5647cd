"""Commands on a real (SQLite) database: from training data to findings and back."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import structlog
from click.testing import CliRunner, Result

from alerts.model import AlertEvent, Labels, Severity
from monitor.bootstrap.app import open_app
from monitor.bootstrap.telling import alert_service_of
from monitor.cli.main import driftline
from monitor.config.rules_crosscheck import STANDING_TESTS
from monitor.stats.quality.constant import Constant

START = datetime(2026, 11, 1, tzinfo=UTC)
Call = Callable[..., Result]

MONITOR = """
database: {url: "sqlite:///monitor.db"}
source: {kind: files, folders: {mixed: [data]}}
http: {enabled: false}
stream: {archive: {directory: archive}}
"""
MODEL = """
model: price
task: binary
positive_label: up
window: {size: 1h}
lateness: 1m
min_records: 50
silence_after: 1h
ground_truth: {wait: 1h, min_coverage: 0.5, horizon: 1d}
training: {target: truth, exclude: [id]}
archive: true
"""
RULES = """
rules:
- name: drifted
  when: {bad: {test: psi, column: x}}
  retrain: true
"""


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command in a folder with a configuration, training data and six hours of records, the last two drifted."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"monitor.yaml": MONITOR, "models/price.yaml": MODEL, "rules/r.yaml": RULES}.items():
        path = tmp_path / "configs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    rng = np.random.default_rng(5)
    _write_training(tmp_path / "train.csv", rng)
    _write_records(tmp_path / "data", rng)

    def run(*args: str) -> Result:
        result = CliRunner().invoke(driftline, args)
        structlog.reset_defaults()
        return result

    return run


def _write_training(path: Path, rng: np.random.Generator) -> None:
    rows = [f"{i},{x:.4f},{c},up,yes" for i, (x, c) in enumerate(_values(rng, 2000, 0.0))]
    path.write_text("\n".join(["id,x,c,prediction,truth", *rows]), encoding="utf-8")


def _write_records(folder: Path, rng: np.random.Generator) -> None:
    folder.mkdir()
    for hour in range(6):
        lines = []
        for i, (x, c) in enumerate(_values(rng, 200, 3.0 if hour >= 4 else 0.0)):
            at = START + timedelta(hours=hour, seconds=18 * i)
            lines += [json.dumps(record) for record in _records(f"{hour}-{i}", at, {"x": x, "c": c})]
        (folder / f"h{hour}.jsonl").write_text("\n".join([*lines, "no json", ""]), encoding="utf-8")


def _records(event_id: str, at: datetime, features: dict[str, object]) -> list[dict[str, object]]:
    base = {"event_id": event_id, "model": "price", "model_version": "1", "event_time": at.isoformat()}
    served = {"type": "inference", "features": features, "prediction": "up"}
    return [{**base, **served}, {**base, "type": "ground_truth", "label": "up"}]


def _values(rng: np.random.Generator, n: int, shift: float) -> list[tuple[float, str]]:
    return [(float(x), str(c)) for x, c in zip(rng.normal(shift, 1, n), rng.choice(["a", "b"], n), strict=True)]


def test_history_is_judged_from_files_and_the_drifted_hours_are_found(call: Call) -> None:
    built = call("baseline", "build", "--model", "price", "--version", "1", "train.csv")
    filled = call("backfill", "--model", "price", "data", "--json")
    found = call("findings", "--model", "price", "--check", "psi(x)", "--json")

    assert built.exit_code == 0, built.output
    summary = json.loads(filled.stdout)[0]
    assert summary["model"] == "price"
    assert [t["phase"] for t in summary["transitions"]] == ["firing"]
    verdicts = {row["window"]["start"]: row["verdict"] for row in json.loads(found.stdout)}
    hours = [f"2026-11-01T{hour:02}:00:00Z" for hour in range(6)]
    assert [verdicts[hour] for hour in hours] == ["ok"] * 4 + ["drifted"] * 2


def test_a_stored_window_tells_which_columns_values_and_segments_carry_its_drift(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "configs" / "models" / "price.yaml"
    segments = "segments: [{name: first, column: c, value: a}]\n"
    path.write_text(path.read_text(encoding="utf-8") + segments, encoding="utf-8")
    call("baseline", "build", "--model", "price", "--version", "1", "train.csv")
    call("backfill", "data")
    window = ("attribution", "--model", "price", "--window")

    drifted = json.loads(call(*window, "2026-11-01T05:00Z", "--json").stdout)
    table = call(*window, "2026-11-01T05:00Z", "--html", "page.html")
    quiet = call(*window, "2026-11-01T01:00Z")
    unknown = call(*window, "2026-11-02T01:00Z")

    assert [one["column"] for one in drifted["columns"]] == ["x"]
    assert sum(one["share"] for one in drifted["columns"][0]["groups"]) == pytest.approx(1)
    [by_c] = drifted["segments"]
    assert {one["segment"] for one in by_c["segments"]} == {"first", "all other records"}
    assert sum(one["share"] for one in by_c["segments"]) == pytest.approx(1)
    assert table.stdout.startswith("what carries the drift (0.")
    assert "by c, with the changes of how much of each there is" in table.stdout
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 3
    assert "price:1, 2026-11-01T05:00:00Z" in page
    assert "attribution: none of 3 columns moved more than chance explains" in quiet.stdout
    assert "nothing of price:1 is stored for 2026-11-02T01:00:00Z" in str(unknown.exception)


def test_the_budget_says_what_to_expect_and_the_model_as_a_whole_is_judged(call: Call) -> None:
    missing = call("budget", "--model", "price")
    built = call("baseline", "build", "--model", "price", "--version", "1", "train.csv")
    call("backfill", "data")

    table = call("budget", "--model", "price")
    [report] = json.loads(call("budget", "--model", "price", "--records", "1000", "--json").stdout)
    found = json.loads(call("findings", "--model", "price", "--check", "model_drift", "--json").stdout)

    assert "make one first with `driftline baseline build`" in str(missing.exception)
    assert "note: the training data has no event times (--event-time): alarms are calibrated by theory" in built.stdout
    assert "at most 1 false alarm a month is expected of model_drift,\nin 720 windows" in table.stdout
    assert "smallest change at 200 records a window (the median of the last 6 panes):" in table.stdout
    assert {one["column"] for one in report["columns"]} == {"x", "c", "prediction"}
    assert (report["records"], report["windows_a_month"]) == (1_000, 720)
    assert [one["verdict"] for one in found] == ["ok"] * 4 + ["drifted"] * 2


def test_the_budget_speaks_of_the_rare_value_where_the_other_has_the_rest(call: Call, tmp_path: Path) -> None:
    """The share of "no" stands for both, and is 1 whatever happens."""
    rows = (tmp_path / "train.csv").read_text(encoding="utf-8").splitlines()[1:]
    fraud = [f"{row},{'fraud' if n % 111 == 0 else 'no'}" for n, row in enumerate(rows)]
    (tmp_path / "train.csv").write_text("\n".join(["id,x,c,prediction,truth,kind", *fraud]), encoding="utf-8")
    call("baseline", "build", "--model", "price", "--version", "1", "train.csv")

    table = call("budget", "--model", "price", "--records", "200")
    [report] = json.loads(call("budget", "--model", "price", "--records", "200", "--json").stdout)

    kind = next(one for one in report["columns"] if one["column"] == "kind")
    assert kind["label"] == "fraud or unseen values"
    assert 0 < kind["in_time"] < kind["at_once"] < 1
    assert 0.2 <= kind["beyond_in_time"] < kind["beyond_points"] < 20
    assert "share of fraud or unseen values" in table.stdout
    assert (
        "outside the usual range of a number, categories never seen or too rare for a share of their own"
        in table.stdout
    )


def test_training_data_with_event_times_calibrates_the_alarms(call: Call, tmp_path: Path) -> None:
    rows = (tmp_path / "train.csv").read_text(encoding="utf-8").splitlines()
    at = [START + timedelta(seconds=30 * n, hours=3 if n >= 600 else 0) for n in range(len(rows) - 1)]
    timed = [f"{row},{one.isoformat()}" for row, one in zip(rows[1:], at, strict=True)]
    (tmp_path / "timed.csv").write_text("\n".join([f"{rows[0]},at", *timed]), encoding="utf-8")
    build = ("baseline", "build", "--model", "price", "--version", "1", "timed.csv", "--event-time", "at")

    first, again = call(*build), call(*build)
    listed, bought = call("baseline", "list"), call("budget", "--model", "price")

    said = "17 windows of 1h with usually 120 rows to calibrate alarms on; 3 between them left out, with fewer than 50"
    assert said in first.stdout
    assert "17 windows, 3 left out" in listed.stdout
    assert "; 3 between them left out, with fewer than 50 rows each" in bought.stdout
    assert "theory" not in first.stdout
    assert "this baseline was there already" in again.stdout


def test_training_data_that_has_seen_most_of_a_year_says_that_it_does_not_know_its_course(
    call: Call, tmp_path: Path
) -> None:
    """17 full hours, a month apart from each other: 1.3 years."""
    rows = (tmp_path / "train.csv").read_text(encoding="utf-8").splitlines()
    at = [START + timedelta(seconds=30 * (n % 120), days=30 * (n // 120)) for n in range(len(rows) - 1)]
    timed = [f"{row},{one.isoformat()}" for row, one in zip(rows[1:], at, strict=True)]
    (tmp_path / "timed.csv").write_text("\n".join([f"{rows[0]},at", *timed]), encoding="utf-8")

    built = call("baseline", "build", "--model", "price", "--version", "1", "timed.csv", "--event-time", "at")
    bought = call("budget", "--model", "price")

    said = "the rows cover 1.3 years: a course over the year is known from 2 on, and looks like drift until then"
    assert f"note: {said}" in built.stdout
    assert said in bought.stdout


def test_a_backfill_tells_nobody_and_retrains_nothing_unless_asked(call: Call) -> None:
    call("baseline", "build", "--model", "price", "--version", "1", "train.csv")
    call("backfill", "data")

    quiet = call("retraining", "list", "--json")

    assert json.loads(quiet.stdout) == []


def test_a_backfill_with_a_check_that_cannot_be_computed_says_so_and_exits_four(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("baseline", "build", "--model", "price", "--version", "1", "train.csv")
    monkeypatch.setattr(Constant, "run", lambda *_: 1 / 0)

    done = call("backfill", "data", "--workers", "1")

    assert done.exit_code == 4
    assert "6 checks could not be computed; their findings say why" in done.stderr
    found = json.loads(call("findings", "--model", "price", "--check", "constant", "--json").stdout)
    assert {row["verdict"] for row in found} == {"failed"}
    assert "ZeroDivisionError" in found[0]["reason"]


def test_a_second_backfill_of_the_same_files_finds_nothing_new(call: Call) -> None:
    call("baseline", "build", "--model", "price", "--version", "1", "train.csv")
    call("backfill", "data")
    before = call("findings", "--model", "price", "--json").stdout

    again = call("backfill", "data", "--json")

    assert json.loads(again.stdout)[0]["windows"] == 0
    assert call("findings", "--model", "price", "--json").stdout == before


def test_a_backfill_tells_of_hours_without_records_between_others_where_they_are_expected(
    call: Call, tmp_path: Path
) -> None:
    call("baseline", "build", "--model", "price", "--version", "1", "train.csv")
    (tmp_path / "data" / "h2.jsonl").unlink()

    filled = json.loads(call("backfill", "data", "--json").stdout)[0]

    found = call("findings", "--model", "price", "--check", "silence", "--json")
    hours = {row["window"]["start"]: row["verdict"] for row in json.loads(found.stdout)}
    expected = {f"2026-11-01T{hour:02}:00:00Z": "no_data" if hour == 2 else "ok" for hour in range(6)}
    assert hours == expected
    assert filled["verdicts"]["no_data"] == 1
    assert json.loads(call("backfill", "data", "--json").stdout)[0]["windows"] == 0


def test_a_backfill_takes_no_silence_for_a_fault_of_a_model_that_does_not_expect_records(
    call: Call, tmp_path: Path
) -> None:
    path = tmp_path / "configs" / "models" / "price.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("silence_after: 1h\n", ""), encoding="utf-8")
    call("baseline", "build", "--model", "price", "--version", "1", "train.csv")
    (tmp_path / "data" / "h2.jsonl").unlink()

    filled = json.loads(call("backfill", "data", "--json").stdout)[0]

    assert "no_data" not in filled["verdicts"]


def test_worker_processes_find_what_one_process_finds(call: Call, tmp_path: Path) -> None:
    call("baseline", "build", "--model", "price", "--version", "1", "train.csv")
    clean = tmp_path / "clean.db"
    shutil.copy("monitor.db", clean)
    call("backfill", "data", "--workers", "1")
    by_one = _said(call("findings", "--model", "price", "--json"))
    for suffix in ("", "-wal", "-shm"):
        Path(f"monitor.db{suffix}").unlink(missing_ok=True)
    shutil.copy(clean, "monitor.db")

    call("backfill", "data", "--workers", "2")

    assert _said(call("findings", "--model", "price", "--json")) == by_one
    assert len(by_one) > 30


def _said(result: Result) -> list[tuple[object, ...]]:
    return [(row["id"], row["verdict"], row["statistic"]) for row in json.loads(result.stdout)]


def test_refused_records_are_listed_with_their_reason(call: Call) -> None:
    call("baseline", "build", "--model", "price", "--version", "1", "train.csv")
    call("backfill", "data")

    rows = json.loads(call("dead-letters", "list", "--json").stdout)

    assert [(row["reason"], row["value"]) for row in rows] == [("malformed_json", "no json")] * 6


def test_the_archive_is_verified_and_compacted_by_hand(call: Call, tmp_path: Path) -> None:
    call("baseline", "build", "--model", "price", "--version", "1", "train.csv")
    call("backfill", "--model", "price", "data")

    whole = call("archive", "verify")
    fewer = call("archive", "compact")
    next((tmp_path / "archive" / "price").rglob("*.parquet")).unlink()
    broken = call("archive", "verify", "--json")

    assert (whole.exit_code, fewer.exit_code, broken.exit_code) == (0, 0, 1)
    assert "files with 1,200 rows and 1 sample of training rows are whole" in whole.output
    assert "files fewer" in fewer.output
    assert [row["state"] for row in json.loads(broken.output)] == ["missing"]


def test_baselines_are_listed_shown_and_promoted_by_the_start_of_their_id(call: Call) -> None:
    built = json.loads(call("baseline", "build", "--model", "price", "--version", "2", "train.csv", "--json").stdout)

    listed = json.loads(call("baseline", "list", "--json").stdout)
    shown = json.loads(call("baseline", "show", built["id"][:8], "--json").stdout)
    promoted = call("baseline", "promote", built["id"][:8], "--from", "2026-12-01")

    assert [row["id"] for row in listed] == [built["id"]]
    assert [column["name"] for column in shown["columns"]] == ["c", "prediction", "x"]
    assert "from 2026-12-01T00:00:00Z" in promoted.output


def test_training_data_may_come_from_a_query(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sqlite3

    with sqlite3.connect(tmp_path / "t.db") as connection:
        connection.execute("create table t (id int, x real, c text, truth text)")
        connection.executemany(
            "insert into t values (?, ?, ?, ?)", [(i, i / 100, "ab"[i % 2], "no") for i in range(500)]
        )
    connection.close()
    monkeypatch.setenv("TRAINING", f"sqlite:///{tmp_path / 't.db'}")
    query = ("--sql", "select * from t", "--sql-url", "env:TRAINING")

    built = call("baseline", "build", "--model", "price", "--version", "1", *query, "--json")

    described = json.loads(built.stdout)
    assert described["rows"] == 500
    assert [column["name"] for column in described["columns"]] == ["c", "x"]
    assert described["source"] == "query: select * from t"


def test_missing_things_are_said_before_anything_is_read(call: Call) -> None:
    answers = {
        "no baseline": call("backfill", "data"),
        "unknown model": call("findings", "--model", "prise"),
        "no file": call("baseline", "build", "--model", "price", "--version", "1", "nope.csv"),
        "bad instant": call("findings", "--model", "price", "--since", "soon"),
    }

    said = {what: str(answer.exception) + answer.output for what, answer in answers.items()}
    assert "make one first with `driftline baseline build`" in said["no baseline"]
    assert "no model 'prise' is configured" in said["unknown model"]
    assert "nope.csv does not exist" in said["no file"]
    assert "'soon' is no instant" in said["bad instant"]


def test_checking_the_configuration_knows_the_columns_of_stored_baselines(call: Call) -> None:
    call("baseline", "build", "--model", "price", "--version", "1", "train.csv")
    rules = Path("configs/rules/r.yaml")
    rules.write_text(rules.read_text(encoding="utf-8").replace("column: x", "column: z"), encoding="utf-8")

    checked = call("check-config", "--strict")

    assert checked.exit_code == 2
    assert "rules/r.yaml:4: unknown column 'z': the condition never holds" in checked.output


def test_the_list_of_checks_has_every_test_with_unit_and_parameters(call: Call) -> None:
    rows = {row["name"]: row for row in json.loads(call("checks", "list", "--json").stdout)}

    assert rows["psi"]["parameters"] == "pseudo_count=0.5"
    assert rows["roc_auc"]["kind"] == "performance metric"


@pytest.mark.parametrize("name", ["ks", "f1"])
def test_the_page_of_a_check_is_shown_as_the_reference_has_it(call: Call, name: str) -> None:
    shown = call("checks", "show", name)

    assert shown.exit_code == 0
    assert shown.output.startswith("# ")
    assert f"(`{name}`)" in shown.output.splitlines()[0]


def test_a_check_that_there_is_not_is_a_mistake_with_what_was_meant(call: Call) -> None:
    refused = call("checks", "show", "kss")

    assert refused.exit_code != 0
    assert "did you mean 'ks'?" in refused.output + str(refused.exception)


def test_the_database_is_upgraded_by_hand_too(call: Call) -> None:
    upgraded = call("db", "upgrade")

    assert upgraded.exit_code == 0
    assert "sqlite:///monitor.db is at revision" in upgraded.output


def test_the_windows_command_accounts_for_every_record(call: Call) -> None:
    lines = Path("data/h0.jsonl").read_text(encoding="utf-8").splitlines()
    Path("data/h0.jsonl").write_text("\n".join([*lines, *lines[:20], ""]), encoding="utf-8")
    call("baseline", "build", "--model", "price", "--version", "1", "train.csv")
    call("backfill", "data")

    told = call("windows", "--model", "price", "--json")
    table = call("windows", "--model", "price", "--limit", "2")

    first, *_, last = json.loads(told.stdout)
    assert (first["window"], first["version"]) == ("2026-11-01T00:00:00Z/2026-11-01T01:00:00Z", "1")
    assert (first["seen"], first["counted"], first["duplicates"], first["late"]) == (210, 200, 10, 0)
    assert (first["revision"], first["coverage"], first["refused"]) == (0, None, {})
    assert first["verdicts"]["ok"] > 0
    assert last["verdicts"]["drifted"] > 0
    assert "the newest 2 of 6; --limit shows more" in table.stdout
    assert "refused meanwhile, and of no known model: 2 malformed_json" in table.stdout


def test_findings_show_the_share_of_what_was_served_where_producers_tell_it(call: Call) -> None:
    call("baseline", "build", "--model", "price", "--version", "1", "train.csv")
    call("backfill", "data")
    silent = call("findings", "--model", "price", "--check", "psi(x)")
    with sqlite3.connect("monitor.db") as connection:
        connection.execute("UPDATE findings SET document = json_set(document, '$.value.served_share', 0.9738)")

    told = call("findings", "--model", "price", "--check", "psi(x)")
    first = json.loads(call("findings", "--model", "price", "--check", "psi(x)", "--json").stdout)[0]

    assert "of served" not in silent.stdout
    assert "of served" in told.stdout
    assert told.stdout.count(" 97.3% ") == 6
    assert (first["n_current"], first["served_share"]) == (200, 0.9738)


def test_refused_messages_are_shown_and_counted_after_all_once_the_configuration_is_mended(call: Call) -> None:
    call("baseline", "build", "--model", "price", "--version", "1", "train.csv")
    path = Path("data/x.jsonl")
    path.write_text(json.dumps(_records("e1", START, {"x": 1.0})[0] | {"model": "cost"}) + "\n", encoding="utf-8")
    call("backfill", "data/x.jsonl")
    where = json.loads(call("dead-letters", "list", "--json").stdout)[0]["partition"]
    shown = call("dead-letters", "show", where, "0")
    Path("configs/models/cost.yaml").write_text(MODEL.replace("model: price", "model: cost"), encoding="utf-8")

    waiting = call("dead-letters", "list").stdout
    done = json.loads(call("dead-letters", "replay", "--json").stdout)
    again = call("dead-letters", "replay")
    (listed,) = json.loads(call("dead-letters", "list", "--json").stdout)

    assert "reason:      unknown_model" in shown.stdout
    assert '"event_id": "e1"' in shown.stdout
    assert [(row["refused_for"], row["became"]) for row in done] == [("unknown_model", "counted")]
    assert "replayed_at" not in waiting
    assert listed["replayed_at"] is not None
    assert "replayed_at" in call("dead-letters", "list").stdout
    assert again.stdout == "no refused message waits here\n"
    assert json.loads(call("windows", "--model", "cost", "--json").stdout)[0]["replayed"] == 1


def test_a_dead_letter_that_is_not_there_is_a_mistake_with_a_hint(call: Call) -> None:
    told = call("dead-letters", "show", "inference/0", "3")
    wrong = call("dead-letters", "show", "inference", "3")

    assert "no dead letter at offset 3 of inference/0" in str(told.exception)
    assert "write it like inference/0" in wrong.output


def _fire() -> None:
    """As the dispatcher would: an alert of the rule `drifted` comes in."""
    labels = Labels.of({"model": "price", "rule": "drifted"})
    with open_app(Path("configs"), {}) as app:
        service = alert_service_of(app)
        service.accept([AlertEvent(labels, {"summary": "x moved"}, Severity.WARNING, app.clock.now())])
        service.tick()


def test_a_silence_is_added_seen_in_the_record_previewed_and_ended(call: Call) -> None:
    added = call("silences", "add", "model=price", "--for", "2h", "--reason", "new version", "--author", "ann")
    _fire()
    (silence,) = json.loads(call("silences", "list", "--json").stdout)
    (alert,) = json.loads(call("alerts", "list", "--json").stdout)
    why = json.loads(call("alerts", "why-not", "rule=drifted", "--json").stdout)
    preview = call("silences", "preview", "rule=drifted")
    ended = call("silences", "end", silence["id"][:8])

    assert "0 hidden, 0 that fire are not" in added.stdout
    assert (silence["state"], silence["author"], silence["matchers"]) == ("active", "ann", ['model="price"'])
    assert alert["muted"].startswith(f"silenced: silence {silence['id'][:8]} by ann until")
    assert {row["muted"][0]["labels"]["rule"] for row in why} == {"drifted"}
    assert "1 hidden, 0 that fire are not" in preview.stdout
    assert f"silence {silence['id']} ended at" in ended.stdout
    assert call("silences", "list").stdout == "no silence is pending or active\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["add", "model=~.*", "--for", "1h", "--reason", "r"], "would silence everything"),
        (["add", "model price", "--for", "1h", "--reason", "r"], "is not a matcher; write it like"),
        (["add", "model=price", "--for", "200d", "--reason", "r"], "at most 90 days"),
        (["add", "model=price", "--reason", "r"], "either --for 2h or --until"),
        (["add", "model=price", "--for", "soon", "--reason", "r"], "is no duration"),
        (["end", "abc"], "no silence has an id that begins with 'abc'"),
    ],
)
def test_a_silence_that_cannot_be_is_refused_with_what_to_write(call: Call, arguments: list[str], says: str) -> None:
    refused = call("silences", *arguments)

    assert refused.exit_code != 0
    assert says in f"{refused.output}{refused.exception}"


def test_an_incident_is_handled_from_the_command_line_and_precision_is_counted_from_the_marks(call: Call) -> None:
    call("db", "upgrade")
    with open_app(Path("configs"), {}) as app:
        service = alert_service_of(app)
        for rule in ("noisy", "right"):
            labels = Labels.of({"alertname": rule, "model": "price"})
            service.accept([AlertEvent(labels, {"title": f"{rule} fires"}, Severity.WARNING, START)])
        service.tick(app.clock.now() + timedelta(seconds=20))

    [row] = json.loads(call("incidents", "list", "--json").stdout)
    name = row["id"][:8]
    said = call("incidents", "acknowledge", name, "--by", "ann", "--reason", "looking")
    call("incidents", "assign", name, "--to", "bob", "--by", "ann")
    call("incidents", "note", name, "the feed was late", "--by", "bob")
    call("incidents", "mark", name, "false-positive", "--by", "bob")
    twice = call("incidents", "acknowledge", name, "--by", "bob")
    resolved = json.loads(call("incidents", "resolve", name, "--by", "bob", "--json").stdout)
    shown = call("incidents", "show", name).stdout
    precision = {one["rule"]: one for one in json.loads(call("incidents", "precision", "--json").stdout)}

    assert row["title"].endswith("fires and 1 more")
    assert said.stdout.startswith(f"incident {name} is acknowledged, warning, opened at ")
    assert "is acknowledged already, by ann at" in str(twice.exception)
    assert resolved[0]["mark"] == "false_positive"
    assert "Assigned to bob by ann" in shown
    assert "Note by bob: the feed was late" in shown
    assert "alertname=noisy model=price" in shown
    assert (precision["noisy"]["precision"], precision["noisy"]["low"]) == (0.0, 0.0)
    assert round(precision["right"]["high"], 3) == 0.793
    assert "no incident is open" in call("incidents", "list").stdout
    assert "0 (0 to 0.7935)" in call("incidents", "precision").stdout
    assert "no incident has an id that begins" in str(call("incidents", "show", "zz").exception)


@pytest.mark.parametrize(("name", "parameter"), [("lift", "top: 10.0"), ("error_rate", "missing_is_ok: false")])
def test_the_page_of_a_metric_has_its_parameters_as_a_check_gives_them(call: Call, name: str, parameter: str) -> None:
    assert parameter in call("checks", "show", name).output


def test_every_name_in_the_catalogue_has_a_page_that_begins_with_it(call: Call) -> None:
    names = [row["name"] for row in json.loads(call("checks", "list", "--json").stdout)]

    missing = [name for name in names if f"(`{name}`)\n" not in call("checks", "show", name).output]

    assert missing == []
    assert {"adwin", "cusum", "change_of_accuracy", "estimate_error_mae", "estimates_disagree"} <= set(names)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("known_column", "the second table alone has it"),
        ("weak_segments", "a rule may watch it"),
        ("ValueDrift", "It needs `method`"),
        ("EmbeddingsDrift", "`driftline checks show frechet_distance`"),
    ],
)
def test_what_findings_and_comparisons_are_called_has_a_page(call: Call, name: str, said: str) -> None:
    assert said in call("checks", "show", name).output


def test_every_check_that_rules_may_name_unasked_has_a_page(call: Call) -> None:
    pages = [call("checks", "show", name).output for name in sorted(STANDING_TESTS)]

    assert [page for page in pages if not page.startswith("# ")] == []
    assert any("`max_baseline_age`" in page for page in pages)
