"""Packed texts are the texts that they stand for, whatever is cut, joined or counted."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.stats.texts import (
    NOTHING,
    OTHER,
    CodedTexts,
    NumberTexts,
    PackedTexts,
    counted,
    equal,
    join_texts,
    positions,
    take_texts,
)

values = st.lists(st.none() | st.sampled_from(["a", "b", "ü", ""]), max_size=12)


def coded(texts: Sequence[str | None]) -> CodedTexts:
    categories = sorted({text for text in texts if text is not None}, reverse=True)
    codes = [-1 if text is None else categories.index(text) for text in texts]
    return CodedTexts(np.array(codes, np.int32), categories)


def packed(texts: Sequence[str]) -> PackedTexts:
    encoded = [text.encode() for text in texts]
    lengths = np.array([len(text) for text in encoded], np.int64)
    ends = np.cumsum(lengths)
    return PackedTexts(b"".join(encoded), ends - lengths, ends)


@given(values)
def test_coded_texts_count_and_compare_as_the_texts_do(texts: list[str | None]) -> None:
    assert list(coded(texts)) == texts
    assert dict(counted(coded(texts))) == dict(counted(texts))
    assert equal(coded(texts), "ü").tolist() == equal(texts, "ü").tolist()


@given(values)
def test_a_text_has_the_position_of_its_name_and_another_text_and_none_are_told_apart(texts: list[str | None]) -> None:
    at = {"ü": 0, "a": 1, None: NOTHING}

    assert positions(texts, ["ü", "a"]).tolist() == [at.get(text, OTHER) for text in texts]
    assert positions(coded(texts), ["ü", "a"]).tolist() == [at.get(text, OTHER) for text in texts]


@given(st.lists(st.tuples(values, st.booleans()), min_size=1, max_size=4))
def test_parts_with_other_categories_are_joined_to_the_same_texts(parts: list[tuple[list[str | None], bool]]) -> None:
    joined = join_texts([coded(texts) if is_coded else texts for texts, is_coded in parts])

    assert list(joined) == [text for texts, _ in parts for text in texts]


@given(st.lists(st.text(max_size=5), min_size=1), st.data())
def test_packed_texts_are_cut_and_joined_without_being_unpacked(texts: list[str], data: st.DataObject) -> None:
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    rows = np.array(data.draw(st.lists(st.integers(0, len(texts) - 1))), np.intp)

    twice = join_texts([packed(texts), packed(texts)[1:]])
    taken = take_texts(packed(texts), rows)

    assert isinstance(twice, PackedTexts)
    assert list(twice) == texts + texts[1:]
    assert list(taken) == [texts[row] for row in rows.tolist()]


def test_numbers_become_texts_when_they_are_looked_at() -> None:
    texts = NumberTexts(np.array([1.0, 2.5, np.nan]))

    assert list(texts) == ["1", "2.5", None]
    assert (texts[1], list(texts[:1])) == ("2.5", ["1"])
    assert list(join_texts([texts, texts[:1]])) == ["1", "2.5", None, "1"]
