"""Texts and vectors as columns: exact, value by value, and every mistake of a producer seen."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.columns import ColumnKind
from monitor.domain.derived import DerivedColumn, TextColumn, VectorColumn
from monitor.stats.columns import CategoricalColumn, NumericColumn
from monitor.stats.derived.derive import derive
from monitor.stats.derived.descriptors import MOST_CHARACTERS

TEXT, VECTOR = TextColumn("t"), VectorColumn("v", 20, 4)


def numbers(spec: DerivedColumn, name: str, values: Sequence[object]) -> list[float]:
    column = derive(spec, values)[name]
    assert isinstance(column, NumericColumn)
    return column.values.tolist()  # type: ignore[no-any-return]  # floats


def texts(spec: DerivedColumn, name: str, values: Sequence[object]) -> list[str | None]:
    column = derive(spec, values)[name]
    assert isinstance(column, CategoricalColumn)
    return list(column.values)


@pytest.mark.parametrize("spec", [TEXT, VECTOR, TextColumn("t", words=False), VectorColumn("v", 3)])
def test_exactly_the_declared_columns_are_made_whatever_the_values(spec: DerivedColumn) -> None:
    for values in ([], [None], ["a", [1.0] * 20, 7, {}, math.nan]):
        made = derive(spec, values)
        kinds = {ColumnKind.NUMERIC: NumericColumn, ColumnKind.CATEGORICAL: CategoricalColumn}
        assert {name: type(one) for name, one in made.items()} == {one.name: kinds[one.kind] for one in spec.specs}
        assert all(len(one) == len(values) for one in made.values())


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("t.characters", "Hello world, it's 3 o'clock. Fine!", 34),
        ("t.words", "Hello world, it's 3 o'clock. Fine!", 6),
        ("t.sentences", "Hello world, it's 3 o'clock... Fine!", 2),
        ("t.distinct_words", "Red red BLUE blue", 0.5),
        ("t.word_length", "aa bbbb", 3),
        ("t.letters", "ab 12", 0.5),
        ("t.digits", "ab 12!", 0.4),
        ("t.uppercase", "ABcd", 0.5),
        ("t.readability", "The quick brown fox jumps over the lazy dog.", 4.71 * 35 / 9 + 0.5 * 9 - 21.43),
        ("t.words", "", 0),
        ("t.letters", "   ", math.nan),
        ("t.word_length", "?!", math.nan),
        ("t.words", "x " * MOST_CHARACTERS, MOST_CHARACTERS / 2),
        ("t.characters", "x " * MOST_CHARACTERS, 2 * MOST_CHARACTERS),
    ],
)
def test_a_descriptor_is_what_its_formula_says(name: str, text: str, value: float) -> None:
    assert numbers(TEXT, name, ["before", text, "after"])[1] == pytest.approx(value, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Straße", "latin"), ("Привет, мир", "cyrillic"), ("שלום", "hebrew"), ("नमस्ते दुनिया", "devanagari"),
        ("你好", "han"), ("ひらがな漢字", "kana"), ("안녕하세요", "hangul"),
        ("123 !?", "no letters"), ("", "no letters"),
        ("\ud800 lone", "latin"),
    ],
)  # fmt: skip
def test_the_script_is_that_of_most_letters(text: str, script: str) -> None:
    assert texts(TEXT, "t.script", [text]) == [script]


def test_the_word_of_a_text_is_one_of_its_words_and_always_the_same() -> None:
    text = "Alpha, beta; GAMMA!"

    chosen = texts(TEXT, "t.word", [text, text, "...", None])

    assert chosen[0] in {"alpha", "beta", "gamma"}
    assert chosen[1:] == [chosen[0], None, None]


def test_words_of_texts_are_chosen_evenly() -> None:
    chosen = texts(TEXT, "t.word", [f"same other {k}" for k in range(3_000)])

    assert 900 < chosen.count("same") < 1_100


def test_what_is_no_text_is_invalid_and_nothing_is_missing() -> None:
    words = derive(TEXT, ["a", 5, None, ["a"], math.nan])["t.words"]

    assert words.invalid is not None
    assert words.invalid.tolist() == [False, True, False, True, False]


GOOD = [1.0] * 20


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (GOOD, "ok"), ([1] * 20, "ok"), (np.ones(20, np.float32), "ok"), (tuple(GOOD), "ok"),
        (GOOD[:19], "wrong length"), ([], "wrong length"), (np.ones(3), "wrong length"),
        ("text", "no list"), (1.0, "no list"), ({"a": 1}, "no list"), (np.ones((2, 20)), "no list"),
        ([*GOOD[:19], None], "not numbers"), ([*GOOD[:19], "x"], "not numbers"), ([True] * 20, "not numbers"),
        ([*GOOD[:19], math.nan], "not finite"), ([*GOOD[:19], math.inf], "not finite"),
        (None, None), (math.nan, None),
    ],
)  # fmt: skip
def test_the_shape_says_what_is_wrong_with_a_vector(value: object, shape: str | None) -> None:
    made = derive(VECTOR, [GOOD, value, GOOD])

    assert list(made["v.shape"].values) == ["ok", shape, "ok"]
    length = made["v.length"]
    assert isinstance(length, NumericColumn)
    assert np.isnan(length.values).tolist() == [False, shape != "ok", False]
    is_wrong = shape not in {None, "ok"}
    assert (length.invalid is not None and bool(length.invalid[1])) == is_wrong


def test_a_vector_of_few_dimensions_stands_as_it_is() -> None:
    assert numbers(VectorColumn("v", 3), "v.c1", [[1.0, 2.5, 3.0]]) == [2.5]


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_components_do_not_hang_on_which_records_come_together(seed: int, cut: int) -> None:
    """Or a replay would count other bins."""
    rng = np.random.default_rng(seed)
    vectors = (rng.normal(size=(41, 384)) * 10 ** rng.uniform(-4, 4, (41, 1))).tolist()
    spec = VectorColumn("v", 384)

    whole, first, rest = (derive(spec, part) for part in (vectors, vectors[:cut], vectors[cut:]))

    for name, column in whole.items():
        parts = [*first[name].values, *rest[name].values]
        assert list(column.values) == parts, name


def test_distances_are_kept_on_average() -> None:
    vectors = np.random.default_rng(1).normal(size=(200, 384))
    made = derive(VectorColumn("v", 384, 64), vectors.tolist())
    projected = np.column_stack([np.array(made[f"v.c{k}"].values, np.float64) for k in range(64)])

    ratio = np.square(projected).sum(axis=1) / np.square(vectors).sum(axis=1) * 384 / 64

    assert ratio.mean() == pytest.approx(1, abs=0.05)


def test_the_signs_are_the_same_on_every_machine_and_in_every_version() -> None:
    one = numbers(VectorColumn("v", 20, 4), "v.c0", [list(range(20))])

    assert one == [pytest.approx(-5.366563145999495)]
