"""A matrix of worths in a model file: read as it is written, and checked with the line of the mistake."""

from pathlib import Path

import pytest

from monitor.bootstrap.vocabulary import vocabulary
from monitor.config.directory import check
from monitor.config.vocabulary import KnownColumn
from monitor.domain.models import ColumnKind

SEEN = {"pet": {"prediction": KnownColumn(frozenset({ColumnKind.CATEGORICAL}), frozenset({"cat", "dog", "1"}))}}
MODEL = """
model: pet
task: multiclass
window: {size: 1h}
lateness: 1m
silence_after: 1h
checks:
  - test: value
    parameters:
      matrix: MATRIX
"""


def mistakes(folder: Path, matrix: str) -> list[str]:
    (folder / "models").mkdir()
    (folder / "monitor.yaml").write_text('database: {url: "sqlite:///m.db"}\nsource: {kind: memory}\n')
    (folder / "models" / "pet.yaml").write_text(MODEL.replace("MATRIX", matrix))
    return [str(error).replace(f"{folder}/", "") for error in check(folder, vocabulary(SEEN), {}).mistakes.errors]


def test_every_cell_named_is_no_mistake_and_a_class_may_be_a_number(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "{cat: {cat: 1, 1: -5}, 1: {cat: -1, 1: 2.5}}") == []


@pytest.mark.parametrize(
    ("matrix", "line", "why"),
    [
        ("{cat: {cat: 1, dog: -5}}", 9, "what predicting 'cat' is worth where 'dog' is true, nor 1 more cells"),
        ("{cat: {cat: much}}", 9, "the worth of predicting 'cat' where 'cat' is true must be a finite number: 'much'"),
        (
            "{cat: {cat: 1, dgo: 0}, dgo: {cat: 0, dgo: 1}}",
            10,
            "no baseline has seen the class 'dgo' of matrix (hint: did you mean 'dog'?)",
        ),
    ],
)
def test_a_hole_a_text_and_a_class_spelt_wrongly_are_named_with_their_line(
    tmp_path: Path, matrix: str, line: int, why: str
) -> None:
    [said] = mistakes(tmp_path, matrix)

    assert said.startswith(f"models/pet.yaml:{line}: ")
    assert why in said
