"""What became of every record: counted, late, known already, refused; and what producers say they served."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple, TypedDict

from sqlalchemy import Column, ColumnElement, Connection, Engine, and_, case, func, or_, select, tuple_
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from monitor.adapters.sql.engine import reading
from monitor.adapters.sql.statements import grouped
from monitor.adapters.sql.tables import served, shares, tallies
from monitor.domain.models import ALL_TRAFFIC, ModelRef
from monitor.domain.stream import DUPLICATE, REPLAY_PREFIX, PaneAccount, PaneStatement, ShareSpan


class _Numbers(TypedDict, total=False):
    counted: int
    late: int
    replayed: int
    duplicates: int
    refused: dict[str, int]
    weight: float
    numbered: int
    expected: int


_ByPane = dict[tuple[int, str], _Numbers]


class SqlAccounts:
    """The account-reading port on SQLite and PostgreSQL; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def accounts(self, model: str, since_ms: int, until_ms: int) -> list[PaneAccount]:
        """Panes of all versions that start in [since, until), by start and version; sums over partitions and epochs."""
        found: _ByPane = defaultdict(_Numbers)
        with reading(self._engine) as connection:
            _add_counted(connection, found, model, since_ms, until_ms)
            _add_not_counted(connection, found, model, since_ms, until_ms)
            _add_served(connection, found, model, since_ms, until_ms)
        return [
            PaneAccount(model, version, start_ms, **found[start_ms, version]) for start_ms, version in sorted(found)
        ]

    def refused_of_no_model(self, since_ms: int, until_ms: int) -> dict[str, int]:
        """Refused records that belong to no known model, by reason."""
        table = tallies.c
        statement = (
            select(table.fate, func.sum(table.n).label("n"))
            .where(table.model == "", table.pane_start_ms >= since_ms, table.pane_start_ms < until_ms)
            .group_by(table.fate)
            .order_by(table.fate)
        )
        with reading(self._engine) as connection:
            return {row.fate: int(row.n) for row in connection.execute(statement)}

    def statements(self, spans: Sequence[ShareSpan]) -> list[PaneStatement]:
        """What producers say of the panes in the spans, by model, version and pane; one statement."""
        if not spans:
            return []
        with reading(self._engine) as connection:
            return _statements(connection, _within(served.c, spans))

    def duplicates(self, spans: Sequence[ShareSpan]) -> dict[tuple[ModelRef, int], int]:
        """Duplicates of the panes in the spans, by model version and pane; one statement."""
        if not spans:
            return {}
        table = tallies.c
        key = (table.model, table.version, table.pane_start_ms)
        statement = select(*key, func.sum(table.n)).where(table.fate == DUPLICATE, _within(table, spans)).group_by(*key)
        with reading(self._engine) as connection:
            found = connection.execute(statement)
            return {(ModelRef(model, version), at_ms): int(n) for model, version, at_ms, n in found}

    def volumes(self, model: str, spans_ms: Sequence[tuple[int, int]]) -> list[int | None]:
        """Records of all versions by span, None before the model's first pane; one statement, from an index alone."""
        table = shares.c
        first = select(func.min(table.pane_start_ms)).where(table.model == model, table.segment == ALL_TRAFFIC)
        sums = [
            select(func.coalesce(func.sum(table.n), 0))
            .where(table.model == model, table.segment == ALL_TRAFFIC)
            .where(table.pane_start_ms >= start_ms, table.pane_start_ms < end_ms)
            .scalar_subquery()
            for start_ms, end_ms in spans_ms
        ]
        with reading(self._engine) as connection:
            first_ms, *numbers = connection.execute(select(first.scalar_subquery(), *sums)).one()
        there = [first_ms is not None and first_ms <= start_ms for start_ms, _ in spans_ms]
        return [int(n) if is_there else None for n, is_there in zip(numbers, there, strict=True)]


def _within(table: ReadOnlyColumnCollection[str, Column[Any]], spans: Sequence[ShareSpan]) -> ColumnElement[bool]:
    """Whether a row's pane lies in a span of its model version."""
    about = tuple_(table.model, table.version)
    conditions = [
        and_(
            about.in_({(one.ref.name, one.ref.version) for one in of}),
            table.pane_start_ms >= since_ms,
            table.pane_start_ms < until_ms,
        )
        for (since_ms, until_ms), of in grouped(spans, lambda span: (span.since_ms, span.until_ms))
    ]
    return or_(*conditions)


def _add_counted(connection: Connection, found: _ByPane, model: str, since_ms: int, until_ms: int) -> None:
    table = shares.c
    again = case((table.topic.startswith(REPLAY_PREFIX, autoescape=True), table.n), else_=0)
    statement = (
        select(
            table.version,
            table.pane_start_ms,
            func.sum(table.n).label("n"),
            func.sum(table.late).label("late"),
            func.sum(again).label("replayed"),
        )
        .where(table.model == model, table.segment == ALL_TRAFFIC)
        .where(table.pane_start_ms >= since_ms, table.pane_start_ms < until_ms)
        .group_by(table.version, table.pane_start_ms)
    )
    for row in connection.execute(statement):  # sums arrive as Decimal from PostgreSQL
        found[row.pane_start_ms, row.version].update(
            {"counted": int(row.n), "late": int(row.late), "replayed": int(row.replayed), "weight": float(row.n)}
        )


def _add_not_counted(connection: Connection, found: _ByPane, model: str, since_ms: int, until_ms: int) -> None:
    table = tallies.c
    statement = (
        select(table.version, table.pane_start_ms, table.fate, func.sum(table.n).label("n"))
        .where(table.model == model, table.pane_start_ms >= since_ms, table.pane_start_ms < until_ms)
        .group_by(table.version, table.pane_start_ms, table.fate)
        .order_by(table.fate)
    )
    for row in connection.execute(statement):
        numbers = found[row.pane_start_ms, row.version]
        if row.fate == DUPLICATE:
            numbers["duplicates"] = int(row.n)
        else:
            numbers.setdefault("refused", {})[row.fate] = int(row.n)


def _add_served(connection: Connection, found: _ByPane, model: str, since_ms: int, until_ms: int) -> None:
    table = served.c
    of = and_(table.model == model, table.pane_start_ms >= since_ms, table.pane_start_ms < until_ms)
    for said in _statements(connection, of):
        numbers = found[said.pane_start_ms, said.ref.version]
        numbers["weight"] = numbers.get("weight", 0.0) - said.n + said.weight
        numbers["numbered"], numbers["expected"] = said.numbered, said.expected


class _Producer(NamedTuple):
    """What one producer says of one pane of a model version."""

    ref: ModelRef
    pane_start_ms: int
    n: int
    thousandths: int
    first: int | None
    last: int | None


def _statements(connection: Connection, condition: ColumnElement[bool]) -> list[PaneStatement]:
    by_pane = groupby(_producers(connection, condition), attrgetter("ref", "pane_start_ms"))
    return [_statement(ref, pane_start_ms, list(of)) for (ref, pane_start_ms), of in by_pane]


def _statement(ref: ModelRef, pane_start_ms: int, producers: Sequence[_Producer]) -> PaneStatement:
    numbered = [one for one in producers if one.first is not None]
    weights = [one.thousandths / one.n / 1_000 for one in producers]
    return PaneStatement(
        ref,
        pane_start_ms,
        n=sum(one.n for one in producers),
        weight=sum(one.thousandths for one in producers) / 1_000,
        numbered=sum(one.n for one in numbered),
        numbered_weight=sum(one.thousandths for one in numbered) / 1_000,
        expected=sum((one.last or 0) - (one.first or 0) + 1 for one in numbered),
        weights=(min(weights), max(weights)),
    )


def _producers(connection: Connection, condition: ColumnElement[bool]) -> Iterator[_Producer]:
    """By model, version, pane and producer."""
    table = served.c
    key = (table.model, table.version, table.pane_start_ms, table.producer)
    numbers = (func.sum(table.n), func.sum(table.weight_thousandths), func.min(table.first), func.max(table.last))
    statement = select(*key, *numbers).where(condition).group_by(*key).order_by(*key)
    for model, version, pane_start_ms, _, n, thousandths, first, last in connection.execute(statement):
        yield _Producer(ModelRef(model, version), pane_start_ms, int(n), int(thousandths), first, last)
