"""Fairness and found segments by the command line: kept rows of a real (SQLite) database, counted again by hand."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import structlog
from click.testing import CliRunner, Result

from monitor.bootstrap.app import open_app
from monitor.cli.main import driftline
from monitor.domain.findings import EvaluationKind, Finding, Verdict

Call = Callable[..., Result]
START = datetime(2026, 11, 1, tzinfo=UTC)
SPAN = ("--since", "2026-11-01", "--until", "2026-11-02")
MONITOR = """
database: {url: "sqlite:///monitor.db"}
source: {kind: files, folders: {mixed: [data]}}
http: {enabled: false}
stream: {archive: {directory: archive}}
"""
MODEL = """
model: credit
task: binary
positive_label: yes_please
window: {size: 1d}
lateness: 1m
silence_after: 1h
alarm_budget: off
propose_checks: false
segments:
  - {name: women, column: sex, value: f}
  - {name: men, column: sex, value: m}
  - {name: others, column: sex, value: x}
fairness: {features: [sex, race]}
checks:
  - {test: accuracy, threshold: {drifted: 0.82}}
  - {test: tpr_difference, columns: [sex], threshold: {drifted: 0.1}}
ground_truth: {wait: 1h, min_coverage: 0.5, horizon: 1d}
training: {target: truth}
archive: true
"""
KEPT = "those of 2026-11-01T00:00:00Z to 2026-11-02T00:00:00Z are: ask for a time within"
SEGMENTS_OF_RACE = "  - {name: a, column: race, value: A}\n  - {name: b, column: race, value: B}\n"
N = 3_000


def people() -> Iterator[dict[str, object]]:
    """Women are chosen less and missed more; in the north the old are told wrong more often."""
    random = np.random.default_rng(11)
    for _ in range(N):
        sex = str(random.choice(["f", "m", "x", ""], p=[0.45, 0.5, 0.005, 0.045]))
        race, region, age = (
            str(random.choice(["A", "B"])),
            str(random.choice(["north", "south"])),
            int(random.integers(20, 80)),
        )
        truth = random.random() < 0.5
        weak = 0.3 if region == "north" and age >= 60 else 0.0
        wrong = random.random() < 0.1 + weak
        missed = sex == "f" and bool(truth) and random.random() < 0.5
        said = (truth ^ wrong) and not missed
        yield {
            "sex": sex or None, "race": race, "region": region, "age": age,
            "prediction": "yes_please" if said else "no", "truth": "yes_please" if truth else "no",
            "score": round(float(random.random()), 4),
        }  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which one day was read and judged."""
    folder = tmp_path_factory.mktemp("credit")
    (folder / "configs" / "models").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / "configs" / "monitor.yaml").write_text(MONITOR)
    (folder / "configs" / "models" / "credit.yaml").write_text(
        MODEL.replace("fairness:", f"{SEGMENTS_OF_RACE}fairness:")
    )
    rows, lines = list(people()), []
    names = ["sex", "race", "region", "age"]
    with (folder / "train.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*names, "prediction", "score", "truth"])
        writer.writeheader()
        writer.writerows(rows)
    for k, row in enumerate(rows):
        at = START + timedelta(seconds=20 * k)
        about = {"event_id": f"e{k}", "model": "credit", "event_time": at.isoformat()}
        said = {name: row[name] for name in ("prediction", "score")}
        lines.append({**about, "model_version": "1", "features": {name: row[name] for name in names}, **said})
        later = (at + timedelta(hours=1)).isoformat()
        lines.append({**about, "type": "ground_truth", "event_time": later, "label": row["truth"]})
    (folder / "data" / "day.jsonl").write_text("\n".join(map(json.dumps, lines)))
    for words in (
        ["baseline", "build", "--model", "credit", "--version", "1", "train.csv"],
        ["backfill", "data", "--workers", "1"],
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            result = CliRunner().invoke(driftline, words, catch_exceptions=False)
        structlog.reset_defaults()
        assert result.exit_code in {0, 4}, result.output
    return folder


@pytest.fixture
def call(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.chdir(folder)

    def run(*words: str) -> Result:
        result = CliRunner().invoke(driftline, words)
        structlog.reset_defaults()
        return result

    return run


def findings(folder: Path) -> Mapping[str, Finding]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with open_app(folder / "configs", {}) as app:
            found = app.stores.evaluations.findings("credit")
    return {one.check.name: one for one in found}


def selected(*by: str) -> tuple[Counter[tuple[object, ...]], Counter[tuple[object, ...]]]:
    """How many people, and how many chosen, by group."""
    everybody: Counter[tuple[object, ...]] = Counter()
    chosen: Counter[tuple[object, ...]] = Counter()
    for row in people():
        group = tuple(row[name] for name in by)
        everybody[group] += 1
        chosen[group] += row["prediction"] == "yes_please"
    return everybody, chosen


def test_the_window_is_judged_by_the_groups_of_its_segments(folder: Path) -> None:
    found = findings(folder)

    everybody, chosen = selected("sex")
    ratio, parity = found["impact_ratio(sex)"], found["demographic_parity_difference(sex)"]
    women, men = (chosen[one,] / everybody[one,] for one in ("f", "m"))
    assert ratio.result is not None
    assert parity.result is not None
    assert ratio.result.statistic == pytest.approx(women / men)
    assert (ratio.verdict, ratio.kind) == (Verdict.DEGRADED, EvaluationKind.DRIFT)
    assert f"not compared: others has {everybody['x',]} records, fewer than 30" in ratio.reason
    assert f"{everybody[None,]} records of no declared group" in ratio.reason
    assert parity.result.statistic == pytest.approx(men - women)
    assert parity.verdict is Verdict.OK
    assert "no limit is set" in parity.reason
    assert found["impact_ratio(race)"].verdict is Verdict.OK


def test_equalised_odds_are_judged_when_the_truth_has_come(folder: Path) -> None:
    found = findings(folder)

    missed, wrongly = found["tpr_difference(sex)"], found["fpr_difference(sex)"]
    rows = [row for row in people() if row["truth"] == "yes_please"]
    rates = {
        sex: np.mean([row["prediction"] == "yes_please" for row in rows if row["sex"] == sex]) for sex in ("f", "m")
    }
    assert missed.result is not None
    assert missed.result.statistic == pytest.approx(rates["m"] - rates["f"])
    assert (missed.verdict, missed.kind) == (Verdict.DEGRADED, EvaluationKind.PERFORMANCE)
    assert missed.reason.startswith("tpr_difference(sex) = ")
    assert "true positive rate: women" in missed.reason
    assert wrongly.verdict is Verdict.OK


def test_the_tables_of_the_law_have_every_category_with_its_number_rate_and_ratio(call: Call) -> None:
    result = call("fairness", "--model", "credit", *SPAN, "--format", "ll144")

    lines = list(csv.DictReader(StringIO(result.stdout)))
    assert [line["table"] for line in lines] == ["sex"] * 4 + ["race"] * 2 + ["sex x race"] * 7
    everybody, chosen = selected("sex", "race")
    rates = {group: chosen[group] / n for group, n in everybody.items()}
    most = max(rates[sex, race] for sex in "fm" for race in "AB")
    for line in lines[6:]:
        sex, _, race = line["category"].partition(" x ")
        if sex == "unknown":
            assert int(line["number"]) == everybody[None, "A"] + everybody[None, "B"]
            continue
        assert (int(line["number"]), int(line["selected"])) == (everybody[sex, race], chosen[sex, race])
        assert float(line["selection_rate"]) == pytest.approx(rates[sex, race], abs=1e-4)
        if sex == "x":
            assert (line["impact_ratio"], line["note"][:31]) == ("", "left out of the impact ratio: 0")
        else:
            assert float(line["impact_ratio"]) == pytest.approx(rates[sex, race] / most, abs=1e-4)
    assert {(line["model"], line["versions"], line["since"]) for line in lines} == {
        ("credit", "1", "2026-11-01T00:00:00Z")
    }


def test_by_score_those_above_the_median_of_all_are_selected(call: Call) -> None:
    result = call("fairness", "--model", "credit", *SPAN, "--by", "race", "--scores", "--format", "ll144")

    lines = list(csv.DictReader(StringIO(result.stdout)))
    rows = list(people())
    median = np.median([float(str(row["score"])) for row in rows])
    for line in lines:
        scores = [float(str(row["score"])) for row in rows if row["race"] == line["category"]]
        assert float(line["scoring_rate"]) == pytest.approx(np.mean(np.array(scores) > median), abs=1e-4)
        assert line["selected_means"] == f"score above the median {median:.6g}"


def test_the_tables_are_written_as_files_and_the_page_says_what_they_rest_on(call: Call, folder: Path) -> None:
    result = call("fairness", "--model", "credit", *SPAN, "--format", "ll144", "--out", "audit")

    assert result.output == "wrote audit/ll144.csv\nwrote audit/ll144.html\n"
    page = (folder / "audit" / "ll144.html").read_text()
    evidence = next(csv.DictReader(StringIO((folder / "audit" / "ll144.csv").read_text())))["evidence"]
    assert f"Evidence {evidence}" in page
    assert findings(folder)["impact_ratio(sex)"].id in page
    assert "3,000 people" in page
    assert "<script" not in page


def test_people_see_groups_with_intervals_and_machines_the_same_numbers(call: Call) -> None:
    shown = call("fairness", "--model", "credit", *SPAN).output
    (document,) = [json.loads(call("fairness", "--model", "credit", *SPAN, "--json").output)]

    (sex, _, both) = document["features"]
    ratio = sex["measures"]["impact_ratio"]
    assert f"impact_ratio {ratio['statistic']:.3f} [{ratio['low']:.3f}, {ratio['high']:.3f}], f against m" in shown
    assert "not compared: x has" in shown
    assert both["feature"] == "sex x race"
    assert document["with_truth"] == N


def test_a_planted_weak_segment_is_found(call: Call) -> None:
    document = json.loads(call("segments", "find", "--model", "credit", "--window", "2026-11-01", "--json").output)
    shown = call("segments", "find", "--model", "credit", *SPAN, "--metric", "error").output

    texts = [one["segment"] for one in document["segments"]]
    assert any("region=north" in text and "age>=" in text for text in texts)
    assert all(text in shown for text in texts)
    assert f"{document['slices_tried']:,} slices of at least 30 of 3,000 records tried" in shown


def test_where_a_metric_is_bad_a_finding_names_the_segments_that_carry_it(call: Call, folder: Path) -> None:
    document = json.loads(call("segments", "find", "--model", "credit", "--window", "2026-11-01", "--json").output)

    weak = findings(folder)["weak_segments(ground_truth)"]

    assert (weak.verdict, weak.result is not None) == (Verdict.OK, True)
    assert json.loads(json.dumps(weak.result.detail["segments"] if weak.result else None)) == [
        {name: value for name, value in one.items() if name != "segment"} for one in document["segments"]
    ]
    first = document["segments"][0]
    more, low, high = (f"{100 * first[name]:+.3g}" for name in ("more", "low", "high"))
    assert f"weak_segments: {first['segment']} ({first['inside']['n']:,} records): error " in weak.reason
    assert f"elsewhere, {more} points ({low} to {high})" in weak.reason


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["segments", "find", "--model", "churn", *SPAN], "no model 'churn' is configured (hint: known: credit)"),
        (["segments", "find", "--model", "credit"], "Give --window, or --since with --until."),
        (["segments", "find", "--model", "credit", "--window", "2026-11-01T01:00Z"], "windows of credit start"),
        (["segments", "find", "--model", "credit", *SPAN, "--metric", "mae"], "there are error, false_negative_rate"),
        (["segments", "find", "--model", "credit", "--since", "2025-01-01", "--until", "2025-01-02"], KEPT),
        (["segments", "find", "--model", "credit", *SPAN, "--min-records", "2000"], "needs 4,000"),
        (["fairness", "--model", "credit", "--since", "2025-01-01", "--until", "2025-01-02"], KEPT),
        (["fairness", "--model", "credit", "--since", "2026-11-02", "--until", "2026-11-01"], "--until is not after"),
        (["fairness", "--model", "credit", *SPAN, "--by", "sx"], "has a value of 'sx'"),
    ],
)  # fmt: skip
def test_a_wish_that_cannot_be_met_is_answered_with_what_is_missing(
    call: Call, words: list[str], expected: str
) -> None:
    result = call(*words)

    said = result.output + str(result.exception or "")
    assert result.exit_code != 0
    assert expected in said
