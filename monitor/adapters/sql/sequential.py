"""Where sequential detectors stand, and their alarms; written with the offsets that they stand for."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from operator import itemgetter

from sqlalchemy import Connection, Engine, select, tuple_, update

from monitor.adapters.sql.documents import alarm_from_json, alarm_to_json
from monitor.adapters.sql.engine import reading, writing
from monitor.adapters.sql.statements import Row, add_many, replace_many, storable
from monitor.adapters.sql.tables import sequential_alarms, sequential_states
from monitor.domain.records import PartitionId
from monitor.domain.sequential import SequentialAlarm, SequentialKey, SequentialState
from monitor.domain.stream import Flush

_alarm = sequential_alarms.c
_KEY = (_alarm.topic, _alarm.partition, _alarm.model, _alarm.version, _alarm.name, _alarm.offset)
_PRIMARY_OF_STATE = itemgetter(slice(5))


class SqlAlarmStore:
    """The port of alarms on SQLite and PostgreSQL; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def unjudged(self, models: Collection[str], limit: int) -> list[SequentialAlarm]:
        """The first `limit` of these models by the event time that their detector had reached."""
        statement = (
            select(_alarm.document, _alarm.inputs)
            .where(_alarm.judged_at_ms.is_(None), _alarm.model.in_(sorted(map(storable, models))))
            .order_by(_alarm.reached_ms, *_KEY)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [_from_row(*row) for row in connection.execute(statement)]

    def raised(self, model: str, since_ms: int, until_ms: int) -> list[SequentialAlarm]:
        """Those whose detectors had reached [since, until), judged or not, in the same order."""
        statement = (
            select(_alarm.document, _alarm.inputs)
            .where(_alarm.model == model, _alarm.reached_ms >= since_ms, _alarm.reached_ms < until_ms)
            .order_by(_alarm.reached_ms, *_KEY)
        )
        with reading(self._engine) as connection:
            return [_from_row(*row) for row in connection.execute(statement)]

    def judged(self, alarms: Sequence[SequentialAlarm], at_ms: int) -> None:
        """Mark as judged; those that are marked stay as they are."""
        if not alarms:
            return
        keys = [_primary(alarm) for alarm in alarms]
        statement = update(sequential_alarms).where(tuple_(*_KEY).in_(keys), _alarm.judged_at_ms.is_(None))
        with writing(self._engine) as connection:
            connection.execute(statement.values(judged_at_ms=at_ms))


def write_detectors(connection: Connection, flushes: Sequence[Flush]) -> None:
    """Replace the states, and add the alarms."""
    states = sorted((_state(one) for flush in flushes for one in flush.detectors), key=_PRIMARY_OF_STATE)
    replace_many(connection, sequential_states, states)
    add_many(connection, sequential_alarms, sorted(_row(one) for flush in flushes for one in flush.alarms))


def detectors_of(connection: Connection, partition: PartitionId) -> tuple[SequentialState, ...]:
    """Where the detectors of a partition stand."""
    table = sequential_states.c
    statement = (
        select(table.model, table.version, table.name, table.payload)
        .where(table.topic == partition.topic, table.partition == partition.partition)
        .order_by(table.model, table.version, table.name)
    )
    return tuple(
        SequentialState(SequentialKey(partition, model, version, name), payload)
        for model, version, name, payload in connection.execute(statement)
    )


def _state(one: SequentialState) -> Row:
    return (*_key(one.key), one.payload)


def _key(key: SequentialKey) -> Row:
    return key.partition.topic, key.partition.partition, storable(key.model), storable(key.version), key.name


def _primary(one: SequentialAlarm) -> Row:
    return (*_key(one.key), one.offset)


def _row(one: SequentialAlarm) -> Row:
    return (*_primary(one), one.reached_ms, storable(alarm_to_json(replace(one, inputs=b""))), one.inputs, None)


def _from_row(document: str, inputs: bytes) -> SequentialAlarm:
    return replace(alarm_from_json(document), inputs=inputs)
