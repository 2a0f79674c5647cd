"""Traps for a consumer's process: the moments of a save at which it is killed."""

import os
import signal
from collections.abc import Sequence

from sqlalchemy import Connection

from monitor.adapters.sql import ingest
from monitor.adapters.sql.ingest import SqlIngestStore
from monitor.domain.stream import Flush


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_between_poll_and_save() -> None:
    SqlIngestStore.flush = lambda store, flushes: die()  # type: ignore[method-assign, assignment]


def die_inside_the_transaction() -> None:
    write = ingest._write

    def write_and_die(connection: Connection, flushes: Sequence[Flush]) -> None:
        write(connection, flushes)
        die()

    ingest._write = write_and_die


def die_between_save_and_commit_to_kafka() -> None:
    flush = SqlIngestStore.flush

    def flush_and_die(store: SqlIngestStore, flushes: Sequence[Flush]) -> None:
        flush(store, flushes)
        die()

    SqlIngestStore.flush = flush_and_die  # type: ignore[method-assign, assignment]


TRAPS = (die_between_poll_and_save, die_inside_the_transaction, die_between_save_and_commit_to_kafka)
