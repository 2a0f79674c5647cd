"""What the evaluation reads of the stream: progress, panes, shares, and predictions joined with truth."""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, func, or_, select, tuple_

from monitor.adapters.sql.engine import reading
from monitor.adapters.sql.joins import KNOWN, MADE, joined_rows
from monitor.adapters.sql.statements import grouped
from monitor.adapters.sql.tables import predictions, progress, shares, truths
from monitor.domain.models import ALL_TRAFFIC, ModelRef
from monitor.domain.records import Joined, PartitionId
from monitor.domain.stream import (
    JoinSpan,
    PaneSpan,
    PaneSummary,
    PartitionProgress,
    Share,
    ShareKey,
    ShareSpan,
    TopicKind,
    TruthScope,
)


class SqlWindowReads:
    """The window-reading port on SQLite and PostgreSQL; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def progress(self) -> list[PartitionProgress]:
        """Every partition ever claimed, by topic and number."""
        statement = select(progress).order_by(progress.c.topic, progress.c.partition)
        with reading(self._engine) as connection:
            return [_progress(row) for row in connection.execute(statement)]

    def panes(self, spans: Sequence[PaneSpan]) -> list[PaneSummary]:
        """Panes of all versions in the spans, by model, version and start; counts add over the shares."""
        if not spans:
            return []
        table, alike = shares.c, grouped(spans, lambda span: (span.since_ms, span.until_ms))
        statement = (
            select(
                table.model,
                table.version,
                table.pane_start_ms,
                func.sum(table.n).label("n"),
                func.sum(table.late).label("late"),
            )
            .where(table.segment == ALL_TRAFFIC)
            .where(or_(*(and_(table.model.in_([span.model for span in of]), _starts_in(*time)) for time, of in alike)))
            .group_by(table.model, table.version, table.pane_start_ms)
            .order_by(table.model, table.version, table.pane_start_ms)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(statement).all()
            known = _truths_by_pane(connection, [span for span in spans if span.truth is not None]) if rows else {}
        # sums arrive as Decimal from PostgreSQL
        return [
            PaneSummary(model, version, start_ms, int(n), int(late), *known.get((model, version, start_ms), (0, 0)))
            for model, version, start_ms, n, late in rows
        ]

    def shares(self, spans: Sequence[ShareSpan]) -> list[Share]:
        """Shares in the spans, each once, by model, version, segment, pane, partition, epoch (and baseline)."""
        if not spans:
            return []
        table, alike = shares.c, grouped(spans, lambda span: (span.since_ms, span.until_ms))
        about = tuple_(table.model, table.version, table.segment)
        conditions = [
            and_(about.in_([(one.ref.name, one.ref.version, one.segment) for one in of]), _starts_in(*time))
            for time, of in alike
        ]
        order = (table.pane_start_ms, table.topic, table.partition, table.epoch, table.baseline_id)
        statement = select(shares).where(or_(*conditions)).order_by(table.model, table.version, table.segment, *order)
        with reading(self._engine) as connection:
            return [_share(row) for row in connection.execute(statement)]

    def joined(self, span: JoinSpan) -> list[Joined]:
        """The predictions of the span whose truth is known, by event id, each once: the latest made and known."""
        statement = joined_rows(
            span,
            MADE.event_id,
            MADE.prediction,
            MADE.score,
            MADE.event_time_ms,
            KNOWN.label,
            KNOWN.known_at_ms,
            MADE.scores,
        )
        with reading(self._engine) as connection:
            rows: Sequence[Any] = connection.execute(statement).all()
        return _settled(rows)

    def predictions_count(self, ref: ModelRef, since_ms: int, until_ms: int) -> int:
        """How many predictions made in [since, until) are in the store, with or without truth; an id counts once."""
        table = predictions.c
        statement = (
            select(func.count(table.event_id.distinct()))
            .select_from(predictions)
            .where(table.model == ref.name, table.version == ref.version)
            .where(table.event_time_ms >= since_ms, table.event_time_ms < until_ms)
        )
        with reading(self._engine) as connection:
            return connection.execute(statement).scalar_one()


def _starts_in(since_ms: int, until_ms: int) -> ColumnElement[bool]:
    return and_(shares.c.pane_start_ms >= since_ms, shares.c.pane_start_ms < until_ms)


_Row = tuple[str, str, float | None, int, str, int, str | None]
"""Id, prediction, score, when it was made, label, when that was known, scores of all classes."""


def _settled(rows: Sequence[_Row]) -> list[Joined]:
    """One for each id, of rows in the order in which later ones hold."""
    if len({row[0] for row in rows}) == len(rows):  # most windows have no corrections, and then this is faster
        return [
            Joined(prediction, score, label, known_at_ms - made_at_ms, 1, 1, scores)
            for _, prediction, score, made_at_ms, label, known_at_ms, scores in rows
        ]
    return [_last(list(of_id)) for _, of_id in groupby(rows, key=itemgetter(0))]


def _last(of_id: Sequence[_Row]) -> Joined:
    _, prediction, score, made_at_ms, label, _, scores = of_id[-1]
    statements = [row for row in of_id if row[3] == made_at_ms]
    first_known_ms, labels = statements[0][5], len({row[4] for row in statements})
    return Joined(prediction, score, label, first_known_ms - made_at_ms, len(statements), labels, scores)


_PaneKey = tuple[str, str, int]
_Alike = tuple[int, int, int, TruthScope]


def _truths_by_pane(connection: Connection, spans: Sequence[PaneSpan]) -> dict[_PaneKey, tuple[int, int]]:
    """(model, version, pane start) to predictions with known truth and statements of it, for the panes in the spans."""
    found: dict[_PaneKey, tuple[int, int]] = {}
    for alike, of in grouped(spans, _of_time_and_truth):
        _count_truths(connection, alike, [span.model for span in of], found)
    return found


def _of_time_and_truth(span: PaneSpan) -> _Alike:
    return span.since_ms, span.until_ms, span.pane_ms, span.truth or TruthScope()


def _count_truths(
    connection: Connection, alike: _Alike, models: Sequence[str], found: dict[_PaneKey, tuple[int, int]]
) -> None:
    made, known = predictions.c, truths.c
    since_ms, until_ms, pane_ms, scope = alike
    first, end = -(-since_ms // pane_ms) * pane_ms, -(-until_ms // pane_ms) * pane_ms
    # counted from `first`, so that the division never sees a negative number (which SQL rounds towards zero)
    number = (made.event_time_ms - first) // pane_ms
    # a look-up for each prediction and no join: one that PostgreSQL plans before it has statistics is quadratic
    statements = (
        select(func.count())
        .where(known.model == made.model, known.event_id == made.event_id, known.name == scope.name)
        .where(known.known_at_ms <= first + number * pane_ms + scope.within_ms)
        .correlate(predictions)
        .scalar_subquery()
    )
    told = (
        select(made.model, made.version, made.event_id, number.label("pane"), statements.label("statements"))
        .where(made.model.in_(models))
        .where(made.event_time_ms >= first, made.event_time_ms < end)
        .subquery()
        .c
    )
    statement = (
        select(told.model, told.version, told.pane, func.count(told.event_id.distinct()), func.sum(told.statements))
        .where(told.statements > 0)
        .group_by(told.model, told.version, told.pane)
    )
    for model, version, k, n, of_all in connection.execute(statement):
        found[model, version, first + k * pane_ms] = n, int(of_all)


def _progress(row: Row[tuple[object, ...]]) -> PartitionProgress:
    return PartitionProgress(
        partition=PartitionId(row.topic, row.partition),
        kind=TopicKind(row.kind),
        epoch=row.epoch,
        owner=row.owner,
        next_offset=row.next_offset,
        watermark_ms=row.watermark_ms,
        highwater=row.highwater,
        updated_at_ms=row.updated_at_ms,
        caught_up_at_ms=row.caught_up_at_ms,
    )


def _share(row: Row[tuple[object, ...]]) -> Share:
    partition = PartitionId(row.topic, row.partition)
    key = ShareKey(row.model, row.version, row.segment, row.pane_start_ms, row.baseline_id, partition, row.epoch)
    return Share(key, row.n, row.late, row.first_offset, row.next_offset, row.payload)
