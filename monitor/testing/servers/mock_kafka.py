"""librdkafka's mock cluster: brokers in our own process that misbehave on command.

It speaks the Kafka protocol over TCP on loopback, so any client may use it, and it can do what a healthy
broker never does. The library is the one inside the confluent-kafka wheel; its mock interface
(rdkafka_mock.h) is marked experimental, so a real broker stays the reference.
"""

import ctypes
from enum import IntEnum
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from monitor.testing.servers.unavailable import ServerUnavailable

SERVER: Final = "mock Kafka"

# kafka-python needs `api_version=MOCK_API_VERSION`: the mock answers its first question malformed. Told the version, it
# connects beside its constructor, and where a subscription comes between the first request for metadata and its
# answer, nothing is assigned until the metadata are MOCK_METADATA_AGE_MS old.
MOCK_API_VERSION: Final = (2, 3)
MOCK_METADATA_AGE_MS: Final = 500

_PRODUCER_TYPE = 0
_ERROR_TEXT_BYTES = 512


class Api(IntEnum):
    """Requests of the Kafka protocol whose answers can be made to fail."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    METADATA = 3
    OFFSET_COMMIT = 8
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12
    LEAVE_GROUP = 13
    SYNC_GROUP = 14
    INIT_PRODUCER_ID = 22


class MockCluster:
    """`brokers` brokers, numbered from 1, with data in memory (at most 5 MB a partition).

    Unknown topics come into being with 4 partitions. Group joins take `join_delay_ms` and not the
    3 s of a default broker.
    """

    def __init__(self, brokers: int = 1, join_delay_ms: int = 0) -> None:
        self._library = _load()
        error_text = ctypes.create_string_buffer(_ERROR_TEXT_BYTES)
        configuration = self._library.rd_kafka_conf_new()
        # its own client has no servers to connect to and would say so on stderr
        self._library.rd_kafka_conf_set(configuration, b"log_level", b"2", error_text, _ERROR_TEXT_BYTES)
        self._client: int | None = self._library.rd_kafka_new(
            _PRODUCER_TYPE, configuration, error_text, _ERROR_TEXT_BYTES
        )
        if not self._client:
            problem = f"librdkafka made no client: {error_text.value.decode()}"
            raise ServerUnavailable(SERVER, problem, "Reinstall confluent-kafka")
        self._cluster: int = self._library.rd_kafka_mock_cluster_new(self._client, brokers)
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, join_delay_ms)
        self.bootstrap_servers: str = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def topic(self, name: str, partitions: int = 4, replicas: int = 1) -> None:
        """Create a topic; raises OSError with librdkafka's code if it exists."""
        self._check(self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, replicas))

    def errors(self, api: Api, *codes: int) -> None:
        """Answer the next requests of this kind with these Kafka error codes, one each, then normally."""
        array = (ctypes.c_int * len(codes))(*codes)
        self._library.rd_kafka_mock_push_request_errors_array(self._cluster, int(api), len(codes), array)

    def clear_errors(self, api: Api) -> None:
        """Forget the errors of this kind that no request has met yet."""
        self._library.rd_kafka_mock_clear_request_errors(self._cluster, int(api))

    def down(self, broker: int) -> None:
        """Cut the broker's connections and refuse new ones; its leaderships do not move."""
        self._check(self._library.rd_kafka_mock_broker_set_down(self._cluster, broker))

    def up(self, broker: int) -> None:
        """Let the broker accept connections again."""
        self._check(self._library.rd_kafka_mock_broker_set_up(self._cluster, broker))

    def delay(self, broker: int, delay_ms: int) -> None:
        """Let every answer of the broker take this long."""
        self._check(self._library.rd_kafka_mock_broker_set_rtt(self._cluster, broker, delay_ms))

    def leader(self, topic: str, partition: int, broker: int) -> None:
        """Move the leadership of a partition."""
        moved = self._library.rd_kafka_mock_partition_set_leader(self._cluster, topic.encode(), partition, broker)
        self._check(moved)

    def coordinator(self, group: str, broker: int) -> None:
        """Move the coordinator of a consumer group."""
        moved = self._library.rd_kafka_mock_coordinator_set(self._cluster, b"group", group.encode(), broker)
        self._check(moved)

    def delete_records(self, topic: str, partition: int, before_offset: int) -> None:
        """Drop the records before an offset, as retention does."""
        dropped = self._library.rd_kafka_mock_partition_delete_records(
            self._cluster, topic.encode(), partition, before_offset
        )
        self._check(dropped)

    def close(self) -> None:
        """Shut all brokers; a second call does nothing."""
        if self._client is not None:
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
            self._library.rd_kafka_destroy(self._client)
            self._client = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check(self, code: int) -> None:
        if code != 0:
            reason = self._library.rd_kafka_err2str(code).decode()
            raise OSError(f"the mock cluster refused: {reason} (librdkafka code {code})")


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(str(_library_path()))
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    api, broker, offset, size = ctypes.c_int16, ctypes.c_int32, ctypes.c_int64, ctypes.c_size_t
    codes = ctypes.POINTER(ctypes.c_int)
    signatures: dict[str, tuple[object, list[object]]] = {
        "rd_kafka_conf_new": (pointer, []),
        "rd_kafka_conf_set": (number, [pointer, text, text, text, size]),
        "rd_kafka_new": (pointer, [number, pointer, text, size]),
        "rd_kafka_destroy": (None, [pointer]),
        "rd_kafka_err2str": (text, [number]),
        "rd_kafka_mock_cluster_new": (pointer, [pointer, number]),
        "rd_kafka_mock_cluster_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
        "rd_kafka_mock_topic_create": (number, [pointer, text, number, number]),
        "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [pointer, broker]),
        "rd_kafka_mock_broker_set_down": (number, [pointer, broker]),
        "rd_kafka_mock_broker_set_up": (number, [pointer, broker]),
        "rd_kafka_mock_broker_set_rtt": (number, [pointer, broker, number]),
        "rd_kafka_mock_partition_set_leader": (number, [pointer, text, broker, broker]),
        "rd_kafka_mock_partition_delete_records": (number, [pointer, text, broker, offset]),
        "rd_kafka_mock_coordinator_set": (number, [pointer, text, text, broker]),
        "rd_kafka_mock_push_request_errors_array": (None, [pointer, api, size, codes]),
        "rd_kafka_mock_clear_request_errors": (None, [pointer, api]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _library_path() -> Path:
    spec = find_spec("confluent_kafka")
    if spec is None or spec.origin is None:
        raise ServerUnavailable(SERVER, "confluent-kafka is not installed", "Install it: pip install 'driftline[fast]'")
    package = Path(spec.origin).parent
    # the wheel's tool gives the file a hash in its name and its own folder: one on Linux, one on macOS
    found = [
        *package.with_name("confluent_kafka.libs").glob("librdkafka*.so*"),
        *(package / ".dylibs").glob("librdkafka*"),
    ]
    if not found:
        problem = "confluent-kafka is installed without its own librdkafka"
        raise ServerUnavailable(SERVER, problem, "Install it from its wheel, not from source")
    return found[0]
