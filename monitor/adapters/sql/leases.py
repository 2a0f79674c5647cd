"""Named rights that one process holds at a time, by the database's clock."""

from sqlalchemy import Engine, case, or_

from monitor.adapters.sql.engine import writing
from monitor.adapters.sql.statements import insert, took_place
from monitor.adapters.sql.tables import leases
from monitor.adapters.sql.types import database_now_ms


class SqlLease:
    """The lease port on SQLite and PostgreSQL; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def hold(self, name: str, holder: str, seconds: float) -> bool:
        """Take or renew for so many seconds; False when somebody else has it. Zero seconds give it back.

        One conditional statement, so two holders never both succeed. The lease's epoch grows with each new holder.
        """
        table, now = leases.c, database_now_ms()
        with writing(self._engine) as connection:
            fresh = insert(connection, leases).values(
                name=name, holder=holder, epoch=1, expires_at_ms=now + round(seconds * 1000)
            )
            statement = fresh.on_conflict_do_update(
                index_elements=["name"],
                set_={
                    "holder": fresh.excluded.holder,
                    "expires_at_ms": fresh.excluded.expires_at_ms,
                    "epoch": case((table.holder == holder, table.epoch), else_=table.epoch + 1),
                },
                where=or_(table.holder == holder, table.expires_at_ms <= now),
            )
            return took_place(connection, statement)
