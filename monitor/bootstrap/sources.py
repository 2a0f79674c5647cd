"""The record source that the configuration names."""

from collections.abc import Mapping
from pathlib import Path

from monitor.adapters.files.source import FilesSource, Folder
from monitor.adapters.kafka.dead_letters import KafkaDeadLetterTopic
from monitor.adapters.kafka.settings import KafkaSecurity, KafkaSettings
from monitor.adapters.memory.source import MemoryLog, MemorySource
from monitor.bootstrap.plugins import source_plugins
from monitor.config import source_section as shapes
from monitor.config.secrets import SecretRef
from monitor.domain.errors import ConfigError
from monitor.domain.ports import Source
from monitor.domain.stream import TopicKind
from monitor.domain.time import duration_ms

SHIPPED = frozenset(shapes.BUILT_IN_SOURCES)

OuterSource = shapes.KafkaSource | shapes.FilesSource | shapes.MemorySource | shapes.PluginSource
"""Every source but the log in our own database, see `submitting`."""
MEMBER_VARIABLE = "DRIFTLINE_MEMBER"
"""Names this process in its consumer group: no setting, because processes share the configuration and not the name."""


def build_source(section: OuterSource, environ: Mapping[str, str], memory: MemoryLog | None = None) -> Source:
    """A new source; SourceUnavailable when it cannot be reached now, ConfigError when it never can."""
    if isinstance(section, shapes.KafkaSource):
        return _kafka(section, environ)
    if isinstance(section, shapes.FilesSource):
        return FilesSource(folders(section), max_records=section.max_records)
    if isinstance(section, shapes.MemorySource):
        return MemorySource(memory or MemoryLog())
    return _plugged(section, environ)


def folders(section: shapes.FilesSource) -> list[Folder]:
    """The folders of the files source with what they hold."""
    named = section.folders
    kinds: list[tuple[tuple[Path, ...], TopicKind]] = [
        (named.inference, TopicKind.INFERENCE),
        (named.ground_truth, TopicKind.GROUND_TRUTH),
        (named.mixed, TopicKind.MIXED),
    ]
    return [Folder(path, kind) for paths, kind in kinds for path in paths]


def kafka_settings(section: shapes.KafkaSource, environ: Mapping[str, str]) -> KafkaSettings:
    """What both clients are told."""
    topics = {
        **dict.fromkeys(section.topics.inference, TopicKind.INFERENCE),
        **dict.fromkeys(section.topics.ground_truth, TopicKind.GROUND_TRUTH),
        **dict.fromkeys(section.topics.mixed, TopicKind.MIXED),
    }
    return KafkaSettings(
        bootstrap_servers=",".join(section.bootstrap_servers),
        topics=topics,
        group=section.group,
        instance_id=environ.get(MEMBER_VARIABLE) or None,
        start=section.start,
        session_timeout_ms=duration_ms(section.session_timeout),
        metadata_max_age_ms=duration_ms(section.discover_every),
        security=_security(section.security, environ),
    )


def dead_letter_topic(
    section: shapes.SourceSection, topic: str | None, environ: Mapping[str, str]
) -> KafkaDeadLetterTopic | None:
    """The topic that dead letters are forwarded to; ConfigError when the source is no Kafka."""
    if topic is None:
        return None
    if not isinstance(section, shapes.KafkaSource):
        raise ConfigError("stream.dead_letters.topic needs the kafka source", hint="remove the key `topic`")
    return KafkaDeadLetterTopic(kafka_settings(section, environ), topic)


def _security(section: shapes.KafkaSecurity, environ: Mapping[str, str]) -> KafkaSecurity:
    return KafkaSecurity(
        protocol=section.protocol,
        mechanism=section.sasl_mechanism,
        username=section.username,
        password=section.password.read(environ) if section.password else None,
        ca_file=_text(section.ca_file),
        certificate_file=_text(section.cert_file),
        key_file=_text(section.key_file),
    )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _kafka(section: shapes.KafkaSource, environ: Mapping[str, str]) -> Source:
    settings = kafka_settings(section, environ)
    if section.client == "kafka-python":
        from monitor.adapters.kafka.source import KafkaSource  # noqa: PLC0415 - the client is imported when it is used

        return KafkaSource(settings)
    try:
        from monitor.adapters.kafka.confluent_source import ConfluentSource  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigError(
            "source.client is confluent, which is not installed", hint="pip install 'driftline[fast]'"
        ) from error
    return ConfluentSource(settings)


def _plugged(section: shapes.PluginSource, environ: Mapping[str, str]) -> Source:
    build = source_plugins().get(section.kind)
    if build is None:
        raise ConfigError(f"unknown source kind {section.kind!r}", hint=f"known: {', '.join(sorted(SHIPPED))}")
    built: Source = build(resolved(section.settings, environ))  # type: ignore[assignment] # the plug-in promises it
    return built


def resolved(settings: Mapping[str, object], environ: Mapping[str, str]) -> dict[str, object]:
    """Settings of a plug-in with its secrets read."""
    return {key: _resolved(value, environ) for key, value in settings.items()}


def _resolved(value: object, environ: Mapping[str, str]) -> object:
    if isinstance(value, SecretRef):
        return value.read(environ)
    return resolved(value, environ) if isinstance(value, Mapping) else value
