"""The parts of the HTTP intake: the durable log, who fills it, who reads it, who clears it."""

from collections.abc import Mapping
from datetime import datetime

from monitor.adapters.record_log.bodies import BodyReader
from monitor.adapters.record_log.identity import RecordIdentity
from monitor.adapters.record_log.log import SqlRecordLog
from monitor.adapters.record_log.source import RecordLogSource
from monitor.bootstrap.app import App
from monitor.config.source_section import HttpSource
from monitor.domain.partitions import PartitionId
from monitor.domain.time import to_ms
from monitor.usecases.submit import Submit

PARTITION = PartitionId("http:records", 0)
"""A topic that no broker can have: names of Kafka topics hold no colon."""


def build_submit(app: App, section: HttpSource) -> Submit:
    """What takes the records of requests."""
    return Submit(
        log=SqlRecordLog(app.engine, PARTITION),
        split=BodyReader(section.max_unpacked, section.max_request_records),
        identify=RecordIdentity(app.settings.models.keys(), app.settings.monitor.stream.max_message_bytes),
        clock=app.clock,
        most_waiting=section.max_waiting,
    )


def record_log_source(app: App) -> RecordLogSource:
    """A reader of what was taken; SourceUnavailable when the database cannot serve now."""
    return RecordLogSource(app.engine, PARTITION, app.owner)


def sweep_log(app: App, section: HttpSource, now: datetime) -> Mapping[str, int]:
    """Forget what was folded or received long enough ago; number of deleted rows by table."""
    log = SqlRecordLog(app.engine, PARTITION)
    return log.sweep(to_ms(now - section.keep), to_ms(now - section.remember))
