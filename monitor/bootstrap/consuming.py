"""The parts of the consuming worker."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from monitor.adapters.archive.writer import ParquetArchive
from monitor.adapters.codec import JsonCodec
from monitor.adapters.formats.codec import FormatCodec
from monitor.adapters.native import compiled_scanner
from monitor.adapters.system import system_chance
from monitor.bootstrap.app import App
from monitor.bootstrap.archiving import archive_hash_key, archive_location
from monitor.bootstrap.formats import build_formats
from monitor.bootstrap.sources import build_source, dead_letter_topic
from monitor.bootstrap.submitting import record_log_source
from monitor.bootstrap.truth_sources import with_truth_sources
from monitor.config.source_section import FilesSource, HttpSource, KafkaSource
from monitor.domain.ports import IngestStore, Source
from monitor.domain.records import DeadLetter, PartitionId
from monitor.domain.stream import Claim, Flush, TopicKind
from monitor.shells.workers.consume import Backoff, Consume
from monitor.usecases.ingest import Codec, Ingest, IngestSettings, Pairs
from monitor.usecases.replay_letters import ReplayLetters

log = structlog.stdlib.get_logger("driftline")


def consume_role(app: App) -> Consume:
    """The loop of a process that reads the configured source."""
    compiled, why = compiled_scanner()
    log.info("decoder", path="safe" if compiled is None else "fast", **({"because": why} if why else {}))
    return Consume(
        build_source=lambda: _source(app),
        build_consumer=lambda source: build_ingest(app, source),
        backoff=Backoff(system_chance().random),
        gauges=app.gauges,
    )


def _source(app: App) -> Source:
    section = app.settings.monitor.source
    source = record_log_source(app) if isinstance(section, HttpSource) else build_source(section, app.environ)
    return with_truth_sources(app, source)


def build_ingest(app: App, source: Source, owner: str | None = None) -> Ingest:
    """The ingest use case on this source, as the configuration says; `owner` claims partitions (None: this process)."""
    stream = app.settings.monitor.stream
    topic = dead_letter_topic(app.settings.monitor.source, stream.dead_letters.topic, app.environ)
    canonical = JsonCodec(stream.max_message_bytes, stream.dead_letters.value_bytes)
    codec = format_codec(app, canonical)
    return Ingest(
        source,
        app.stores.ingest if topic is None else ForwardingStore(app.stores.ingest, topic),
        codec or canonical,
        baselines=app.stores.baselines,
        models=app.settings.models,
        clock=app.clock,
        settings=IngestSettings(
            owner=owner or app.owner,
            flush_every=stream.flush_every,
            max_unsaved_records=stream.flush_records,
            max_unsaved_bytes=stream.flush_bytes,
            max_future_skew=stream.max_future_skew,
            dead_letters=stream.dead_letters.limit(),
            kept_bytes=stream.dead_letters.value_bytes,
        ),
        archive=_archive(app),
        pairs=None if codec is None else Pairs(app.stores.halves, codec),
    )


def build_replay(app: App) -> ReplayLetters:
    """The use case that counts dead letters after all."""
    stream = app.settings.monitor.stream
    canonical = JsonCodec(stream.max_message_bytes)
    codec = format_codec(app, canonical)
    return ReplayLetters(
        app.stores.ingest,
        app.stores.records,
        app.stores.windows,
        codec or canonical,
        baselines=app.stores.baselines,
        models=app.settings.models,
        clock=app.clock,
        owner=app.owner,
        max_future_skew=stream.max_future_skew,
        archive=_archive(app),
        pairs=codec,
    )


def format_codec(app: App, canonical: Codec) -> FormatCodec | None:
    """The codec of the topics that are not canonical; None where all are, so that their fast path stays as it is."""
    source, stream = app.settings.monitor.source, app.settings.monitor.stream
    if not isinstance(source, KafkaSource | FilesSource) or not source.formats:
        return None
    formats = build_formats(source, app.settings.directory, app.environ)
    return FormatCodec(canonical, formats, stream.max_message_bytes, stream.dead_letters.value_bytes)


def _archive(app: App) -> ParquetArchive | None:
    is_wanted = any(model.archive for model in app.settings.models.values())
    return ParquetArchive(archive_location(app), archive_hash_key(app)) if is_wanted else None


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
