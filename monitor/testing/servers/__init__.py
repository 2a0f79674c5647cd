"""Real servers that tests and benchmarks start themselves: Apache Kafka, PostgreSQL, Alertmanager, a Kafka mock.

Each is a context manager that listens on loopback only, on free ports, keeps its data in a temporary
folder of its own and leaves nothing behind. No Docker, no system service, no fixed port.
"""

from monitor.testing.servers.alertmanager import Alertmanager
from monitor.testing.servers.kafka import KafkaBroker
from monitor.testing.servers.mock_kafka import MockCluster
from monitor.testing.servers.postgres import PostgresServer
from monitor.testing.servers.unavailable import ServerFailed, ServerUnavailable

__all__ = ["Alertmanager", "KafkaBroker", "MockCluster", "PostgresServer", "ServerFailed", "ServerUnavailable"]
