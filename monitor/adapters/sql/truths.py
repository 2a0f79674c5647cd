"""What is stored of ground truth, for people who ask what was said of a prediction, by whom and when."""

from typing import Any

from sqlalchemy import Engine, Select, case, func, select

from monitor.adapters.sql.engine import reading
from monitor.adapters.sql.tables import predictions, truths
from monitor.domain.records import Truth, TruthTally

_said = truths.c


class SqlTruths:
    """The truth-reading port on SQLite and PostgreSQL; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def tallies(self, model: str) -> list[TruthTally]:
        """What is stored of each kind of truth of a model, by name."""
        said_by = (
            select(_said.name, func.count(_said.annotator.distinct()).label("n"))
            .where(_said.model == model, _said.annotator != "")
            .group_by(_said.name)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(_by_name(model)).all()
            annotators = {row.name: row.n for row in connection.execute(said_by)}
        # sums arrive as Decimal from PostgreSQL
        return [
            TruthTally(name, int(n), ids, int(unmatched), int(replaced), annotators.get(name, 0), first, last)
            for name, n, ids, unmatched, replaced, first, last in rows
        ]

    def statements(self, model: str, event_id: str) -> list[Truth]:
        """Every statement about one prediction, by name and in the order in which they hold: the last one counts."""
        columns = (_said.model, _said.event_id, _said.label, _said.known_at_ms, _said.name, _said.annotator)
        statement = (
            select(*columns, _said.offset)
            .where(_said.model == model, _said.event_id == event_id)
            .order_by(_said.name, _said.known_at_ms, _said.offset, _said.label)
        )
        with reading(self._engine) as connection:
            return [Truth(*row) for row in connection.execute(statement)]


def _by_name(model: str) -> Select[Any]:
    by_id = (
        select(
            _said.name,
            _said.event_id,
            func.count().label("n"),
            func.count(_said.label.distinct()).label("labels"),
            func.min(_said.known_at_ms).label("first"),
            func.max(_said.known_at_ms).label("last"),
        )
        .where(_said.model == model)
        .group_by(_said.name, _said.event_id)
        .subquery()
    )
    made, one = select(predictions.c.event_id).where(predictions.c.model == model), by_id.c
    return (
        select(
            one.name,
            func.sum(one.n),
            func.count(),
            func.sum(case((one.event_id.not_in(made), 1), else_=0)),
            func.sum(case((one.labels > 1, 1), else_=0)),
            func.min(one.first),
            func.max(one.last),
        )
        .group_by(one.name)
        .order_by(one.name)
    )
