"""Many rows at once: what is written and counted, how documents come back, and the collector that rests meanwhile."""

import gc
from datetime import timedelta
from threading import Event, Thread

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from alerts.storage.bulk import among, upsert, write_many
from alerts.storage.engine import memory_engine
from alerts.storage.tables import channels, digests, members
from alerts.storage.types import Json
from alerts.testing.messages import START
from alerts.unswept import unswept

SECOND = timedelta(seconds=1)


def member(group: int, name: int, seconds: int = 0) -> dict[str, object]:
    return {"group_key": f"g{group}", "fingerprint": f"f{name}", "joined_at": START + seconds * SECOND}


def test_rows_that_are_there_are_counted_only_where_they_change() -> None:
    keys = ("group_key", "fingerprint")
    keeping, replacing = upsert("sqlite", members, keys, ()), upsert("sqlite", members, keys, ("joined_at",))
    with memory_engine().begin() as conn:
        counts = [
            write_many(conn, keeping, [member(1, 1), member(1, 2)]),
            write_many(conn, keeping, [member(1, 2, 9), member(1, 3)]),
            write_many(conn, replacing, [member(1, 2, 9)]),
            write_many(conn, keeping, []),
        ]
        joined = dict(conn.execute(sa.select(members.c.fingerprint, members.c.joined_at)).all())

    assert counts == [2, 1, 1, 0]
    assert joined == {"f1": START, "f2": START + 9 * SECOND, "f3": START}


def test_a_value_of_the_statement_itself_goes_to_every_row() -> None:
    statement = (
        sa.update(channels)
        .where(channels.c.channel == sa.bindparam("of"), channels.c.is_told.is_(False))
        .values(failures=7, open_until=sa.bindparam("until"), failing_since=None)
    )
    row = {"failures": 0, "failing_since": START, "open_until": None, "slot_at": None}
    with memory_engine().begin() as conn:
        rows = [{"channel": name, "is_told": name == "c", **row} for name in "abc"]
        write_many(conn, upsert("sqlite", channels, ("channel",), ()), rows)
        changed = write_many(conn, statement, [{"of": name, "until": START + SECOND} for name in "abc"])
        found = conn.execute(sa.select(channels).order_by(channels.c.channel)).all()

    assert changed == 2
    assert [(one.failures, one.failing_since) for one in found] == [(7, None), (7, None), (0, START)]
    assert [one.open_until for one in found] == [START + SECOND, START + SECOND, None]


def test_any_number_of_values_is_asked_for_at_once() -> None:
    many = [f"name-{number}" for number in range(40_000)]  # more than SQLite takes as parameters
    with memory_engine().begin() as conn:
        rows = [{"name": name, "told_until": START} for name in ("name-7", "other", "name-39999")]
        write_many(conn, upsert("sqlite", digests, ("name",), ()), rows)
        found = conn.execute(sa.select(digests.c.name).where(among(conn, digests.c.name, many))).scalars().all()
        nothing = conn.execute(sa.select(digests.c.name).where(among(conn, digests.c.name, []))).all()

    assert (sorted(found), nothing) == (["name-39999", "name-7"], [])


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(documents)
def test_a_document_comes_back_as_it_went_in(document: object) -> None:
    assert through(document) == document


@pytest.mark.parametrize("hostile", ["\ud800", {"\udfff": ["x"]}, [], {}, "", 0, False])
def test_a_document_of_hostile_or_empty_content_comes_back_too(hostile: object) -> None:
    assert through(hostile) == hostile


def test_what_the_json_module_wrote_can_be_read() -> None:
    load = Json().result_processor(sa.create_engine("sqlite://").dialect, None)
    assert load is not None

    assert load('{"a": ["\\ud800", 1]}') == {"a": ["\ud800", 1]}


def through(document: object) -> object:
    dialect = sa.create_engine("sqlite://").dialect
    dump, load = Json().bind_processor(dialect), Json().result_processor(dialect, None)
    assert dump is not None
    assert load is not None
    return load(dump(document))


def test_the_collector_rests_until_the_last_of_several_turns_is_over() -> None:
    begun, may_end = Event(), Event()

    def turn() -> None:
        with unswept():
            begun.set()
            may_end.wait(10)

    other = Thread(target=turn)
    with unswept():
        other.start()
        begun.wait(10)
        within = gc.isenabled()
    one_is_left = gc.isenabled()
    may_end.set()
    other.join(10)

    assert (within, one_is_left, gc.isenabled()) == (False, False, True)


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with unswept():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
