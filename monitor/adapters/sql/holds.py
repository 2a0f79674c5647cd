"""What operators hold: models that are not to be retrained."""

from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Select, or_, select, update

from monitor.adapters.sql.engine import reading, writing
from monitor.adapters.sql.statements import insert
from monitor.adapters.sql.tables import retrain_holds
from monitor.domain.retraining import OperatorHold


class SqlHoldStore:
    """The port of holds on SQLite and PostgreSQL; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def holds(self, now: datetime) -> list[OperatorHold]:
        """Those that are not over, oldest first."""
        table = retrain_holds.c
        statement = (
            select(retrain_holds)
            .where(table.released_at.is_(None), or_(table.until.is_(None), table.until > now))
            .order_by(table.sequence)
        )
        return self._found(statement)

    def ever(self) -> list[OperatorHold]:
        """All there were, oldest first."""
        return self._found(select(retrain_holds).order_by(retrain_holds.c.sequence))

    def _found(self, statement: Select[Any]) -> list[OperatorHold]:
        with reading(self._engine) as connection:
            rows = connection.execute(statement).all()
        return [OperatorHold(*(getattr(row, name) for name in OperatorHold.__slots__)) for row in rows]

    def hold(self, hold: OperatorHold) -> None:
        """Add one."""
        values = {name: getattr(hold, name) for name in OperatorHold.__slots__}
        with writing(self._engine) as connection:
            connection.execute(insert(connection, retrain_holds).values(**values))

    def release(self, model: str, by: str, at: datetime) -> int:
        """End every hold that names the model exactly; how many there were."""
        table = retrain_holds.c
        statement = (
            update(retrain_holds)
            .where(table.model == model, table.released_at.is_(None), or_(table.until.is_(None), table.until > at))
            .values(released_at=at, released_by=by)
        )
        with writing(self._engine) as connection:
            return connection.execute(statement).rowcount
