"""What the evaluation reads of the stream: progress, panes, shares, and predictions joined with truth."""

from sqlalchemy import Connection, Engine, Row, and_, func, select

from monitor.adapters.sql.engine import reading
from monitor.adapters.sql.tables import predictions, progress, shares, truths
from monitor.domain.models import ALL_TRAFFIC, ModelRef
from monitor.domain.records import PartitionId
from monitor.domain.stream import PaneSummary, PartitionProgress, Share, ShareKey, TopicKind

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

    def panes(self, model: str, since_ms: int, until_ms: int, pane_ms: int) -> list[PaneSummary]:
        """Panes of all versions that start in [since, until), by version and start; counts add over the shares."""
        table = shares.c
        statement = (
            select(table.version, table.pane_start_ms, func.sum(table.n).label("n"), func.sum(table.late).label("late"))
            .where(table.model == model, table.segment == ALL_TRAFFIC)
            .where(table.pane_start_ms >= since_ms, table.pane_start_ms < until_ms)
            .group_by(table.version, table.pane_start_ms)
            .order_by(table.version, table.pane_start_ms)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(statement).all()
            known = _truths_by_pane(connection, model, since_ms, until_ms, pane_ms) if rows else {}
        # sums arrive as Decimal from PostgreSQL
        return [
            PaneSummary(
                model,
                row.version,
                row.pane_start_ms,
                int(row.n),
                int(row.late),
                known.get((row.version, row.pane_start_ms), 0),
            )
            for row in rows
        ]

    def shares(self, ref: ModelRef, segment: str, since_ms: int, until_ms: int) -> list[Share]:
        """Shares whose pane starts in [since, until), by pane, partition, epoch (and baseline)."""
        table = shares.c
        statement = (
            select(shares)
            .where(table.model == ref.name, table.version == ref.version, table.segment == segment)
            .where(table.pane_start_ms >= since_ms, table.pane_start_ms < until_ms)
            .order_by(table.pane_start_ms, table.topic, table.partition, table.epoch, table.baseline_id)
        )
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


def _truths_by_pane(
    connection: Connection, model: str, since_ms: int, until_ms: int, pane_ms: int
) -> dict[tuple[str, int], int]:
    """(version, pane start) to predictions with known truth, for the panes that start in [since, until)."""
    if connection.execute(select(truths.c.model).where(truths.c.model == model).limit(1)).first() is None:
        return {}  # most models have no ground truth: spare them the join
    first = -(-since_ms // pane_ms) * pane_ms
    end = -(-until_ms // pane_ms) * pane_ms
    table = predictions.c
    # counted from `first`, so that the division never sees a negative number (which SQL rounds towards zero)
    pane = ((table.event_time_ms - first) // pane_ms).label("pane")
    statement = (
        select(table.version, pane, func.count().label("n"))
        .select_from(_joined)
        .where(table.model == model, table.event_time_ms >= first, table.event_time_ms < end)
        .group_by(table.version, pane)
    )
    return {(row.version, first + row.pane * pane_ms): row.n for row in connection.execute(statement)}


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
