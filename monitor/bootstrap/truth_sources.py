"""The parts that poll tables of ground truth, and read what came of it."""

import json
from collections import Counter
from datetime import datetime, timedelta

from monitor.adapters.joined_sources import JoinedSources
from monitor.adapters.record_log.log import SqlRecordLog
from monitor.adapters.record_log.polled import SqlPolledLog
from monitor.adapters.record_log.source import RecordLogSource
from monitor.adapters.sql_truth.opened import open_for_reading
from monitor.adapters.sql_truth.table import SqlTruthTable, TruthColumns, TruthQuery
from monitor.adapters.system import system_chance
from monitor.bootstrap.app import App
from monitor.config.secrets import text_or_secret
from monitor.config.truth_section import SqlTruthSection
from monitor.domain.errors import ConfigError
from monitor.domain.partitions import PartitionId
from monitor.domain.polling import TableState
from monitor.domain.ports import Source
from monitor.domain.records import LetterQuery
from monitor.domain.stream import TopicKind
from monitor.domain.time import duration_ms, to_ms
from monitor.shells.workers.consume import Backoff
from monitor.shells.workers.poll import Polls
from monitor.shells.workers.tick import Knock
from monitor.usecases.poll_truth import PollTruth

PARTITION = PartitionId("sql:ground-truth", 0)
"""Where the rows of all polled tables wait to be folded. No topic of a broker can be called so."""

_LOOK_EVERY = timedelta(seconds=1)
_FIRST_WAIT_S, _LONGEST_WAIT_S = 5.0, 300.0
"""Before a table that failed is asked again; the wait doubles with each failure."""

KEEP = timedelta(hours=1)
"""Rows that are folded stay in the log so long, as those sent over HTTP do by default."""


MOST_REFUSED = 1_000
"""So many refused rows are looked at to count them."""


def build_poll(app: App, name: str) -> PollTruth:
    """The use case that polls one table; ConfigError when the source is not configured, or cannot be read from here."""
    sources = app.settings.monitor.truth_sources
    if name not in sources:
        known = ", ".join(sorted(sources)) or "none"
        raise ConfigError(f"no truth source {name!r} is configured", hint=f"known: {known}")
    section = sources[name]
    engine = open_for_reading(text_or_secret(section.url, app.environ), section.timeout.total_seconds())
    table = SqlTruthTable(engine, _query(section), duration_ms(section.look_back))
    return PollTruth(name, table, SqlPolledLog(app.engine, PARTITION), app.clock)


def poll_knocks(app: App) -> list[Knock]:
    """A knock for each table, so often that it goes on soon where it was cut short, or failed."""
    return [_knock(app, name, section) for name, section in app.settings.monitor.truth_sources.items()]


def truth_states(app: App) -> list[TableState]:
    """What is known of each configured table."""
    polled = SqlPolledLog(app.engine, PARTITION)
    return [polled.state(name) for name in app.settings.monitor.truth_sources]


def refused_rows(app: App) -> dict[str, int]:
    """How many rows of each table are dead letters now, of the first `MOST_REFUSED` of all tables.

    A letter tells the model and the name of the truth: tables that have both in common have their letters in common.
    """
    letters = app.stores.records.kept_letters(LetterQuery(partition=PARTITION), MOST_REFUSED)
    told = Counter(_about(one.letter.value) for one in letters)
    sections = app.settings.monitor.truth_sources
    return {name: told[section.model, section.name] for name, section in sections.items()}


def _about(value: bytes) -> tuple[str, str]:
    """Model and name of the truth of a refused row; empty of one that is cut, and so does not tell them."""
    try:
        said = json.loads(value)
    except ValueError:
        return "", ""
    return str(said.get("model")), str(said.get("name", ""))


def with_truth_sources(app: App, source: Source) -> Source:
    """The source, and beside it the log of polled tables where there are any."""
    return JoinedSources(source, polled_source(app)) if app.settings.monitor.truth_sources else source


def polled_source(app: App) -> RecordLogSource:
    """A reader of what was polled; SourceUnavailable when our database cannot serve now."""
    return RecordLogSource(app.engine, PARTITION, app.owner, kind=TopicKind.GROUND_TRUTH)


def polled_backlog(app: App) -> int:
    """Polled rows that are not folded yet."""
    return SqlRecordLog(app.engine, PARTITION).backlog()


def sweep_polled(app: App, now: datetime) -> dict[str, int]:
    """Forget polled rows that were folded long enough ago; number of deleted rows by table."""
    return SqlRecordLog(app.engine, PARTITION).sweep_segments(to_ms(now - KEEP))


def _knock(app: App, name: str, section: SqlTruthSection) -> Knock:
    poll = build_poll(app, name)
    longest_s = max(_LONGEST_WAIT_S, section.every.total_seconds())
    backoff = Backoff(system_chance().random, _FIRST_WAIT_S, longest_s)
    polls = Polls(name, section.every, poll.run_once, backoff, app.telemetry, lambda: _holds(app, name))
    return Knock(f"truth:{name}", min(section.every, _LOOK_EVERY), polls.knock)


def _holds(app: App, name: str) -> bool:
    """Whether this process may poll the table for the next minute: two would do the same work."""
    return app.stores.lease.hold(f"truth source {name}", app.owner, 60.0)


def _query(section: SqlTruthSection) -> TruthQuery:
    columns = section.columns
    return TruthQuery(
        model=section.model,
        columns=TruthColumns(columns.id, columns.label, columns.updated_at, columns.time, columns.annotator),
        table=section.table,
        query=section.query,
        name=section.name,
    )
