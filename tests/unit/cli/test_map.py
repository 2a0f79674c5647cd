"""`driftline map`, as people call it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli.map import map_command
from monitor.domain.errors import ConfigError

MAPPING = "event_id: $.id\nmodel: churn\nmodel_version: 3\nevent_time: $.at\nfeatures: $.f\n"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(map_command, arguments, catch_exceptions=True)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "sample.jsonl"
    path.write_text('{"id": "a", "at": 1772705826, "f": {"age": 41}}\n\n{"id": "b"}\nno json\n')
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    return path


def test_records_go_to_output_and_refusals_to_errors_with_line_and_reason(sample: Path) -> None:
    done = run("--format", "json", "--sample", str(sample), "--set", f"mapping={sample.parent}/mapping.yaml")

    assert [json.loads(line)["event_id"] for line in done.stdout.splitlines()] == ["a"]
    assert done.stderr.splitlines()[0] == f"{sample}:3: missing_field: neither features nor label"
    assert done.stderr.splitlines()[1].startswith(f"{sample}:4: malformed_json: ")
    assert done.exit_code == 1


def test_without_refusals_the_exit_code_is_0(sample: Path) -> None:
    sample.write_text('{"id": "a", "at": 1772705826, "f": {"age": 41}}\n')

    assert (
        run("--format", "json", "--sample", str(sample), "--set", f"mapping={sample.parent}/mapping.yaml").exit_code
        == 0
    )


def test_a_mistake_in_the_mapping_file_is_told_with_its_line(sample: Path) -> None:
    (sample.parent / "mapping.yaml").write_text(MAPPING.replace("$.at", "$.at["))

    done = run("--format", "json", "--sample", str(sample), "--set", f"mapping={sample.parent}/mapping.yaml")

    assert isinstance(done.exception, ConfigError)
    assert "mapping.yaml:4: `event_time`: '$.at[' is no JSONPath" in str(done.exception)


def test_an_unknown_format_names_those_there_are(sample: Path) -> None:
    done = run("--format", "kserve", "--sample", str(sample))

    assert isinstance(done.exception, ConfigError)
    assert "unknown format 'kserve' (hint: known: arrow-ipc, azureml," in str(done.exception)


def test_an_unknown_option_is_a_mistake_with_a_hint(sample: Path) -> None:
    done = run("--format", "kserve-ce", "--sample", str(sample), "--set", "colums=[age]")

    assert isinstance(done.exception, ConfigError)
    assert str(done.exception) == "colums: unknown key `colums` (hint: did you mean 'columns'?)"
