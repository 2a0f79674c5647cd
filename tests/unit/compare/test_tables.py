"""Tables of every library and kind: read alike, and a bad column is told so alone."""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from monitor.compare import BaselineError, Finding, Table, Verdict, build_baseline
from monitor.usecases.compare import Outcome

N = 400
CHANCE = np.random.default_rng(3)
GOOD = CHANCE.normal(size=N)
FRAME = pd.DataFrame({"x": GOOD, "word": ["a", "b"] * (N // 2), "flag": GOOD > 0, "count": CHANCE.poisson(3, N)})
ARROW = pa.Table.from_pandas(FRAME, preserve_index=False)
MOVED = FRAME.assign(x=GOOD + 1)


class Capsule:
    """What another library offers: the protocol and nothing else."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


def coded(table: pa.Table) -> pa.Table:
    return table.set_column(1, "word", table["word"].dictionary_encode())


def viewed(table: pa.Table) -> pa.Table:
    return table.set_column(1, "word", table["word"].cast(pa.string_view()))


def coded_views(table: pa.Table) -> pa.Table:
    """As polars hands over its categories."""
    words = table["word"].combine_chunks().dictionary_encode()
    made = pa.DictionaryArray.from_arrays(words.indices.cast(pa.uint32()), words.dictionary.cast(pa.string_view()))
    return table.set_column(1, "word", made)


def sliced(table: pa.Table) -> pa.Table:
    """Arrays that do not begin where their buffers do."""
    return pa.concat_tables([table, table]).slice(N, N)


@pytest.mark.parametrize(
    "told",
    [
        lambda table: table,
        Capsule,
        coded,
        viewed,
        coded_views,
        sliced,
        lambda table: table.to_reader(),
        lambda table: iter(table.to_batches(max_chunksize=37)),
        lambda table: [table.slice(0, 100), Capsule(table.slice(100))],
        lambda table: table.to_pandas().astype({"word": "category", "count": "Int32"}),
        lambda table: table.to_pandas(types_mapper=pd.ArrowDtype),
    ],
    ids=[
        "arrow",
        "capsule",
        "dictionary",
        "views",
        "coded views",
        "sliced",
        "reader",
        "batches",
        "parts",
        "categories",
        "arrow frame",
    ],
)
def test_a_table_has_the_same_findings_whatever_holds_it(told: Callable[[pa.Table], Table]) -> None:
    expected = list(build_baseline(FRAME).compare(MOVED))

    moved = pa.Table.from_pandas(MOVED, preserve_index=False)
    found = list(build_baseline(told(ARROW)).compare(told(moved)))

    assert found == expected
    assert {one.verdict for one in found if one.column == "x" and one.check == "psi"} == {Verdict.DRIFTED}


BAD: dict[str, tuple[Any, str]] = {
    "times without a zone": ([pd.Timestamp("2026-01-01")] * N, "holds times"),
    "lists": ([[1, 2]] * N, "holds list"),
    "records": ([{"a": 1}] * N, "holds nested records"),
    "bytes": ([b"raw"] * N, "holds bytes"),
    "mixed with bytes": ([1, "a", b"raw", None] * (N // 4), "holds bytes, numbers, text"),
    "identifier": ([f"id {k}" for k in range(N)], "looks like an identifier"),
}


@pytest.mark.parametrize(("values", "why"), BAD.values(), ids=BAD)
def test_a_column_that_nobody_can_compare_has_one_finding_that_says_why(values: Any, why: str) -> None:
    table = FRAME.assign(bad=values)

    found = build_baseline(table).compare(table)

    (bad,) = (one for one in found if one.column == "bad")
    assert (bad.check, bad.verdict) == ("known_column", Verdict.INSUFFICIENT_DATA)
    assert why in bad.reason
    assert {found.verdicts[name] for name in map(str, FRAME)} == {Verdict.OK}


@pytest.mark.parametrize("name", ["score", "latency_ms"])
def test_an_output_that_holds_text_is_not_compared_and_stops_nothing(name: str) -> None:
    table = FRAME.assign(**{name: ["high", "low"] * (N // 2)})

    found = build_baseline(table).compare(table)

    (bad,) = (one for one in found if one.column == name)
    assert f"{name} must hold numbers, and holds text" in bad.reason
    assert found.verdicts["x"] is Verdict.OK


GOOD_ENOUGH: dict[str, Any] = {
    "predictions as text": ["yes", "no"] * (N // 2),
    "constant": [7] * N,
    "all missing": [None] * N,
    "infinities": [np.inf, -np.inf, 1.0, 2.0] * (N // 4),
    "mixed": [1, "a", True, None] * (N // 4),
    "decimals": [Decimal("1.5"), Decimal(2)] * (N // 2),
    "halves of characters": pd.Series(["a\ud83d", "b"] * (N // 2), dtype=object),
    "huge": pd.Series([10**400, 1] * (N // 2), dtype=object),
    "nullable": pd.array([1, None, 3, 4] * (N // 4), dtype="Int64"),
}


@pytest.mark.parametrize("values", GOOD_ENOUGH.values(), ids=GOOD_ENOUGH)
def test_an_odd_column_that_can_be_compared_is_equal_to_itself(values: Any) -> None:
    table = FRAME.assign(prediction=values)

    found = build_baseline(table).compare(table)

    assert found.verdicts["prediction"] is Verdict.OK


def test_of_columns_with_one_name_none_is_compared() -> None:
    twice = ARROW.append_column("x", ARROW["x"])

    before, after = build_baseline(twice).compare(ARROW), build_baseline(ARROW).compare(twice)

    for found in (before, after):
        (bad,) = (one for one in found if one.column == "x")
        assert "more than one column" in bad.reason
        assert found.verdicts["word"] is Verdict.OK


def test_where_the_only_column_comes_twice_there_is_no_answer() -> None:
    only = ARROW.select(["x"])

    found = build_baseline(only).compare(only.append_column("x", only["x"]))

    assert found.outcome is Outcome.INCOMPLETE
    assert found.verdicts == {"x": Verdict.INSUFFICIENT_DATA}


def test_where_no_column_of_the_reference_has_a_value_its_missing_rate_is_told() -> None:
    empty = pd.DataFrame({"x": [None] * N})

    found = build_baseline(empty).compare(FRAME[["x"]])

    assert found.drifted == ("x",)
    assert build_baseline(empty).compare(empty).drifted == ()


def test_columns_that_were_lost_retyped_or_added_are_named() -> None:
    changed = FRAME.drop(columns="flag").assign(x=FRAME["word"], extra=1)

    found = build_baseline(FRAME).compare(changed)

    assert found.verdicts["flag"] is found.verdicts["x"] is Verdict.DRIFTED
    assert found.verdicts["extra"] is Verdict.INSUFFICIENT_DATA
    assert found.notes == (
        "flag is in the reference alone: it counts as missing in every row",
        "x holds text where the reference holds numbers: such values count as missing",
    )


@pytest.mark.parametrize("values", [FRAME["x"], FRAME["word"], FRAME["flag"]], ids=["numbers", "text", "booleans"])
@pytest.mark.parametrize("nothing", [None, np.nan], ids=["no type", "numbers"])
def test_a_column_that_was_empty_in_the_reference_has_values_now_whatever_they_are(values: Any, nothing: Any) -> None:
    found = build_baseline(FRAME.assign(x=nothing)).compare(FRAME.assign(x=values))

    assert [(one.check, one.verdict) for one in found if one.column == "x"] == [("missing_rate", Verdict.DRIFTED)]
    assert found.notes == ("x has no value in any row: only its missing rate is checked",)


def test_what_nobody_compares_is_told_where_the_reference_holds_nothing() -> None:
    found = build_baseline(FRAME.assign(x=None)).compare(FRAME.assign(x=pd.Timestamp("2026-11-01")))

    assert "x holds times where the reference holds nothing: such values count as missing" in found.notes


def test_a_million_categories_are_compared_by_those_that_are_common() -> None:
    many = pa.array(np.arange(1_000_000) % 500_000).cast(pa.string())
    words = pc.replace_substring_regex(many, pattern="^1.*", replacement="one")

    found = build_baseline(pa.table({"word": words})).compare(pa.table({"word": words}))

    assert found.verdicts["word"] is Verdict.OK


def test_text_that_is_no_utf_8_is_bytes_to_us() -> None:
    ends = pa.py_buffer(np.array([0, 1, 2], np.int32))
    broken = pa.Array.from_buffers(pa.string(), 2, [None, ends, pa.py_buffer(b"\xff\xfe")])
    with_it = pa.table({"x": [1.0, 2.0], "bad": broken})
    found = build_baseline(with_it).compare(with_it, min_records=1)

    assert "text that is not UTF-8" in next(one.reason for one in found if one.column == "bad")


def test_many_categories_of_few_rows_are_not_said_to_be_equal() -> None:
    before = pd.DataFrame({"x": [f"v{k % 20}" for k in range(20_000)]})
    now = pd.DataFrame({"x": ["v0"] * 30 + [f"v{k % 20}" for k in range(30)]})

    found = build_baseline(before).compare(now, min_records=50)

    (distance,) = (one for one in found if one.check == "jensen_shannon")
    assert distance.verdict is Verdict.INSUFFICIENT_DATA
    assert "too few records: none of 20 categories is expected 5 times" in distance.reason


def test_a_column_that_is_nearly_constant_is_compared_with_few_rows() -> None:
    before = pd.DataFrame({"x": ["a"] * 19_990 + ["b"] * 10})

    found = build_baseline(before).compare(before.head(60), min_records=50)

    assert found.verdicts["x"] is Verdict.OK


def test_one_row_is_not_enough() -> None:
    found = build_baseline(FRAME).compare(FRAME.head(1))

    assert set(found.verdicts.values()) == {Verdict.INSUFFICIENT_DATA}


def test_one_row_is_no_reference_that_anything_could_be_unlike_or_like() -> None:
    found = build_baseline(FRAME.head(1)).compare(FRAME)

    assert set(found.verdicts.values()) == {Verdict.INSUFFICIENT_DATA}
    assert all("at least 10 are needed" in one.reason for one in found if one.check == "psi")


@pytest.mark.parametrize("name", ["all_columns", "records"])
def test_a_column_that_is_called_as_findings_call_all_of_them_is_left_out_and_named(name: str) -> None:
    table = FRAME.assign(**{name: 1.0})

    found = build_baseline(table).compare(table)

    assert found.verdicts["word"] is Verdict.OK
    assert any(one.check == "known_column" and one.column == name for one in found)
    assert not any(one.verdict is Verdict.FAILED for one in found)


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        ([True, False], ["True", "False"], "text where the reference holds booleans"),
        ([True, False], [1, 0], "numbers where the reference holds booleans"),
        (["1", "0"], [1, 0], "numbers where the reference holds text"),
    ],
)
def test_categories_of_another_type_are_named(before: list[object], now: list[object], words: str) -> None:
    tables = [pd.DataFrame({"kind": part * 100, "x": range(200)}) for part in (before, now)]

    found = build_baseline(tables[0]).compare(tables[1])

    assert f"kind holds {words}: compared as text" in found.notes


def test_one_name_is_no_sequence_of_letters() -> None:
    found = build_baseline(FRAME, exclude="word", categorical="count").compare(FRAME)

    assert {"word", "count"} & set(found.verdicts) == {"count"}
    assert any(one.column == "count" and one.check == "jensen_shannon" for one in found)


def test_a_reference_of_ten_rows_raises_no_alarm_without_cause() -> None:
    found = build_baseline(FRAME.head(10)).compare(FRAME.tail(N - 10))

    assert not found.drifted


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (5, "is a int, which is no table"),
        ({"x": [1]}, "is a dict, which is no table"),
        ({"x": [1]}, "a data frame of it is one"),
        (np.zeros((3, 2)), "is an array, which has no names of columns"),
        (FRAME["word"], "to_frame"),
        ([[5]], "^a part of the reference is a int"),
        ([], "holds no row"),
        (pd.DataFrame(), "holds no row"),
        (FRAME.head(0), "holds no row"),
        ([FRAME, 5], "a part of the reference is a int"),
        ("nowhere.parquet", "nowhere.parquet does not exist"),
    ],
)
def test_what_is_no_table_is_a_mistake_that_is_explained(table: Table, why: str) -> None:
    with pytest.raises(BaselineError, match=why):
        build_baseline(table)


def test_options_leave_out_rename_and_make_categories() -> None:
    baseline = build_baseline(FRAME, exclude=["flag"], categorical=["count"], rename={"word": "label_of_day"})

    found = baseline.compare(FRAME)

    assert baseline.columns == ("count", "label_of_day", "x")
    assert {one.check for one in found if one.column == "count"} >= {"jensen_shannon", "unseen_category"}


def test_what_carries_the_drift_adds_up_and_can_be_drawn(tmp_path: Path) -> None:
    found = build_baseline(FRAME).compare(MOVED)

    carriers = found.carried_by

    assert carriers[0].column == "x"
    assert sum(one.share for one in carriers) == pytest.approx(1)
    assert all(sum(part.share for part in one.parts) == pytest.approx(one.share) for one in carriers)
    picture = found.attribution_picture()
    picture.save(tmp_path / "parts.svg")
    assert (tmp_path / "parts.svg").read_text(encoding="utf-8").startswith("<svg ")
    assert "carried by x " in str(picture)
    quiet = build_baseline(FRAME).compare(FRAME)
    assert quiet.carried_by == ()
    with pytest.raises(ValueError, match="nothing to draw"):
        quiet.attribution_picture()


def writing(seed: int, shift: float = 0.0, more: Sequence[str] = ()) -> pa.Table:
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice(["good", "bad", "late", "red", *more], rng.integers(3, 9))) for _ in range(1_000)]
    return pa.table({"x": rng.normal(size=1_000), "note": texts, "v": rng.normal(shift, 1, (1_000, 24)).tolist()})


@pytest.mark.parametrize(
    "told",
    [lambda table: table, lambda table: table.to_pandas(), lambda table: iter(table.to_batches(max_chunksize=97))],
    ids=["arrow", "pandas", "batches"],
)
def test_texts_and_vectors_are_compared_whatever_holds_them(told: Callable[[pa.Table], Table]) -> None:
    baseline = build_baseline(told(writing(1)), texts=["note"], vectors={"v": 24})

    quiet = baseline.compare(told(writing(2)))
    moved = baseline.compare(told(writing(3, 1.0, ["crypto"])))

    assert not quiet.drifted
    assert not quiet.notes
    assert {"note.word", "v.length"} <= set(moved.drifted)
    assert {one.column.partition(".")[0] for one in moved.carried_by} == {"note", "v"}


def test_numbers_declared_as_text_are_refused_in_the_reference_and_found_in_the_table() -> None:
    with pytest.raises(BaselineError, match="x of the reference is declared as text, and holds numbers alone"):
        build_baseline(writing(1), texts=["x"])

    found = build_baseline(writing(1), texts=["note"], vectors={"v": 24}).compare(
        writing(2).set_column(1, "note", writing(2)["x"])
    )

    assert "note.word" in found.drifted


def test_a_parquet_file_with_texts_and_vectors_is_read_in_groups_of_columns(tmp_path: Path) -> None:
    pq.write_table(writing(1), tmp_path / "a.parquet")

    found = build_baseline(tmp_path / "a.parquet", texts=["note"], vectors={"v": 24}).compare(tmp_path / "a.parquet")

    assert set(found.verdicts.values()) == {Verdict.OK}
    assert {"note.words", "v.c0", "v.shape", "x"} <= set(found.verdicts)


def test_findings_are_a_table_pictures_and_a_page(tmp_path: Path) -> None:
    found = build_baseline(FRAME).compare(MOVED)

    found.save_html(tmp_path / "page.html")

    assert isinstance(found[0], Finding)
    assert list(found.to_pandas()["reason"]) == [one.reason for one in found]
    assert found.to_arrow().schema.field("statistic").type == pa.float64()
    assert found.picture("x").svg in (tmp_path / "page.html").read_text()
    assert found.picture("x").svg in found._repr_html_()
    assert repr(found) == "<Findings: 1 of 4 columns drifted>"
    with pytest.raises(KeyError, match="there are count, flag, word, x"):
        found.picture("y")


def test_an_estimate_never_says_more_distinct_values_than_there_are_rows() -> None:
    words = pd.DataFrame({"kind": ["a", "b"] * 2_500})
    numbers = [pd.DataFrame({"kind": np.random.default_rng(seed).normal(size=5_000)}) for seed in range(5)]

    found = [one for part in numbers for one in build_baseline(words).compare(part) if one.check == "cardinality"]

    told = [int(match[1].replace(",", "")) for one in found if (match := re.search(r"([\d,]+) distinct", one.reason))]
    assert len(told) == 5
    assert max(told) <= 5_000


@pytest.mark.parametrize("name", ["label", "__index_level_0__"])
def test_a_column_that_is_left_out_by_its_name_is_named(name: str) -> None:
    one, other = FRAME.assign(**{name: GOOD}), FRAME.assign(**{name: GOOD + 3})

    for before, now in ((one, other), (FRAME, other), (one, FRAME)):
        notes = build_baseline(before).compare(now).notes
        assert [note.startswith(f"{name} is left out") and "another name" in note for note in notes] == [True]


def test_what_is_left_out_on_purpose_needs_no_note() -> None:
    baseline = build_baseline(FRAME.assign(label=GOOD), exclude=["label"])

    assert baseline.compare(FRAME.assign(label=GOOD)).notes == ()


@pytest.mark.parametrize("least", [0, -5])
def test_a_check_needs_a_row_at_least(least: int) -> None:
    with pytest.raises(ValueError, match=f"min_records is {least}: a check needs at least 1 row"):
        build_baseline(FRAME).compare(FRAME, min_records=least)


def test_no_page_holds_control_characters_of_values() -> None:
    odd = FRAME.assign(word=["\x1b[31mred\x07", "a\x9bb\x00"] * (N // 2))

    page = build_baseline(FRAME).compare(odd)._repr_html_() + build_baseline(odd).compare(FRAME)._repr_html_()

    assert "red" in page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", page)
