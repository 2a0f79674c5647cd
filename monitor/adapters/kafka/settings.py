"""What both Kafka clients are told, in one vocabulary."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.domain.stream import TopicKind


@dataclass(frozen=True, slots=True)
class KafkaSecurity:
    """How to authenticate; the password is kept out of every repr, log and error."""

    protocol: str = "PLAINTEXT"
    mechanism: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """Brokers, group and topics.

    `instance_id` makes the group membership static: a worker that restarts within the session time-out does not
    disturb the others; no two living workers may share one. `start` says where to begin with a partition that the
    database does not know: `earliest` or `latest`. Added partitions are found within `metadata_max_age_ms`.
    `api_version` is only for brokers that cannot negotiate.
    """

    bootstrap_servers: str
    topics: Mapping[str, TopicKind]
    group: str = "driftline"
    instance_id: str | None = None
    start: str = "earliest"
    session_timeout_ms: int = 15_000
    metadata_max_age_ms: int = 60_000
    max_poll_records: int = 5_000
    fetch_max_bytes: int = 16 << 20
    max_partition_fetch_bytes: int = 11 << 20
    bootstrap_timeout_ms: int = 30_000
    security: KafkaSecurity = field(default_factory=KafkaSecurity)
    api_version: tuple[int, int] | None = None
