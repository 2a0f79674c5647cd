"""The containers' commands of docker-compose.yml, run as processes on a real broker, a real database and a mail server.

Everything is as in the file but for names and ports: there is one machine here where the containers have one each.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
import yaml
from aiosmtpd.controller import Controller

from monitor.shells.demo.dataset import DatasetUnavailable, fetch_elec2
from monitor.testing.servers import KafkaBroker
from monitor.testing.servers.ports import free_port

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("DRIFTLINE_DEMO_CACHE", ROOT / ".cache" / "demo"))
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))[
    "services"
]
REFERENCE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?::-(?P<default>[^}]*))?\}")
ROLES = ("consume", "consume-2", "tick", "dispatch")
DAYS_PER_SECOND = "4"
PREDICTIONS, TRUTHS = 156 * 48, 155 * 48
"""1 February to 6 July 1997; the truths of the last day come after its end."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class Inbox:
    """Keeps the subjects of the mails it gets."""

    def __init__(self) -> None:
        self.subjects: list[str] = []

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.subjects += [
            line for line in envelope.content.decode(errors="replace").splitlines() if line.startswith("Subject:")
        ]
        return "250 OK"


class Containers:
    """Starts services as processes of this machine, each with its own copy of the mounted configuration."""

    def __init__(self, folder: Path, broker: str, database_url: str, smtp_port: int) -> None:
        self._folder, self._ports = folder, {role: free_port() for role in (*ROLES, "once", "traffic")}
        pipeline = free_port()
        self._elsewhere = {
            "kafka:9092": broker,
            "--topic-inference=inference": "--topic-inference=story-inference",  # the broker is shared with other tests
            "--topic-ground-truth=ground-truth": "--topic-ground-truth=story-ground-truth",
            "inference: [inference]": "inference: [story-inference]",
            "ground_truth: [ground-truth]": "ground_truth: [story-ground-truth]",
            "http://traffic:8090": f"http://127.0.0.1:{pipeline}",
            "--pipeline-port=8090": f"--pipeline-port={pipeline}",
            "http://tick:8484": f"http://127.0.0.1:{self._ports['tick']}",
            "allow: [traffic]": "allow: [127.0.0.1]",
            "host: mailpit": "host: 127.0.0.1",
            "port: 1025": f"port: {smtp_port}",
            "0.0.0.0": "127.0.0.1",
            "/data/": f"{folder}/data/",
        }
        secrets = {name: self._here(value) for name, value in SERVICES["tick"]["environment"].items()}
        self._environ = os.environ | secrets | {"DRIFTLINE_DATABASE_URL": database_url}
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def run(self, service: str) -> None:
        """A service that runs once."""
        process = self.start(service, "once")
        assert process.wait(180) == 0, self.said(service, "once")

    def start(self, service: str, name: str) -> subprocess.Popen[bytes]:
        config = self._mounted(name)
        command = [sys.executable, "-c", "from monitor.cli.main import main; main()"]
        with (self._folder / f"{service}-{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [*command, *map(self._here, SERVICES[service]["command"])],
                cwd=self._folder / "data",
                env=self._environ | {"DRIFTLINE_CONFIG": str(config)},
                stdout=log,
                stderr=log,
            )
        self.running[name] = process
        return process

    def is_healthy(self, name: str) -> bool:
        """As the image's HEALTHCHECK asks."""
        try:
            return httpx.get(f"http://127.0.0.1:{self._ports[name]}/healthz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def said(self, service: str, name: str) -> str:
        return (self._folder / f"{service}-{name}.log").read_text(encoding="utf-8")[-3000:]

    def stop_all(self) -> dict[str, int]:
        for process in self.running.values():
            process.terminate()
        return {name: process.wait(60) for name, process in self.running.items()}

    def _here(self, text: str) -> str:
        said = REFERENCE.sub(
            lambda found: {"DAYS_PER_SECOND": DAYS_PER_SECOND}.get(found["name"], found["default"]), text
        )
        for there, here in self._elsewhere.items():
            said = said.replace(there, here)
        return said

    def _mounted(self, name: str) -> Path:
        folder = self._folder / f"etc-{name}"
        for volume in SERVICES["tick"]["volumes"]:
            source, target, *_ = volume.split(":")
            if source.startswith("./"):
                inside = folder / Path(target).relative_to("/etc/driftline")
                inside.parent.mkdir(parents=True, exist_ok=True)
                text = self._here((ROOT / source).read_text(encoding="utf-8"))
                inside.write_text(text.replace("port: 8484", f"port: {self._ports[name]}"), encoding="utf-8")
        return folder


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, int]]:
    inbox, port = Inbox(), free_port()
    server = Controller(inbox, hostname="127.0.0.1", port=port)
    server.start()
    yield inbox, port
    server.stop()


@pytest.fixture
def containers(
    kafka_broker: KafkaBroker, postgres_url: str, inbox: tuple[Inbox, int], tmp_path: Path
) -> Iterator[Containers]:
    try:
        elec2 = fetch_elec2(CACHE, lambda _: None)
    except DatasetUnavailable as problem:
        pytest.skip(f"NOT RUN: the story on Kafka and PostgreSQL: {problem}")
    (tmp_path / "data" / "cache").mkdir(parents=True)
    (tmp_path / "data" / "cache" / "elec.csv").write_bytes(elec2.read_bytes())
    containers = Containers(tmp_path, kafka_broker.bootstrap_servers, postgres_url, inbox[1])
    yield containers
    for process in containers.running.values():
        process.kill()
        process.wait(30)


def wait_until(holds: Callable[[], bool], deadline_s: float, explain: Callable[[], str]) -> None:
    end = time.monotonic() + deadline_s
    while not holds():
        assert time.monotonic() < end, explain()
        time.sleep(0.5)


def test_the_story_is_told_by_the_production_parts_and_a_consumer_that_is_killed_costs_and_doubles_nothing(
    containers: Containers, inbox: tuple[Inbox, int], postgres_url: str
) -> None:
    for service in ("migrate", "prepare", "baseline"):
        containers.run(service)
    for name in ROLES:
        containers.start(name.removesuffix("-2"), name)
    for name in ROLES:
        wait_until(partial(containers.is_healthy, name), 90, partial(containers.said, name.removesuffix("-2"), name))
    containers.start("traffic", "traffic")
    sent = partial(containers.said, "traffic", "traffic")
    wait_until(lambda: "1997-03" in sent(), 120, sent)

    containers.running["consume-2"].send_signal(signal.SIGKILL)
    containers.running["consume-2"].wait(10)
    containers.start("consume", "consume-2")
    wait_until(
        lambda: any("[RESOLVED]" in subject for subject in inbox[0].subjects),
        900,
        lambda: f"{inbox[0].subjects}\n{containers.said('tick', 'tick')}\n{sent()}",
    )
    everything = {"predictions": PREDICTIONS, "truths": TRUTHS, "read": PREDICTIONS + TRUTHS}
    wait_until(lambda: totals(postgres_url)["read"] >= everything["read"], 120, lambda: str(totals(postgres_url)))
    codes = containers.stop_all()

    assert totals(postgres_url) == everything
    assert any("[CRITICAL]" in subject for subject in inbox[0].subjects)
    assert retraining_jobs(postgres_url) == [("elec2-price", "settled")]
    assert set(codes.values()) == {0}, codes


def totals(url: str) -> dict[str, int]:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        queries = {
            "predictions": "select coalesce(sum(n), 0) from shares where segment = ''",
            "truths": "select count(*) from truths",
            "read": "select coalesce(sum(next_offset), 0) from progress",
        }
        found = {name: int(connection.scalar(sa.text(query)) or 0) for name, query in queries.items()}
    engine.dispose()
    return found


def retraining_jobs(url: str) -> list[tuple[str, str]]:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        jobs = connection.execute(sa.text("select model, phase from retrain_jobs")).all()
    engine.dispose()
    return [(str(model), str(phase)) for model, phase in jobs]
