"""The page on watching records one by one: its commands on files and its program run."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.docs.test_docs import blocks, driftline

PAGE = "how-to/watch-records-one-by-one.md"


def rows(seed: int, n: int, change: int) -> pd.DataFrame:
    """One a second; from row `change` on amounts are a standard deviation higher, and plans other ones."""
    chance, before = np.random.default_rng(seed), np.arange(n) < change
    amounts = chance.normal(100, 20, n) + np.where(before, 0, 20)
    plans = np.where(chance.random(n) < np.where(before, 0.2, 0.7), "pro", "basic")
    return pd.DataFrame(
        {"amount": amounts, "plan": plans, "at": pd.date_range("2026-11-01", periods=n, freq="s", tz="UTC")}
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows(1, 5_000, 5_000).to_parquet(tmp_path / "training.parquet")
    week = rows(2, 3_000, 2_000)
    week.to_parquet(tmp_path / "week.parquet")
    week.to_csv(tmp_path / "week.csv", index=False)
    return tmp_path


def test_the_commands_on_files_and_the_program_do_what_the_page_says(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    commands = [line for text in blocks(PAGE, "console") for line in text.splitlines() if "detectors run" in line]

    ran = [driftline(folder, command) for command in commands]
    for program in blocks(PAGE, "python"):
        exec(compile(program, "page", "exec"), {})

    assert [done.returncode for done in ran] == [3, 3], [done.stderr for done in ran]
    assert "cusum(amount)" in ran[0].stdout
    document = json.loads(ran[1].stdout)[0]
    assert {one["column"] for one in document["alarms"]} == {"amount", "plan"}
    printed = capsys.readouterr().out.splitlines()
    assert 2_000 < int(printed[0].split()[0]) < 2_100
    assert printed[-1].startswith("2026-11-01 00:33:")
