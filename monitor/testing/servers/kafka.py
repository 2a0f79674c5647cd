"""A real Apache Kafka, one node in KRaft mode, for tests and benchmarks."""

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import KafkaError

from monitor.testing.servers.kafka_jars import SERVER, find_java, kafka_jars
from monitor.testing.servers.local_server import LocalServer
from monitor.testing.servers.ports import LOOPBACK, accepts_connections, free_port
from monitor.testing.servers.process import Launch, ServerProcess
from monitor.testing.servers.unavailable import ServerFailed, ServerUnavailable

_CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"
_PROPERTIES = "server.properties"
_FORMAT_DEADLINE_S = 60.0
_QUIET_LOG = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"

# A quorum of one fixed voter; single replicas; few internal partitions, so that start and group joins are
# quick; room for the 10 MB record of the tests. The default cleaner buffer of 128 MB does not fit the heap.
# A killed broker may register again only when its last session has run out: 3 s here, 9 s by default.
_SETTINGS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "2",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "num.network.threads": "2",
    "num.io.threads": "2",
    "log.cleaner.dedupe.buffer.size": "2097152",
    "message.max.bytes": "16777216",
}


class KafkaBroker(LocalServer):
    """One broker on a free loopback port, which it keeps over restarts.

    `heap_mb` bounds the Java heap. `quick_start` compiles less: right for tests, wrong for throughput.
    `settings` override the broker's server.properties. Topics are not created by being used.

    >>> with KafkaBroker() as broker:  # doctest: +SKIP
    ...     broker.create_topic("inference", partitions=4)
    ...     consume_from(broker.bootstrap_servers)
    """

    name = "kafka"
    polite = signal.SIGTERM
    ready_within_s = 90.0

    def __init__(
        self, *, heap_mb: int = 384, quick_start: bool = True, settings: Mapping[str, str] | None = None
    ) -> None:
        super().__init__()
        self._heap_mb = heap_mb
        self._quick_start = quick_start
        self._overrides = dict(settings or {})
        self._controller_port = free_port()

    @property
    def bootstrap_servers(self) -> str:
        """`host:port`, the same for the broker's whole life."""
        return f"{LOOPBACK}:{self._port}"

    def create_topic(self, name: str, partitions: int = 4, configs: Mapping[str, str] | None = None) -> None:
        """Create a topic with one replica; raises kafka's TopicAlreadyExistsError and its kin."""
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
        try:
            topic = NewTopic(name, partitions, 1, topic_configs=dict(configs or {}))
            admin.create_topics([topic], timeout_ms=30_000)
        finally:
            admin.close()

    def _end(self) -> None:
        if self._owns_folder:
            self.kill9()  # the data goes anyway, and SIGTERM takes 2 s
        else:
            self.stop()

    def _launch(self, folder: Path) -> ServerProcess:
        java = find_java()
        jars = kafka_jars()
        self._write_properties(folder)
        if not (folder / "log" / "meta.properties").is_file():
            self._format(java, jars, folder)
        return self._run(java, jars, folder)

    def _write_properties(self, folder: Path) -> None:
        own = {
            "controller.quorum.voters": f"1@{LOOPBACK}:{self._controller_port}",
            "listeners": f"PLAINTEXT://{self.bootstrap_servers},CONTROLLER://{LOOPBACK}:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap_servers}",
            "log.dirs": str(folder / "log"),
        }
        settings = {**_SETTINGS, **self._overrides, **own}
        (folder / _PROPERTIES).write_text("".join(f"{key}={value}\n" for key, value in settings.items()))

    def _format(self, java: Path, jars: Path, folder: Path) -> None:
        tool = ["kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(folder / _PROPERTIES)]
        command = [str(java), _QUIET_LOG, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*", *tool]
        outcome = subprocess.run(  # noqa: S603 - the command is ours
            command, check=False, capture_output=True, text=True, timeout=_FORMAT_DEADLINE_S
        )
        if outcome.returncode == 0:
            return
        said = outcome.stdout + outcome.stderr
        if "UnsupportedClassVersionError" in said:
            raise ServerUnavailable(SERVER, f"{java} is too old", "Install a Java runtime, 17 or newer")
        stack_trace = "\tat "
        lines = [line for line in said.splitlines() if line and not line.startswith(stack_trace)]
        raise ServerFailed(SERVER, "could not format its data folder", lines[-8:])

    def _run(self, java: Path, jars: Path, folder: Path) -> ServerProcess:
        heap = [f"-Xms{min(128, self._heap_mb)}m", f"-Xmx{self._heap_mb}m", "-XX:+UseSerialGC"]
        compiler = ["-XX:TieredStopAtLevel=1"] if self._quick_start else []
        flags = [*heap, *compiler, "-Djava.awt.headless=true", _QUIET_LOG]
        launch = Launch(
            server=SERVER,
            command=[str(java), *flags, "-cp", f"{jars}/*", "kafka.Kafka", str(folder / _PROPERTIES)],
            directory=folder,
            log=folder / "broker.log",
            environment=dict(os.environ),
            delete_when_orphaned=folder if self._owns_folder else None,
        )
        return ServerProcess(launch)

    def _serves(self) -> bool:
        if not accepts_connections(self._port):
            return False
        try:
            admin = KafkaAdminClient(bootstrap_servers=self.bootstrap_servers, bootstrap_timeout_ms=5_000)
        except KafkaError:
            return False
        try:
            brokers = admin.describe_cluster()["brokers"]
            return any(not broker.get("is_fenced", False) for broker in brokers)
        except KafkaError:
            return False
        finally:
            admin.close()
