"""`driftline retraining hold`, `holds`, `release` and `ask` on a real (SQLite) database."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitor.bootstrap.app import open_app
from monitor.bootstrap.retraining import build_decisions
from monitor.cli.main import driftline
from monitor.domain.retraining import RetrainRequest

MONITOR = """
database: {url: "sqlite:///monitor.db"}
source: {kind: files, folders: {mixed: [data]}}
http: {enabled: false}
"""


def write_project(folder: Path) -> None:
    """A configuration of one model without a database yet."""
    (folder / "configs" / "models").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / "configs" / "monitor.yaml").write_text(MONITOR)
    (folder / "configs" / "models" / "price.yaml").write_text("model: price\nwindow: {size: 1h}\n")


def test_a_hold_is_placed_listed_and_ended_by_name_and_what_makes_no_sense_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*words: str) -> str:
        result = CliRunner().invoke(driftline, words)
        return result.output + str(result.exception or "")

    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
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


@pytest.fixture
def without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run a command in a project whose trigger asks for a secret that is not there: what it says."""

    def run(*words: str) -> str:
        result = CliRunner().invoke(driftline, words)
        return result.output + str(result.exception or "")

    trigger = "{ci: {kind: webhook, url: 'http://127.0.0.1:1/', secret: {env: NOT_SET_HERE}}}"
    policies = "{quick: {trigger: ci, mode: auto}, careful: {trigger: ci}}"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs" / "models").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    retraining = f"retraining: {{triggers: {trigger}, policies: {policies}}}"
    (tmp_path / "configs" / "monitor.yaml").write_text(f"{MONITOR}{retraining}\n")
    for name, policy in (("price", "careful"), ("churn", "quick")):
        text = f"model: {name}\nwindow: {{size: 1h}}\nretraining: {policy}\n"
        (tmp_path / "configs" / "models" / f"{name}.yaml").write_text(text)
    run("db", "upgrade")
    return run


@pytest.mark.parametrize("command", ["show", "finish", "decline", "hold", "verify", "promote", "reject"])
def test_what_starts_no_job_needs_no_secret_of_its_trigger(without_secrets: Callable[..., str], command: str) -> None:
    assert "there is no retraining job 'abc'" in without_secrets("retraining", command, "abc")


@pytest.mark.parametrize("command", [("approve", "abc"), ("ask", "--model", "price")])
def test_what_may_start_a_job_asks_for_the_secret_of_its_trigger(
    without_secrets: Callable[..., str], command: tuple[str, ...]
) -> None:
    assert "NOT_SET_HERE" in without_secrets("retraining", *command)


def test_without_the_triggers_jobs_are_decided_and_one_that_waits_to_be_sent_is_not_taken_as_gone(
    without_secrets: Callable[..., str],
) -> None:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    requests = [RetrainRequest(model, "1", "drifted", at, "x drifted") for model in ("price", "churn")]
    with open_app(Path("configs"), {}) as app:
        for request in requests:
            app.stores.jobs.ask(request)
        build_decisions(app).run_once()

    asked, approved = json.loads(without_secrets("retraining", "list", "--json"))
    declined = without_secrets("retraining", "decline", requests[0].key[:8], "--reason", "not now")

    assert {asked["phase"], approved["phase"]} == {"held", "approved"}
    assert f"job {requests[0].key} is settled (declined): not now" in declined
