"""A real Apache Kafka, one node in KRaft mode, for tests and benchmarks."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import KafkaError

from monitor.testing.servers.kafka_jars import SERVER, find_java, kafka_jars
from monitor.testing.servers.ports import LOOPBACK, accepts_connections, free_port
from monitor.testing.servers.process import Launch, ServerProcess
from monitor.testing.servers.unavailable import ServerFailed, ServerUnavailable

_CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"
_PROPERTIES = "server.properties"
_READY_DEADLINE_S = 90.0
_STOP_DEADLINE_S = 20.0
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


class KafkaBroker:
    """One broker on a free loopback port, which it keeps over restarts.

    `heap_mb` bounds the Java heap. `quick_start` compiles less: right for tests, wrong for throughput.
    `settings` override the broker's server.properties. Topics are not created by being used.

    >>> with KafkaBroker() as broker:  # doctest: +SKIP
    ...     broker.create_topic("inference", partitions=4)
    ...     consume_from(broker.bootstrap_servers)
    """

    def __init__(
        self, *, heap_mb: int = 384, quick_start: bool = True, settings: Mapping[str, str] | None = None
    ) -> None:
        self._heap_mb = heap_mb
        self._quick_start = quick_start
        self._overrides = dict(settings or {})
        self._folder: Path | None = None
        self._owns_folder = False
        self._process: ServerProcess | None = None
        self._port = free_port()
        self._controller_port = free_port()

    @property
    def bootstrap_servers(self) -> str:
        """`host:port`, the same for the broker's whole life."""
        return f"{LOOPBACK}:{self._port}"

    @property
    def is_running(self) -> bool:
        """Whether the broker's process is there."""
        return self._process is not None and self._process.is_running

    @property
    def pid(self) -> int:
        """The process id of the running (or last) broker; raises RuntimeError before the first start."""
        if self._process is None:
            raise RuntimeError("the broker was never started: call start() or use it in a with statement")
        return self._process.pid

    def start(self, data_dir: Path | None = None) -> None:
        """Start and wait until it serves; raises ServerUnavailable or ServerFailed. Does nothing while it runs.

        The first start formats `data_dir`, an empty or missing folder that is kept at the end; without
        one a temporary folder is made, and removed by `close`. Later starts go on with the same data.
        """
        if self.is_running:
            return
        java = find_java()
        jars = kafka_jars()
        folder = self._settle(data_dir)
        self._write_properties(folder)
        if not (folder / "log" / "meta.properties").is_file():
            self._format(java, jars, folder)
        self._process = self._launch(java, jars, folder)
        self._process.wait_until_ready(self._serves, _READY_DEADLINE_S)

    def stop(self) -> None:
        """Stop in good order (SIGTERM, about 2 s); the data stays."""
        if self._process is not None:
            self._process.stop(signal.SIGTERM, _STOP_DEADLINE_S)

    def kill9(self) -> None:
        """SIGKILL, as a crash; what was not flushed may be lost, the data folder stays."""
        if self._process is not None:
            self._process.stop(signal.SIGKILL, _STOP_DEADLINE_S)

    def restart(self) -> None:
        """Stop in good order and start again on the same port and data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End it and remove its folder, unless the folder was given to `start`."""
        if self._owns_folder:
            self.kill9()  # the data goes anyway, and SIGTERM takes 2 s
        else:
            self.stop()
        if self._owns_folder and self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def create_topic(self, name: str, partitions: int = 4, configs: Mapping[str, str] | None = None) -> None:
        """Create a topic with one replica; raises kafka's TopicAlreadyExistsError and its kin."""
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
        try:
            topic = NewTopic(name, partitions, 1, topic_configs=dict(configs or {}))
            admin.create_topics([topic], timeout_ms=30_000)
        finally:
            admin.close()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _settle(self, data_dir: Path | None) -> Path:
        if self._folder is None:
            self._owns_folder = data_dir is None
            self._folder = data_dir or Path(tempfile.mkdtemp(prefix="driftline-kafka-"))
        elif data_dir is not None and data_dir != self._folder:
            raise ValueError(f"this broker's data is in {self._folder}: start another one on {data_dir}")
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder

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

    def _launch(self, java: Path, jars: Path, folder: Path) -> ServerProcess:
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
