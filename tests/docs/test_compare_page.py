"""The page on comparing tables: its commands and its program run, one after the other."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.docs.test_docs import blocks, driftline

PAGE = "how-to/compare-two-tables.md"


def rows(n: int, shift: float) -> pd.DataFrame:
    chance = np.random.default_rng(n)
    amounts, zones = chance.lognormal(3 + shift, 1, n), chance.integers(1, 6, n)
    return pd.DataFrame({"amount": amounts, "zone": zones, "customer": [f"c{k}" for k in range(n)]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows(1_000, 0.0).to_parquet(tmp_path / "train.parquet")
    moved = rows(800, 0.8)
    moved.to_parquet(tmp_path / "last_week.parquet")
    moved.to_csv(tmp_path / "last_week.csv", index=False)
    return tmp_path


def test_the_commands_and_the_program_do_what_the_page_says(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    (commands,) = blocks(PAGE, "console")
    names: dict[str, Any] = {}

    ran = [driftline(folder, command) for command in commands.splitlines()]
    for program in blocks(PAGE, "python"):
        exec(compile(program, "page", "exec"), names)

    assert [done.returncode for done in ran] == [3, 3, 3], [done.stderr for done in ran]
    assert {check["column"] for check in json.loads(ran[2].stdout)["checks"]} == {
        "amount",
        "zone",
        "all_columns",
        "records",
    }
    assert "1 of 2 columns drifted" in (folder / "drift.html").read_text()
    assert capsys.readouterr().out.startswith("DRIFT\n('amount',)")
