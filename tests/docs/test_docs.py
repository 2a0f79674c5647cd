"""The pages are run, checked or generated: the tutorial works, examples fit the schema, references are current."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from docs import generate
from monitor.bootstrap.vocabulary import vocabulary
from monitor.client import AsgiMiddleware
from monitor.config.check_section import CheckSection
from monitor.config.condition_section import ConditionSection
from monitor.config.directory import check
from monitor.domain.checks import Aspect
from monitor.stats.drift import DRIFT_TESTS
from monitor.stats.drift_test import DriftTest, with_parameters
from tests.servers.running import RunningDriftline

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
DRIFTLINE = "from monitor.cli.main import main; main()"


def blocks(page: str, language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall((DOCS / page).read_text()) if kind == language]


def driftline(
    folder: Path, command: str, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-c", DRIFTLINE, *command.removeprefix("$ driftline ").split()]
    environ = os.environ | {"COLUMNS": "200", "PYTHONPATH": str(ROOT)} | dict(variables or {})
    return subprocess.run(arguments, cwd=folder, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_tutorial_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for text in blocks("tutorials/first-alert.md", "yaml"):
        path = tmp_path / text.split("\n", 1)[0].removeprefix("# ")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for text in blocks("tutorials/first-alert.md", "python"):
        exec(compile(text, "tutorial", "exec"), {})

    commands = [line for text in blocks("tutorials/first-alert.md", "console") for line in text.splitlines()]
    ran = [driftline(tmp_path, command) for command in commands]

    assert [done.returncode for done in ran] == [0] * len(commands), [done.stderr for done in ran]
    assert "features-drifted: firing" in ran[2].stdout
    assert "psi(amount)" in ran[3].stdout


@pytest.mark.parametrize(
    "example",
    [
        *blocks("reference/records.md", "json"),
        *blocks("explanation/ground-truth.md", "json"),
        *blocks("how-to/judge-forecasts-rankings-and-texts.md", "json"),
    ],
)
def test_the_records_of_the_reference_fit_the_schema_and_are_read(example: str) -> None:
    schema = json.loads((DOCS / "reference" / "record.schema.json").read_text())

    jsonschema.Draft202012Validator(schema).validate(json.loads(example))


def test_the_models_of_the_page_on_other_tasks_are_accepted(tmp_path: Path) -> None:
    for text in blocks("how-to/judge-forecasts-rankings-and-texts.md", "yaml"):
        path = tmp_path / text.split("\n", 1)[0].removeprefix("# configs/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    source = "database: {url: 'sqlite:///monitor.db'}\nsource: {kind: files, folders: {mixed: [data]}}\n"
    (tmp_path / "monitor.yaml").write_text(source)

    found = check(tmp_path, vocabulary(), {})

    assert found.mistakes.errors == ()
    assert found.settings is not None
    assert set(found.settings.models) == {"demand", "search", "summary", "chat"}


@pytest.mark.parametrize("name", sorted(generate.pages()))
def test_the_generated_pages_are_current(name: str) -> None:
    assert (DOCS / "reference" / name).read_text() == generate.pages()[name], "run `make docs`"


def test_every_page_of_a_check_is_of_a_check_that_there_is() -> None:
    pages = {f"checks/{path.name}" for path in (DOCS / "reference" / "checks").iterdir()}

    assert pages == {name for name in generate.pages() if name.startswith("checks/")}


@pytest.mark.parametrize("test", DRIFT_TESTS.values(), ids=list(DRIFT_TESTS))
def test_the_page_of_a_distribution_test_says_when_not_to_use_it(test: DriftTest) -> None:
    compares_shares = bool(test.needs & {Aspect.BINS, Aspect.CATEGORIES})
    page = " ".join((DOCS / "reference" / "checks" / f"{test.name}.md").read_text().split())

    assert not compares_shares or "Do not use " in page


@pytest.mark.parametrize("test", DRIFT_TESTS.values(), ids=list(DRIFT_TESTS))
def test_the_configuration_on_the_page_of_a_check_is_accepted(test: DriftTest) -> None:
    (example,) = blocks(f"reference/checks/{test.name}.md", "yaml")

    (section,) = yaml.safe_load(example)["checks"]

    spec = CheckSection.model_validate(section).spec()
    assert spec.threshold == test.default_threshold
    assert with_parameters(test, spec.test, spec.parameters) == test


@pytest.fixture(scope="module")
def intake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDriftline]:
    """`driftline run` as the page on HTTP configures it, on a port that is free here."""
    driftline = RunningDriftline(tmp_path_factory.mktemp("intake"))
    for text in blocks("how-to/send-records-over-http.md", "yaml")[:2]:
        path = driftline.folder / text.split("\n", 1)[0].removeprefix("# ")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with (driftline.folder / "configs" / "monitor.yaml").open("a") as file:
        file.write(f"http: {{port: {driftline.port}}}\n")
    driftline.start()
    yield driftline
    driftline.stop()


@pytest.mark.slow
def test_records_sent_as_the_page_says_are_answered_as_it_says(intake: RunningDriftline) -> None:
    said, heard = [], []
    for text in blocks("how-to/send-records-over-http.md", "console"):
        command, answer = text.replace("localhost:8484", f"127.0.0.1:{intake.port}").rstrip("\n").split("\n")
        ran = subprocess.run(["bash", "-c", command.removeprefix("$ ")], capture_output=True, text=True, check=False)
        said.append(answer)
        heard.append(ran.stdout)

    assert heard == said


@pytest.mark.slow
def test_a_service_that_logs_as_the_page_says_is_heard(intake: RunningDriftline) -> None:
    names: dict[str, Any] = {"app": lambda scope, receive, send: None}
    for text in blocks("how-to/log-from-your-service.md", "python"):
        exec(compile(text.replace("8484", str(intake.port)), "page", "exec"), names)

    names["logger"].close()
    assert names["logger"].counts.sent == 2
    assert isinstance(names["app"], AsgiMiddleware)


@pytest.mark.slow
def test_truth_comes_from_a_table_as_the_page_says(tmp_path: Path) -> None:
    page = "how-to/take-truth-from-a-database.md"
    for text in blocks(page, "yaml")[:2]:
        path = tmp_path / text.split("\n", 1)[0].removeprefix("# ")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    said = [line for text in blocks(page, "console") for line in text.splitlines()]
    environ = {"OUTCOMES_URL": f"sqlite:///{tmp_path / 'outcomes.db'}"}

    heard = []
    for command in (line for line in said if line.startswith("$ ")):
        heard.append(command)
        if command.startswith("$ sqlite3"):
            with closing(sqlite3.connect(tmp_path / "outcomes.db")) as theirs:
                theirs.executescript(command.split('"')[1])
        elif command.startswith("$ driftline"):
            heard += driftline(tmp_path, command, environ).stdout.splitlines()

    assert [undated(line) for line in heard] == [undated(line) for line in said]


def undated(line: str) -> str:
    """Without the wall clock's times, which have milliseconds, and what follows from their width."""
    return " ".join(re.sub(r"\S+\.\d+Z", "now", line).split())


def test_every_bound_of_the_http_page_is_a_setting(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (tmp_path / "configs" / "monitor.yaml").write_text(blocks("how-to/send-records-over-http.md", "yaml")[2])
    policy = tmp_path / "configs" / "models"
    for path in policy.glob("*.yaml"):  # the example's models name a retraining policy of the example's monitor.yaml
        path.unlink()
    shutil.rmtree(tmp_path / "configs" / "rules")
    (policy / "churn.yaml").write_text(blocks("how-to/send-records-over-http.md", "yaml")[1])

    checked = driftline(tmp_path, "$ driftline check-config")

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_rule_tests_say_what_the_page_shows(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (tmp_path / "configs" / "tests" / "first.yaml").write_text(blocks("how-to/test-your-rules.md", "yaml")[0])
    [shown] = blocks("how-to/test-your-rules.md", "console")
    command, _, expected = shown.partition("\n")

    ran = driftline(tmp_path, command)

    assert (ran.returncode, ran.stdout) == (0, expected), ran.stderr


def test_every_question_that_the_page_on_rules_lists_is_a_condition() -> None:
    text = (DOCS / "how-to" / "write-rules.md").read_text()
    written = text.partition("## When it fires")[0]
    questions = [yaml.safe_load(f"{{{one}}}") for one in re.findall(r"^\| `(\w+: [{\w].*?)` \|", written, re.MULTILINE)]

    read = [ConditionSection.model_validate(one).condition() for one in questions if "..." not in str(one)]

    assert len(read) >= 7


@pytest.mark.parametrize(
    "page",
    [
        "explanation/exactness.md",
        "how-to/connect-channels.md",
        "how-to/connect-a-training-pipeline.md",
        "tutorials/first-alert.md",
    ],
)
def test_every_configuration_in_the_pages_is_yaml(page: str) -> None:
    assert all(isinstance(yaml.safe_load(text), dict) for text in blocks(page, "yaml"))
