"""Putting the program together: plug-ins, sources, triggers, forwarding of dead letters."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from monitor.bootstrap import plugins
from monitor.bootstrap.consuming import ForwardingStore
from monitor.bootstrap.plugins import Offer, one_each
from monitor.bootstrap.sources import build_source, dead_letter_topic, kafka_settings, resolved
from monitor.bootstrap.triggers import trigger_validators
from monitor.bootstrap.vocabulary import check_routes
from monitor.config.secrets import SecretRef
from monitor.config.source_section import FilesSource, KafkaSource, PluginSource
from monitor.domain.errors import ConfigError, RejectReason, SourceUnavailable
from monitor.domain.records import DeadLetter, PartitionId
from monitor.domain.stream import Claim, Flush, TopicKind
from monitor.stats.drift import DRIFT_TESTS
from monitor.stats.performance import PERFORMANCE_METRICS
from monitor.stats.quality import QUALITY_TESTS
from monitor.stats.row_tests import ROW_TESTS
from monitor.stats.window_tests import WINDOW_TESTS

PARTITION = PartitionId("log", 0)


TRIGGERS = {
    "airflow", "argo-workflows", "command", "console", "dagster", "databricks", "github-workflow", "gitlab", "jenkins",
    "kubeflow", "prefect", "sagemaker", "vertex", "webhook",
}  # fmt: skip


def test_walking_the_packages_finds_every_shipped_plug_in() -> None:
    found = (plugins.drift_tests(), plugins.performance_metrics(), plugins.trigger_kinds())

    assert found[0] == {**DRIFT_TESTS, **QUALITY_TESTS, **WINDOW_TESTS, **ROW_TESTS}
    assert found[1] == dict(PERFORMANCE_METRICS)
    assert found[2].keys() == TRIGGERS


def test_two_plug_ins_of_one_name_stop_the_program() -> None:
    offers = [Offer("psi", object(), "monitor.stats.drift.psi"), Offer("psi", object(), "other.package")]

    with pytest.raises(ConfigError, match=r"two drift tests are named 'psi': monitor\.stats\.drift\.psi and other"):
        one_each(offers, "drift tests")


def test_the_kafka_section_becomes_the_clients_settings_with_its_password_read() -> None:
    section = KafkaSource.model_validate(
        {
            "kind": "kafka",
            "bootstrap_servers": ["a:9092", "b:9092"],
            "topics": {"inference": ["log"], "ground_truth": ["truth"]},
            "security": {
                "protocol": "SASL_SSL",
                "sasl_mechanism": "PLAIN",
                "username": "u",
                "password": {"env": "PASSWORD"},
            },
        }
    )

    settings = kafka_settings(section, {"PASSWORD": "hunter2"})

    assert settings.bootstrap_servers == "a:9092,b:9092"
    assert settings.topics == {"log": TopicKind.INFERENCE, "truth": TopicKind.GROUND_TRUTH}
    assert settings.security.password == "hunter2"
    assert "hunter2" not in repr(settings)


def test_the_kafka_group_knows_how_long_to_wait_for_whom() -> None:
    section = KafkaSource.model_validate(
        {
            "kind": "kafka",
            "bootstrap_servers": ["a:9092"],
            "topics": {"mixed": ["log"]},
            "session_timeout": "6s",
            "discover_every": "2s",
        }
    )

    named, unnamed = kafka_settings(section, {"DRIFTLINE_MEMBER": "left"}), kafka_settings(section, {})

    assert (named.instance_id, unnamed.instance_id) == ("left", None)
    assert (named.session_timeout_ms, named.metadata_max_age_ms) == (6_000, 2_000)
    assert named.topics == {"log": TopicKind.MIXED}


def test_a_source_of_another_package_gets_its_settings_with_secrets_read(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[object] = []
    monkeypatch.setattr("monitor.bootstrap.sources.source_plugins", lambda: {"pulsar": built.append})
    section = PluginSource.model_validate({"kind": "pulsar", "settings": {"url": "x", "deep": {"key": {"env": "K"}}}})

    build_source(section, {"K": "v"})

    assert built == [{"url": "x", "deep": {"key": "v"}}]


def test_a_folder_that_is_not_there_is_trouble_that_may_pass(tmp_path: Path) -> None:
    section = FilesSource.model_validate({"kind": "files", "folders": {"mixed": [tmp_path / "later"]}})

    with pytest.raises(SourceUnavailable, match="later does not exist"):
        build_source(section, {})


def test_a_dead_letter_topic_needs_kafka() -> None:
    section = FilesSource.model_validate({"kind": "files", "folders": {"mixed": ["."]}})

    with pytest.raises(ConfigError, match="needs the kafka source"):
        dead_letter_topic(section, "dead", {})


def test_settings_of_triggers_are_checked_without_reading_secrets() -> None:
    check = trigger_validators()["webhook"]

    good = check({"url": "https://ci.example.com", "secret": SecretRef(env="NOT_SET")})
    bad = check({"urll": "https://ci.example.com", "secret": SecretRef(env="NOT_SET")})

    assert good == []
    assert [(loc, message) for loc, message, _ in bad] == [(("urll",), "unknown key `urll`")]


def test_mistakes_in_routes_keep_their_place() -> None:
    found = check_routes({"channels": {"c": {"kind": "console"}}, "route": {"channels": ["d"]}})

    assert [(loc, "there is no channel 'd'" in message) for loc, message, _ in found] == [
        (("route", "channels", 0), True)
    ]


def test_secrets_of_plug_ins_that_are_missing_are_said_by_place() -> None:
    with pytest.raises(ConfigError, match="environment variable KEY is not set"):
        resolved({"key": SecretRef(env="KEY")}, {})


@dataclass
class Recorder:
    """A topic and a store in one, noting what came in which order."""

    seen: list[str] = field(default_factory=list)

    def send(self, letters: Sequence[DeadLetter]) -> None:
        self.seen.append(f"sent {len(letters)}")

    def flush(self, flushes: Sequence[Flush]) -> None:
        self.seen.append("saved")

    def claim(self, partition: PartitionId, kind: TopicKind, owner: str) -> Claim:
        raise NotImplementedError

    def heartbeat(self, claim: Claim, caught_up_at_ms: int | None, highwater: int | None) -> None:
        raise NotImplementedError


def test_dead_letters_are_forwarded_before_they_are_saved_so_that_none_is_missed() -> None:
    recorder = Recorder()
    letter = DeadLetter(PARTITION, 0, RejectReason.EMPTY, "", b"", 0)
    flush = Flush(Claim(PARTITION, 1, None, None), TopicKind.MIXED, None, 1, None, None, 0, dead_letters=(letter,))

    ForwardingStore(recorder, recorder).flush([flush])

    assert recorder.seen == ["sent 1", "saved"]
