"""`driftline retraining hold`, `holds`, `release` and `ask` on a real (SQLite) database."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitor.cli.main import driftline

MONITOR = """
database: {url: "sqlite:///monitor.db"}
source: {kind: files, folders: {mixed: [data]}}
http: {enabled: false}
"""


def test_a_hold_is_placed_listed_and_ended_by_name_and_what_makes_no_sense_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*words: str) -> str:
        result = CliRunner().invoke(driftline, words)
        return result.output + str(result.exception or "")

    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs" / "models").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    (tmp_path / "configs" / "monitor.yaml").write_text(MONITOR)
    (tmp_path / "configs" / "models" / "price.yaml").write_text("model: price\nwindow: {size: 1h}\n")
    run("db", "upgrade")
    hold = ("retraining", "hold", "--by", "ada", "--reason", "deploy freeze")

    refused = [run(*hold, "--model", "prise"), run(*hold, "--model", "*", "--until", "2020-01-01")]
    placed = run(*hold, "--model", "*", "--until", "2999-01-01")
    held = json.loads(run("retraining", "holds", "--json"))
    ended = [run("retraining", "release", "--model", "*", "--by", "bo") for _ in range(2)]

    assert "there is no model 'prise'; models: price; * stands for all of them" in refused[0]
    assert "a hold until 2020-01-01T00:00:00Z is over already" in refused[1]
    assert placed == "ada holds every model until 2999-01-01T00:00:00Z: deploy freeze\n"
    assert [(one["model"], one["by"], one["released_by"]) for one in held] == [("*", "ada", None)]
    assert ended[0] == "released *\n"
    assert "nobody holds *: see `driftline retraining holds`" in ended[1]
    assert run("retraining", "holds") == "nothing is held\n"
    assert "bo" in run("retraining", "holds", "--all")
    assert "there is no model 'prise'; models: price" in run("retraining", "ask", "--model", "prise")
    assert "no window of price has been judged" in run("retraining", "ask", "--model", "price")
    too_long = run("retraining", "ask", "--model", "price", "--idempotency-key", "k" * 201)
    assert "it has 201 characters: at most 200 are allowed" in too_long


def test_a_job_is_looked_at_where_the_secrets_of_its_trigger_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger = "retraining: {triggers: {ci: {kind: webhook, url: 'http://127.0.0.1:1/', secret: {env: NOT_SET_HERE}}}}"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs" / "models").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    (tmp_path / "configs" / "monitor.yaml").write_text(f"{MONITOR}{trigger}\n")
    (tmp_path / "configs" / "models" / "price.yaml").write_text("model: price\nwindow: {size: 1h}\n")
    CliRunner().invoke(driftline, ["db", "upgrade"])

    shown = CliRunner().invoke(driftline, ["retraining", "show", "abc"])

    assert "there is no retraining job 'abc'" in str(shown.exception or "") + shown.output
