"""From YAML to domain values."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel, Field, ValidationError

from monitor.config.mistakes import parse, problems
from monitor.config.model_file import ModelFile
from monitor.config.monitor_file import MonitorFile
from monitor.config.rules_file import RulesFile
from monitor.config.secrets import SecretRef, text_or_secret
from monitor.config.yaml_file import parse_yaml
from monitor.domain.errors import ConfigError
from monitor.domain.models import MonitoredModel
from monitor.domain.rules import AllOf, AnyOf, CheckIsBad, Not, Rule, ShareDrifted
from monitor.domain.windows import WindowSpec
from monitor.stream.dead_letter_limit import DeadLetterLimit

HOUR = timedelta(hours=1)


def model_of(text: str) -> MonitoredModel:
    parsed = parse(parse_yaml(text, Path("model.yaml")), ModelFile)
    assert isinstance(parsed, ModelFile), parsed
    return parsed.value()


def rule_of(text: str) -> Rule:
    parsed = parse(parse_yaml(text, Path("rules.yaml")), RulesFile)
    assert isinstance(parsed, RulesFile), parsed
    return parsed.rules[0].value()


def test_a_window_without_a_slide_does_not_overlap() -> None:
    model = model_of("model: m\nwindow: {size: 1h}\n")

    assert model.windows == WindowSpec(HOUR, HOUR)


def test_labels_in_the_data_may_be_written_without_quotes() -> None:
    model = model_of(
        "model: m\nwindow: {size: 1h}\npositive_label: 1\nsegments:\n- {name: a, column: c, value: true}\n"
    )

    assert (model.positive_label, model.segments[0].value) == ("1", "true")


def test_conditions_nest() -> None:
    rule = rule_of(
        "rules:\n"
        "- name: r\n"
        "  hold: 0s\n"
        "  when:\n"
        "    any:\n"
        "    - share_drifted: {above: 0.3, test: psi}\n"
        "    - all:\n"
        "      - bad: {test: ks, column: x}\n"
        "      - not: {bad: {}}\n"
    )

    expected = AnyOf((ShareDrifted(0.3, "psi"), AllOf((CheckIsBad("ks", "x"), Not(CheckIsBad())))))
    assert (rule.when, rule.hold) == (expected, timedelta(0))


def test_a_secret_comes_from_the_environment_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from file\n", encoding="utf-8")

    by_env = SecretRef(env="KEY").read({"KEY": "from env"})
    by_file = SecretRef(file=tmp_path / "key").read({})

    assert (by_env, by_file, text_or_secret("literal", {})) == ("from env", "from file", "literal")


@pytest.mark.parametrize("reference", [SecretRef(env="MISSING"), SecretRef(file=Path("/nowhere/key"))])
def test_a_secret_that_is_not_there_is_reported_by_its_place(reference: SecretRef) -> None:
    with pytest.raises(ConfigError, match="a secret cannot be read") as caught:
        reference.read({})

    assert "MISSING" in str(caught.value) or "/nowhere/key" in str(caught.value)


def test_a_service_account_s_key_may_not_stand_in_the_settings_of_a_trigger() -> None:
    text = """
source: {kind: memory}
retraining: {triggers: {train: {kind: vertex, credentials: '{"private_key": "hunter2"}'}}}
"""

    (mistake,) = parse(parse_yaml(text, Path("monitor.yaml")), MonitorFile)

    assert "`credentials`: a secret must not stand here" in str(mistake)
    assert "hunter2" not in str(mistake)


class Told(BaseModel):
    """Settings of a plug-in."""

    template: str = Field(pattern="^https://")
    job: str = Field(min_length=1)
    name: str = Field(pattern=r"^[a-z]+$")


def test_what_a_plug_in_asks_of_a_text_is_said_in_words() -> None:
    with pytest.raises(ValidationError) as wrong:
        Told.model_validate({"template": "gs://churn", "job": "", "name": "7"})

    assert [cause for _, cause, _ in problems(wrong.value, Told)] == [
        "`template` must begin with https://",
        "`job` must not be empty",
        "`name`: string should match pattern '^[a-z]+$'",
    ]


def test_defaults_fill_everything_but_the_source() -> None:
    parsed = parse(parse_yaml("source: {kind: memory}\n", Path("monitor.yaml")), MonitorFile)

    assert isinstance(parsed, MonitorFile)
    assert parsed.http.is_loopback
    assert parsed.secrets() == []


def test_secrets_are_found_wherever_they_stand() -> None:
    text = (
        "source: {kind: memory}\n"
        "database: {url: {env: URL}}\n"
        "http: {bearer_token: {env: TOKEN}}\n"
        "retraining: {triggers: {t: {kind: webhook, url: 'https://x', secret: {file: key}}}}\n"
    )
    parsed = parse(parse_yaml(text, Path("monitor.yaml")), MonitorFile)

    assert isinstance(parsed, MonitorFile)
    assert {".".join(map(str, loc)) for loc, _ in parsed.secrets()} >= {"database.url", "http.bearer_token"}
    assert len(parsed.secrets()) == 3


def test_the_bounds_on_dead_letters_and_memory_can_be_moved_and_switched_off() -> None:
    text = (
        "source: {kind: files, folders: {mixed: [data]}}\nstream: {flush_bytes: 1MiB, dead_letters: {stop_after: 50}}\n"
    )
    parsed = parse(parse_yaml(text, Path("monitor.yaml")), MonitorFile)

    assert isinstance(parsed, MonitorFile), parsed
    assert parsed.stream.dead_letters.limit() == DeadLetterLimit(window=50, consecutive=50)
    assert parsed.stream.flush_bytes == 2**20


def test_duplicates_and_low_volume_are_watched_unless_switched_off_and_the_reader_when_asked() -> None:
    usual = model_of("model: m\nwindow: {size: 1h}\n")
    other = model_of(
        "model: m\nwindow: {size: 1h}\nremember_ids: 0\nlow_volume: null\nlow_coverage: null\nstale_after: 10m\n"
        "max_lag: 5000\n"
    )

    assert (usual.remember_ids, usual.low_volume, usual.stale_after, usual.max_lag) == (131_072, 0.5, None, None)
    assert (usual.low_coverage, other.low_coverage) == (0.5, None)
    assert (other.remember_ids, other.low_volume, other.stale_after) == (0, None, timedelta(minutes=10))
    assert other.max_lag == 5_000
