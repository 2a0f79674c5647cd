"""Models with texts and vectors, the whole way: training rows and JSON records to findings and alerts."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from monitor.domain.derived import TextColumn, VectorColumn
from monitor.domain.errors import BaselineError
from monitor.domain.findings import Verdict
from monitor.usecases.training_columns import TrainingOptions
from tests.unit.stats.blindness_rig import ABSENT, MODEL, Seen, Table, seen

DERIVED = (TextColumn("note"), VectorColumn("v", 24, 4))
WRITING = replace(MODEL, derived=DERIVED)
WORDS = ["late", "refund", "good", "bad", "price", "box", "red", "blue", "love", "hate", "return", "shipping"]


def notes(rng: np.random.Generator, n: int, words: Sequence[str] = WORDS, most: int = 20) -> list[object]:
    return [" ".join(rng.choice(words, rng.integers(3, most))) + "." for _ in range(n)]


def table(seed: int, n: int, shift: float = 0.0, **columns: Sequence[object]) -> Table:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(shift, 1, (n, 24)).tolist()
    return {"x": rng.normal(size=n).tolist(), "note": notes(rng, n), "v": vectors, **columns}


def found(window: Table) -> Seen:
    return seen(table(0, 4_000), window, model=WRITING)


def bad_columns(one: Seen) -> set[str]:
    return {finding.check.column for finding in one.findings.values() if finding.verdict.is_bad}


def test_quiet_texts_and_vectors_raise_no_alarm() -> None:
    one = found(table(1, 500))

    assert one.bad() == set()
    assert {
        "psi(note.words)",
        "psi(v.c0)",
        "jensen_shannon(note.script)",
        "jensen_shannon(v.shape)",
    } <= one.findings.keys()
    assert not one.notes


def test_a_declared_column_that_the_training_rows_lack_is_a_mistake() -> None:
    with pytest.raises(BaselineError, match="the training data has no column 'note', 'v'; it has x"):
        seen({"x": [1.0] * 100}, model=WRITING)


def test_a_declared_column_that_has_another_name_in_the_training_rows_is_renamed() -> None:
    training = table(0, 4_000)
    renamed = {"x": training["x"], "remark": training["note"], "v": training["v"]}

    one = seen(renamed, table(1, 500), model=WRITING, options=TrainingOptions({"remark": "note"}))

    assert one.bad() == set()
    assert "psi(note.words)" in one.findings


def test_longer_texts_are_drift_of_their_lengths() -> None:
    one = found(table(1, 500, note=notes(np.random.default_rng(2), 500, most=60)))

    assert {"note.words", "note.characters"} <= bad_columns(one)
    assert "psi(x)" not in one.bad()


def test_words_that_the_baseline_does_not_know_are_told() -> None:
    one = found(table(1, 500, note=notes(np.random.default_rng(2), 500, [*WORDS, "crypto"])))

    assert "unseen_category(note.word)" in one.bad()
    result = one.findings["unseen_category(note.word)"].result
    assert result is not None
    assert result.statistic == pytest.approx(100 / 13, abs=4)
    assert result.detail["values"] == ["crypto"]


def test_a_language_of_another_script_is_told() -> None:
    one = found(table(1, 500, note=["Привет, мир"] * 500))

    assert "note.script" in bad_columns(one)


def test_vectors_that_moved_are_drift_of_components() -> None:
    one = found(table(1, 500, shift=1.0))

    assert any(name.startswith("psi(v.c") for name in one.bad())
    assert "psi(v.length)" in one.bad()


@pytest.mark.parametrize(
    ("wrong", "shape"),
    [
        ([1.0] * 23, "wrong length"),
        ("text", "no list"),
        ([None] * 24, "not numbers"),
        ([1.0] * 23 + [math.nan], "not finite"),
        ([1.0] * 23 + [10**400], "not finite"),
    ],
)
def test_wrong_vectors_are_told_with_the_reason_and_cost_no_other_column(wrong: object, shape: str) -> None:
    window = table(1, 500)
    window = {**window, "v": [wrong] * 25 + list(window["v"])[25:]}

    one = found(window)

    assert {"unseen_category(v.shape)", "type_violations(all_columns)"} <= one.bad()
    result = one.findings["unseen_category(v.shape)"].result
    assert result is not None
    assert result.detail["values"] == [shape]
    assert f"new: {shape}" in one.findings["unseen_category(v.shape)"].reason
    assert one.verdict("psi(x)") is Verdict.OK
    assert Verdict.FAILED not in {finding.verdict for finding in one.history}


def test_texts_and_vectors_that_do_not_come_any_more_are_lost_columns() -> None:
    one = found(table(1, 500, note=[ABSENT] * 500, v=[None] * 500))

    reason = one.findings["schema(records)"].reason
    assert "lost: note.characters" in reason
    assert "extra" not in reason
