"""A test run that could not have a server says so, and in CI it fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TWO_TESTS_THAT_NEED_KAFKA = """
def test_one(kafka_broker): pass
def test_two(kafka_broker): pass
def test_three(): pass
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n  kafka: x\n  postgres: x\n")
    (tmp_path / "test_suite.py").write_text(TWO_TESTS_THAT_NEED_KAFKA)
    return tmp_path


def run_pytest_without_java(suite: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name not in ("CI", "JAVA_HOME")}
    environment = {**inherited, "PATH": str(suite), **variables}
    plugin = ["-p", "monitor.testing.servers.pytest_plugin", "-p", "no:cacheprovider", "-p", "no:warnings"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *plugin, *arguments],
        cwd=suite,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("workers", [["-n", "0"], ["-n", "2"]], ids=["one-process", "two-workers"])
def test_the_last_line_of_a_run_without_kafka_says_what_was_not_run_and_why(suite: Path, workers: list[str]) -> None:
    run = run_pytest_without_java(suite, *workers)

    last_lines = run.stdout.strip().splitlines()[-3:]
    assert run.returncode == 0
    assert any(line.startswith("NOT RUN: real Kafka: there is no java command") for line in last_lines)
    assert any("(2 tests skipped)" in line for line in last_lines)


def test_in_ci_a_missing_server_fails_its_tests(suite: Path) -> None:
    run = run_pytest_without_java(suite, CI="true")

    assert run.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 passed, 2 errors" in run.stdout
    assert "there is no java command" in run.stdout


def test_deselecting_kafka_deselects_every_test_that_uses_its_fixture(suite: Path) -> None:
    run = run_pytest_without_java(suite, "-m", "not kafka", CI="true")

    assert "1 passed, 2 deselected" in run.stdout
