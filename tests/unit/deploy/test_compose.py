"""docker-compose.yml, as far as it can be judged without an engine. See docs/how-to/run-with-compose.md."""

import base64
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from alerts.config import parse as parse_routes
from alerts.plugins import discover
from monitor.cli.main import driftline
from monitor.config.directory import check
from monitor.config.source_section import KafkaSource
from monitor.config.vocabulary import Vocabulary

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if service["image"].startswith("driftline:"))
ONCE = {"migrate", "prepare", "baseline"}
ROLES = {"consume", "tick", "dispatch"}
REFERENCE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?::-(?P<default>[^}]*))?\}")


def strings(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)
    elif isinstance(value, str):
        yield value


def with_defaults(text: str) -> str:
    return REFERENCE.sub(lambda found: found["default"] or "", text)


def test_the_production_parts_and_the_story_are_all_there() -> None:
    assert set(SERVICES) == {"kafka", "postgres", "mailpit", "traffic"} | ONCE | ROLES
    assert SERVICES["consume"]["deploy"]["replicas"] == 2


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_images_of_others_are_pinned_to_a_version(name: str) -> None:
    image = SERVICES[name]["image"]

    if name in OURS:
        assert image == "driftline:${DRIFTLINE_TAG:-dev}"
    else:
        assert re.fullmatch(r"[a-z0-9/]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9]+)?", image)


def test_our_image_is_built_once_and_used_by_all() -> None:
    assert [name for name in OURS if "build" in SERVICES[name]] == ["migrate"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_waits_for_the_state_that_its_dependency_can_reach(name: str) -> None:
    for other, wanted in SERVICES[name].get("depends_on", {}).items():
        expected = "service_completed_successfully" if other in ONCE else "service_healthy"
        assert wanted == {"condition": expected}, other


def test_nothing_waits_for_itself() -> None:
    def waits_for(name: str, seen: tuple[str, ...]) -> None:
        assert name not in seen, " -> ".join((*seen, name))
        for other in SERVICES[name].get("depends_on", {}):
            waits_for(other, (*seen, name))

    for name in SERVICES:
        waits_for(name, ())


def test_whoever_is_waited_for_to_be_healthy_has_a_check_of_its_own_or_of_the_image() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    waited = {
        other
        for service in SERVICES.values()
        for other, wanted in service.get("depends_on", {}).items()
        if wanted["condition"] == "service_healthy"
    }

    for name in waited:
        own = SERVICES[name].get("healthcheck")
        assert own.get("test") if own else name in OURS, name
    assert "HEALTHCHECK" in dockerfile


@pytest.mark.parametrize("name", sorted(ONCE))
def test_what_runs_once_is_neither_restarted_nor_checked(name: str) -> None:
    assert SERVICES[name]["restart"] == "no"
    assert SERVICES[name]["healthcheck"] == {"disable": True}


@pytest.mark.parametrize("name", OURS)
def test_our_containers_may_write_only_where_they_must(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    writable = [volume for volume in service["volumes"] if not volume.endswith(":ro")]
    assert writable == ["data:/data"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_ports_are_published_on_loopback_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


def test_every_secret_is_a_reference_whose_default_says_that_it_is_for_development() -> None:
    for text in strings(COMPOSE):
        for found in REFERENCE.finditer(text):
            if re.search(r"PASSWORD|SECRET|TOKEN", found["name"]):
                assert re.search(r"dev-?only", found["default"], re.IGNORECASE), found[0]
        assert not re.search(r"whsec_|:[^@/$]+@", REFERENCE.sub("", text)), text
    for key, value in (pair for name in SERVICES for pair in SERVICES[name].get("environment", {}).items()):
        if re.search(r"PASSWORD|SECRET|TOKEN", key):
            assert REFERENCE.fullmatch(value), key


@pytest.mark.parametrize("name", ["DRIFTLINE_TRIGGER_SECRET", "DRIFTLINE_CALLBACK_SECRET"])
def test_default_webhook_secrets_are_long_enough_for_the_standard(name: str) -> None:
    default = with_defaults(SERVICES["tick"]["environment"][name])

    assert 24 <= len(base64.b64decode(default.removeprefix("whsec_"), validate=True)) <= 64


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """The folder of configuration as the containers see it."""
    for volume in SERVICES["tick"]["volumes"]:
        source, target, *_ = volume.split(":")
        if source.startswith("./"):
            inside = tmp_path / Path(target).relative_to("/etc/driftline")
            inside.parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / source, inside)
    return tmp_path


def environment() -> dict[str, str]:
    return {key: with_defaults(value) for key, value in SERVICES["tick"]["environment"].items()}


def test_the_configuration_that_is_mounted_has_no_mistakes_and_all_its_secrets(mounted: Path) -> None:
    checked = check(mounted, Vocabulary(), environment())

    assert [str(each) for each in (*checked.mistakes.errors, *checked.mistakes.warnings)] == []
    assert checked.settings is not None
    assert set(checked.settings.models) == {"elec2-price"}
    assert checked.settings.monitor.http.port == 8484


def test_the_routes_that_are_mounted_reach_the_inbox(mounted: Path) -> None:
    routes = yaml.safe_load((mounted / "routes.yaml").read_text(encoding="utf-8"))

    config = parse_routes(routes, discover())

    assert set(config.root.channels) == {"console", "inbox"}
    assert "mailpit" in SERVICES


def test_services_call_each_other_by_names_and_ports_that_exist(mounted: Path) -> None:
    checked = check(mounted, Vocabulary(), environment())
    assert checked.settings is not None
    monitor = checked.settings.monitor
    traffic = dict(
        option.removeprefix("--").split("=", 1) for option in SERVICES["traffic"]["command"] if "=" in option
    )
    trigger = monitor.retraining.triggers["pipeline"].settings
    listeners = SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]

    assert trigger["url"] == f"http://traffic:{traffic['pipeline-port']}/train"
    assert trigger["allow"] in (["traffic"], ("traffic",))
    assert traffic["monitor-url"] == f"http://tick:{monitor.http.port}"
    assert f"INSIDE://{traffic['bootstrap-servers']}" in listeners
    assert isinstance(monitor.source, KafkaSource)
    assert monitor.source.bootstrap_servers == (traffic["bootstrap-servers"],)
    assert monitor.source.topics.inference == (traffic["topic-inference"],)
    assert monitor.source.topics.ground_truth == (traffic["topic-ground-truth"],)
    assert environment()["DRIFTLINE_DATABASE_URL"].endswith("@postgres:5432/driftline")


def test_records_of_1997_outlive_the_first_sweep(mounted: Path) -> None:
    checked = check(mounted, Vocabulary(), environment())

    assert checked.settings is not None
    assert checked.settings.monitor.retention.records.days > 40 * 365


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_one_that_the_program_has(name: str) -> None:
    command: click.Command = driftline
    words = [with_defaults(word) for word in SERVICES[name]["command"]]
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, f"driftline has no command {words[0]}"
        command, words = found, words[1:]

    context = command.make_context(command.name, words)

    assert context.params
    assert "DRIFTLINE_CONFIG=/etc/driftline" in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_docker_compose_itself_accepts_the_file() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("NOT RUN: `docker compose config`: the Docker client with its compose plug-in is not installed")

    done = subprocess.run(
        [docker, "compose", "--file", ROOT / "docker-compose.yml", "config", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
