"""A table of outcomes in a real database, as a team that knows nothing of us has it, and what polls it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from monitor.adapters.record_log.polled import SqlPolledLog
from monitor.adapters.record_log.source import RecordLogSource
from monitor.adapters.sql_truth.opened import open_for_reading
from monitor.adapters.sql_truth.table import PAGE, SqlTruthTable, TruthColumns, TruthQuery
from monitor.domain.errors import StoreUnavailable
from monitor.domain.partitions import PartitionId
from monitor.domain.polling import Cursor, PolledLog, PolledRow, TableState
from monitor.domain.stream import TopicKind
from monitor.domain.time import duration_ms
from monitor.testing.sources import read, values
from monitor.usecases.poll_truth import PollReport, PollTruth

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PARTITION = PartitionId("sql:ground-truth", 0)
QUERY = TruthQuery("churn", TruthColumns("id", "label", "updated_at", "at", "who"), table="outcomes")


class Present:
    """The wall clock, as told."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at


@dataclass
class Outcomes:
    """`ours` is the monitor's database, `url` theirs. `add` and `change` write as they do."""

    ours: sa.Engine
    url: str
    clock: Present = field(default_factory=Present)

    def __post_init__(self) -> None:
        self.theirs = sa.create_engine(self.url, poolclass=sa.NullPool)
        self.is_postgres = self.theirs.dialect.name == "postgresql"
        kind = "timestamptz" if self.is_postgres else "text"
        self.run(f"CREATE TABLE outcomes (id text, label text, at {kind}, who text, updated_at {kind})")

    def run(self, statement: str, **values: object) -> None:
        with self.theirs.begin() as connection:
            connection.execute(sa.text(statement), values)

    def add(self, *rows: tuple[str | None, str | None, datetime | None], at: datetime | None = None) -> None:
        """Rows of (id, label, updated_at); the truth was known `at`, without it when the row was changed."""
        known = [{"i": i, "l": label, "k": self.said(at or when), "u": self.said(when)} for i, label, when in rows]
        with self.theirs.begin() as connection:
            connection.execute(sa.text("INSERT INTO outcomes VALUES (:i, :l, :k, NULL, :u)"), known)

    def change(self, its_id: str, label: str, when: datetime) -> None:
        said = self.said(when)
        self.run("UPDATE outcomes SET label = :l, at = :u, updated_at = :u WHERE id = :i", i=its_id, l=label, u=said)

    def said(self, when: datetime | None) -> object:
        """As the column has it."""
        return when if self.is_postgres or when is None else when.isoformat(timespec="milliseconds")

    def poll(self, log: PolledLog | None = None, **settings: object) -> PollReport:
        """A process that has just begun polls once."""
        return self.poller(log, **settings).run_once()  # type: ignore[arg-type]  # named below

    def poller(
        self,
        log: PolledLog | None = None,
        query: TruthQuery = QUERY,
        look_back: timedelta = 10 * MINUTE,
        page: int = PAGE,
        timeout_s: float = 20.0,
    ) -> PollTruth:
        engine = open_for_reading(self.url, timeout_s)
        table = SqlTruthTable(engine, query, duration_ms(look_back), page)
        return PollTruth("outcomes", table, log or SqlPolledLog(self.ours, PARTITION), self.clock)

    def got(self) -> list[bytes | None]:
        """Every record that was kept, in order."""
        source = RecordLogSource(self.ours, PARTITION, "reader", kind=TopicKind.GROUND_TRUTH)
        kept = values(read(source, 1_000_000, 0.3))
        source.close()
        return kept


def named(of: TruthQuery = QUERY, **changes: object) -> TruthQuery:
    """The query with other columns or another name."""
    columns = {key: value for key, value in changes.items() if key in TruthColumns.__dataclass_fields__}
    others = {key: value for key, value in changes.items() if key not in columns}
    return replace(of, columns=replace(of.columns, **columns), **others)  # type: ignore[arg-type]


@dataclass
class Crashing:
    """The log of a process that dies at some of its appends: before they took effect, or after."""

    log: PolledLog
    dies: Callable[[], str]

    def state(self, source: str) -> TableState:
        return self.log.state(source)

    def append(
        self, state: TableState, rows: Sequence[PolledRow], cursor: Cursor, keep_ids_from_ms: int, now_ms: int
    ) -> TableState:
        how = self.dies()
        if how == "before":
            raise StoreUnavailable("killed")
        saved = self.log.append(state, rows, cursor, keep_ids_from_ms, now_ms)
        if how == "after":
            raise StoreUnavailable("killed")
        return saved

    def note(self, state: TableState) -> TableState:
        return self.log.note(state)
