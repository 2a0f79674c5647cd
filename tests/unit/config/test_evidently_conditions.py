"""Conditions on metrics of Evidently that can never hold, and what helps."""

import shutil
from pathlib import Path

import pytest

from monitor.bootstrap.vocabulary import vocabulary
from monitor.config.directory import check

EXAMPLE = Path(__file__).parents[3] / "configs"
MODEL = """
evidently:
  - {metric: ValueDrift, column: amount, parameters: {method: psi}}
"""


def warnings(folder: Path, model: str, condition: str) -> list[str]:
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
    with (folder / "models/churn.yaml").open("a", encoding="utf-8") as file:
        file.write(model)
    rule = f"rules:\n  - name: far\n    models: [churn]\n    when:\n      evidently: {condition}\n"
    (folder / "rules/far.yaml").write_text(rule, encoding="utf-8")
    found = check(folder, vocabulary(), {}).mistakes
    assert not found.errors
    return [text for text in map(str, found.warnings) if "that it watches asks for" in text]


def test_a_misspelt_column_is_named(tmp_path: Path) -> None:
    (found,) = warnings(tmp_path, MODEL, "{metric: ValueDrift, column: amuont, above: 0.2}")

    assert "no model that it watches asks for ValueDrift of the column 'amuont': the condition never holds" in found
    assert "did you mean 'amount'?" in found


def test_a_column_that_is_asked_for_is_none(tmp_path: Path) -> None:
    assert warnings(tmp_path, MODEL, "{metric: ValueDrift, column: amount, above: 0.2}") == []
    assert warnings(tmp_path, MODEL, "{metric: ValueDrift, above: 0.2}") == []


@pytest.mark.parametrize(
    ("metric", "entry"),
    [
        ("ValueDrift, column: amount", "{metric: ValueDrift, column: amount, parameters: {method: psi}}"),
        ("ConstantColumnsCount", "{metric: ConstantColumnsCount}"),
    ],
)
def test_the_entry_that_is_proposed_is_accepted(metric: str, entry: str, tmp_path: Path) -> None:
    (found,) = warnings(tmp_path / "without", "", f"{{metric: {metric}, above: 0.2}}")

    assert f"give the model `evidently: [{entry}]`" in found
    model = f"\nevidently: [{entry}]\n"
    assert warnings(tmp_path / "with", model, f"{{metric: {metric}, above: 0.2}}") == []


def test_of_a_model_whose_file_cannot_be_read_nobody_knows_what_it_asks_for(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    (tmp_path / "models/churn.yaml").write_text(f"model: churn\nwindow: {{size: an hour}}\n{MODEL}", encoding="utf-8")
    rule = "rules:\n  - {name: far, models: [churn], when: {evidently: {metric: ValueDrift, above: 0.2}}}\n"
    (tmp_path / "rules/far.yaml").write_text(rule, encoding="utf-8")

    found = check(tmp_path, vocabulary(), {}).mistakes

    assert ["an hour" in str(one) for one in found.errors] == [True]
    assert [str(one) for one in found.warnings if "that it watches" in str(one)] == []
