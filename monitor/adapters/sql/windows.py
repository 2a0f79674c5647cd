"""What the evaluation reads of the stream: progress, panes, shares, and predictions joined with truth."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, func, or_, select, tuple_

from monitor.adapters.sql.engine import reading
from monitor.adapters.sql.statements import grouped
from monitor.adapters.sql.tables import predictions, progress, shares, truths
from monitor.domain.models import ALL_TRAFFIC, ModelRef
from monitor.domain.records import PartitionId
from monitor.domain.stream import PaneSpan, PaneSummary, PartitionProgress, Share, ShareKey, ShareSpan, TopicKind

_joined = predictions.join(
    truths, and_(predictions.c.model == truths.c.model, predictions.c.event_id == truths.c.event_id)
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
            known = _truths_by_pane(connection, [span for span in spans if span.with_truths]) if rows else {}
        # sums arrive as Decimal from PostgreSQL
        return [
            PaneSummary(model, version, start_ms, int(n), int(late), known.get((model, version, start_ms), 0))
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

    def joined(self, ref: ModelRef, since_ms: int, until_ms: int) -> list[tuple[str, float | None, str]]:
        """(prediction, score, label) of predictions made in [since, until) whose truth is known, by event id."""
        table = predictions.c
        statement = (
            select(table.prediction, table.score, truths.c.label)
            .select_from(_joined)
            .where(table.model == ref.name, table.version == ref.version)
            .where(table.event_time_ms >= since_ms, table.event_time_ms < until_ms)
            .order_by(table.event_id)
        )
        with reading(self._engine) as connection:
            return [(row.prediction, row.score, row.label) for row in connection.execute(statement)]

    def predictions_count(self, ref: ModelRef, since_ms: int, until_ms: int) -> int:
        """How many predictions made in [since, until) wait in the store, with or without truth."""
        table = predictions.c
        statement = (
            select(func.count())
            .select_from(predictions)
            .where(table.model == ref.name, table.version == ref.version)
            .where(table.event_time_ms >= since_ms, table.event_time_ms < until_ms)
        )
        with reading(self._engine) as connection:
            return connection.execute(statement).scalar_one()


def _starts_in(since_ms: int, until_ms: int) -> ColumnElement[bool]:
    return and_(shares.c.pane_start_ms >= since_ms, shares.c.pane_start_ms < until_ms)


def _truths_by_pane(connection: Connection, spans: Sequence[PaneSpan]) -> dict[tuple[str, str, int], int]:
    """(model, version, pane start) to predictions with known truth, for the panes in the spans."""
    table = predictions.c
    found: dict[tuple[str, str, int], int] = {}
    for (since_ms, until_ms, pane_ms), of in grouped(spans, lambda one: (one.since_ms, one.until_ms, one.pane_ms)):
        first, end = -(-since_ms // pane_ms) * pane_ms, -(-until_ms // pane_ms) * pane_ms
        # counted from `first`, so that the division never sees a negative number (which SQL rounds towards zero)
        pane = ((table.event_time_ms - first) // pane_ms).label("pane")
        statement = (
            select(table.model, table.version, pane, func.count().label("n"))
            .select_from(_joined)
            .where(table.model.in_([span.model for span in of]))
            .where(table.event_time_ms >= first, table.event_time_ms < end)
            .group_by(table.model, table.version, pane)
        )
        for row in connection.execute(statement):
            found[row.model, row.version, first + row.pane * pane_ms] = row.n
    return found


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
