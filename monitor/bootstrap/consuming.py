"""The parts of the consuming worker."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from monitor.adapters.archive import ParquetArchive
from monitor.adapters.codec import JsonCodec
from monitor.adapters.formats.codec import FormatCodec
from monitor.adapters.system import system_chance
from monitor.bootstrap.app import App
from monitor.bootstrap.formats import build_formats
from monitor.bootstrap.sources import build_source, dead_letter_topic
from monitor.config.source_section import FilesSource, KafkaSource
from monitor.domain.ports import IngestStore, Source
from monitor.domain.records import DeadLetter, PartitionId
from monitor.domain.stream import Claim, Flush, TopicKind
from monitor.shells.workers.consume import Backoff, Consume
from monitor.usecases.ingest import Codec, Ingest, IngestSettings, Pairs


def consume_role(app: App) -> Consume:
    """The loop of a process that reads the configured source."""
    section = app.settings.monitor.source
    return Consume(
        build_source=lambda: build_source(section, app.environ),
        build_consumer=lambda source: build_ingest(app, source),
        backoff=Backoff(system_chance().random),
        gauges=app.gauges,
    )


def build_ingest(app: App, source: Source) -> Ingest:
    """The ingest use case on this source, as the configuration says."""
    stream = app.settings.monitor.stream
    topic = dead_letter_topic(app.settings.monitor.source, stream.dead_letters.topic, app.environ)
    archived = any(model.archive for model in app.settings.models.values())
    canonical = JsonCodec(stream.max_message_bytes)
    codec = format_codec(app, canonical, stream.max_message_bytes)
    return Ingest(
        source,
        app.stores.ingest if topic is None else ForwardingStore(app.stores.ingest, topic),
        codec or canonical,
        baselines=app.stores.baselines,
        models=app.settings.models,
        clock=app.clock,
        settings=IngestSettings(
            owner=app.owner,
            flush_every=stream.flush_every,
            max_unsaved_records=stream.flush_records,
            max_future_skew=stream.max_future_skew,
        ),
        archive=ParquetArchive(stream.archive.directory) if archived else None,
        pairs=None if codec is None else Pairs(app.stores.halves, codec),
    )


def format_codec(app: App, canonical: Codec, max_record_bytes: int) -> FormatCodec | None:
    """The codec of the topics that are not canonical; None where all are, so that their fast path stays as it is."""
    source = app.settings.monitor.source
    if not isinstance(source, KafkaSource | FilesSource) or not source.formats:
        return None
    return FormatCodec(canonical, build_formats(source, app.settings.directory, app.environ), max_record_bytes)


class DeadLetterTopic(Protocol):
    """Takes copies of dead letters."""

    def send(self, letters: Sequence[DeadLetter]) -> None:
        """Write all; SourceUnavailable when they are not taken."""
        ...


@dataclass(frozen=True, slots=True)
class ForwardingStore:
    """The ingest store, with a copy of every dead letter sent to a topic before it is saved: at least once."""

    store: IngestStore
    topic: DeadLetterTopic

    def claim(self, partition: PartitionId, kind: TopicKind, owner: str) -> Claim:
        """As the store does."""
        return self.store.claim(partition, kind, owner)

    def flush(self, flushes: Sequence[Flush]) -> None:
        """Forward, then save."""
        letters = [letter for flush in flushes for letter in flush.dead_letters]
        if letters:
            self.topic.send(letters)
        self.store.flush(flushes)

    def heartbeat(self, claim: Claim, caught_up_at_ms: int | None, highwater: int | None) -> None:
        """As the store does."""
        self.store.heartbeat(claim, caught_up_at_ms, highwater)
