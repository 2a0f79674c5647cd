"""The section `source` of monitor.yaml: where records come from."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, Tag, model_validator
from pydantic.types import Discriminator

from monitor.config.fields import Duration, Name, NonEmpty, PluginSettings, Section, SizeBytes
from monitor.config.formats_section import FormatSection
from monitor.config.secrets import Secret
from monitor.config.wrong import wrong


class KafkaTopics(Section):
    """The topics to read, by what they carry."""

    inference: tuple[NonEmpty, ...] = ()
    """Topics of inference records."""
    ground_truth: tuple[NonEmpty, ...] = ()
    """Topics of ground-truth records."""
    mixed: tuple[NonEmpty, ...] = ()
    """Topics that carry both."""

    @model_validator(mode="after")
    def _a_topic_has_one_kind(self) -> "KafkaTopics":
        if not (self.inference or self.mixed):
            raise wrong("no topic of inference records", "name topics under `inference` (or `mixed`)")
        names = [*self.inference, *self.ground_truth, *self.mixed]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise wrong(f"topic {twice[0]!r} is named twice", "a topic that carries both kinds goes under `mixed`")
        return self


class KafkaSecurity(Section):
    """How to reach the brokers. The default is plain text without a login, as on a private network."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """The listener's security protocol."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    """How to log in, with the SASL protocols."""
    username: NonEmpty | None = None
    """Login name, with the SASL protocols."""
    password: Secret | None = None
    """Password, with the SASL protocols."""
    ca_file: Path | None = None
    """Certificates of the authorities to trust (default: the system's)."""
    cert_file: Path | None = None
    """The client's certificate, where brokers ask for one."""
    key_file: Path | None = None
    """The client's private key, without a password."""

    @model_validator(mode="after")
    def _sasl_is_complete(self) -> "KafkaSecurity":
        login = {"sasl_mechanism": self.sasl_mechanism, "username": self.username, "password": self.password}
        if self.protocol.startswith("SASL") and (lacks := [key for key, value in login.items() if not value]):
            missing = " and ".join(f"`{key}`" for key in lacks)
            raise wrong(f"{self.protocol} needs {missing}", "or use protocol: SSL or PLAINTEXT", key="protocol")
        if not self.protocol.startswith("SASL") and (useless := [key for key, value in login.items() if value]):
            raise wrong(
                f"`{useless[0]}` has no effect with {self.protocol}", "use SASL_SSL or SASL_PLAINTEXT", key=useless[0]
            )
        return self


class KafkaSource(Section):
    """Read Kafka topics as a member of a consumer group; offsets live in our own database."""

    kind: Literal["kafka"]
    """Always `kafka`."""
    bootstrap_servers: tuple[NonEmpty, ...] = Field(min_length=1)
    """Brokers to ask first, as `host:port`."""
    topics: KafkaTopics
    """What to read."""
    group: Name = "driftline"
    """The consumer group: its members share the partitions."""
    client: Literal["kafka-python", "confluent"] = "kafka-python"
    """Client library; `confluent` is faster and needs the extra `driftline[fast]`."""
    start: Literal["earliest", "latest"] = "earliest"
    """Where to begin on a partition that was never read."""
    session_timeout: Duration = timedelta(seconds=15)
    """A member that is not heard of for so long loses its partitions to the others; brokers refuse less than 6s."""
    discover_every: Duration = timedelta(minutes=1)
    """Partitions that are added to a topic are found within this time."""
    security: KafkaSecurity = KafkaSecurity()
    """Encryption and login."""
    formats: Mapping[str, FormatSection] = {}
    """Topics whose records are not canonical, and how to read them."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every topic."""
        return self.topics.inference + self.topics.ground_truth + self.topics.mixed

    @model_validator(mode="after")
    def _servers_have_ports(self) -> "KafkaSource":
        for server in self.bootstrap_servers:
            host, _, port = server.rpartition(":")
            if not host or not port.isdigit():
                raise wrong(
                    f"{server!r} is no broker address", "write host:port, as in localhost:9092", key="bootstrap_servers"
                )
        return self


class Folders(Section):
    """The folders (or single files) to read, by what they hold."""

    inference: tuple[Path, ...] = ()
    """Inference records."""
    ground_truth: tuple[Path, ...] = ()
    """Ground-truth records."""
    mixed: tuple[Path, ...] = ()
    """Both."""

    @model_validator(mode="after")
    def _reads_something(self) -> "Folders":
        if not (self.inference or self.mixed):
            raise wrong("no folder of inference records", "name folders under `inference` (or `mixed`)")
        return self


class FilesSource(Section):
    """Read JSON-lines and Parquet files in the order of their names; a folder may grow while it is read."""

    kind: Literal["files"]
    """Always `files`."""
    folders: Folders
    """What to read."""
    max_records: Annotated[int, Field(ge=1, strict=True)] = 5_000
    """Records handed over at a time."""
    formats: Mapping[str, FormatSection] = {}
    """Folders whose records are not canonical, and how to read them."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every folder, as written."""
        return tuple(str(path) for path in self.folders.inference + self.folders.ground_truth + self.folders.mixed)


class HttpSource(Section):
    """Take records by POST /v1/records on the server of the section `http`, for those who have no Kafka."""

    kind: Literal["http"]
    """Always `http`."""
    max_body: SizeBytes = 8 * 1024**2
    """Largest body of a request, as it is sent."""
    max_unpacked: SizeBytes = 64 * 1024**2
    """Largest body once its Content-Encoding is undone."""
    max_request_records: Annotated[int, Field(ge=1, strict=True)] = 10_000
    """Most records of a request."""
    max_waiting: Annotated[int, Field(ge=1, strict=True)] = 1_000_000
    """With so many records stored and not folded yet, requests are answered 429."""
    keep: Duration = timedelta(hours=1)
    """Stored records that are folded stay so long."""
    remember: Duration = timedelta(days=1)
    """A record or an Idempotency-Key sent again within this time is known."""


class MemorySource(Section):
    """Records handed over inside one process: tests and demonstrations."""

    kind: Literal["memory"]
    """Always `memory`."""


class PluginSource(Section):
    """A source from another package, found by the entry-point group `driftline.sources`."""

    kind: Name
    """The entry point's name."""
    settings: PluginSettings = Field(default_factory=dict)
    """Handed to the plug-in; secrets by reference."""


_BUILT_IN = {"kafka": KafkaSource, "files": FilesSource, "http": HttpSource, "memory": MemorySource}


def _variant(value: object) -> str | None:
    kind = value.get("kind") if isinstance(value, Mapping) else getattr(value, "kind", None)
    if isinstance(kind, str):
        return kind if kind in _BUILT_IN else "plugin"
    return None


SourceSection = Annotated[
    Annotated[KafkaSource, Tag("kafka")]
    | Annotated[FilesSource, Tag("files")]
    | Annotated[HttpSource, Tag("http")]
    | Annotated[MemorySource, Tag("memory")]
    | Annotated[PluginSource, Tag("plugin")],
    Discriminator(
        _variant,
        custom_error_type="driftline_kind",
        custom_error_message="`kind` is missing",
    ),
]
"""One of the variants, chosen by `kind`."""

BUILT_IN_SOURCES = tuple(_BUILT_IN)
"""The kinds that need no plug-in."""
