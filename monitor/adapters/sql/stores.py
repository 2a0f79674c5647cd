"""Every store of one database, together."""

from dataclasses import dataclass
from typing import Self

from sqlalchemy import Engine

from monitor.adapters.sql.accounts import SqlAccounts
from monitor.adapters.sql.archive import SqlArchiveManifest
from monitor.adapters.sql.baselines import SqlBaselineStore
from monitor.adapters.sql.evaluations import SqlEvaluationStore
from monitor.adapters.sql.halves import SqlHalfStore
from monitor.adapters.sql.holds import SqlHoldStore
from monitor.adapters.sql.ingest import SqlIngestStore
from monitor.adapters.sql.jobs import SqlJobStore
from monitor.adapters.sql.leases import SqlLease
from monitor.adapters.sql.outbox import SqlOutboxStore
from monitor.adapters.sql.pairs import SqlPairReads
from monitor.adapters.sql.records import SqlRecords
from monitor.adapters.sql.retention import SqlRetention
from monitor.adapters.sql.sequential import SqlAlarmStore
from monitor.adapters.sql.truths import SqlTruths
from monitor.adapters.sql.windows import SqlWindowReads


@dataclass(frozen=True, slots=True)
class SqlStores:
    """The stores that share an engine, by the port that each implements."""

    ingest: SqlIngestStore
    halves: SqlHalfStore
    windows: SqlWindowReads
    accounts: SqlAccounts
    baselines: SqlBaselineStore
    evaluations: SqlEvaluationStore
    alarms: SqlAlarmStore
    outbox: SqlOutboxStore
    jobs: SqlJobStore
    holds: SqlHoldStore
    pairs: SqlPairReads
    records: SqlRecords
    truths: SqlTruths
    archive: SqlArchiveManifest
    retention: SqlRetention
    lease: SqlLease

    @classmethod
    def of(cls, engine: Engine) -> Self:
        """All of them on one (migrated) database."""
        return cls(
            ingest=SqlIngestStore(engine),
            halves=SqlHalfStore(engine),
            windows=SqlWindowReads(engine),
            accounts=SqlAccounts(engine),
            baselines=SqlBaselineStore(engine),
            evaluations=SqlEvaluationStore(engine),
            alarms=SqlAlarmStore(engine),
            outbox=SqlOutboxStore(engine),
            jobs=SqlJobStore(engine),
            holds=SqlHoldStore(engine),
            pairs=SqlPairReads(engine),
            records=SqlRecords(engine),
            truths=SqlTruths(engine),
            archive=SqlArchiveManifest(engine),
            retention=SqlRetention(engine),
            lease=SqlLease(engine),
        )
