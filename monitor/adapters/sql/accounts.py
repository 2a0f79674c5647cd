"""What became of every record: counted, late, known already, refused; and what producers say they served."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TypedDict

from sqlalchemy import Connection, Engine, case, func, select

from monitor.adapters.sql.engine import reading
from monitor.adapters.sql.tables import served, shares, tallies
from monitor.domain.models import ALL_TRAFFIC
from monitor.domain.stream import DUPLICATE, REPLAY_PREFIX, PaneAccount


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
    for version, pane_start_ms, n, thousandths, first, last in _said(connection, model, since_ms, until_ms):
        numbers = found[pane_start_ms, version]
        numbers["weight"] = numbers.get("weight", 0.0) - n + thousandths / 1_000
        if first is not None and last is not None:
            numbers["numbered"] = numbers.get("numbered", 0) + n
            numbers["expected"] = numbers.get("expected", 0) + last - first + 1


def _said(
    connection: Connection, model: str, since_ms: int, until_ms: int
) -> Iterator[tuple[str, int, int, int, int | None, int | None]]:
    """(version, pane, records, thousandths, least number, greatest number), producer by producer."""
    table = served.c
    statement = (
        select(
            table.version,
            table.pane_start_ms,
            func.sum(table.n),
            func.sum(table.weight_thousandths),
            func.min(table.first),
            func.max(table.last),
        )
        .where(table.model == model, table.pane_start_ms >= since_ms, table.pane_start_ms < until_ms)
        .group_by(table.version, table.pane_start_ms, table.producer)
        .order_by(table.version, table.pane_start_ms, table.producer)
    )
    for version, pane_start_ms, n, thousandths, first, last in connection.execute(statement):
        yield version, pane_start_ms, int(n), int(thousandths), first, last
