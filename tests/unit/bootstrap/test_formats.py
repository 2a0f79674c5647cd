"""Formats out of a configuration: found by topic or folder, with mapping files and secrets read."""

from pathlib import Path

import pytest

from monitor.adapters.formats.format import FormatKind, FormatOptions
from monitor.adapters.formats.kserve_ce import KserveCe
from monitor.adapters.formats.schema_registry import SchemaRegistry
from monitor.bootstrap import plugins
from monitor.bootstrap.formats import build_format, build_formats, format_validators, secrets_read
from monitor.bootstrap.plugins import Offer, format_kinds
from monitor.config.source_section import FilesSource, KafkaSource
from monitor.domain.errors import ConfigError

KAFKA = {"kind": "kafka", "bootstrap_servers": ["a:9092"], "topics": {"inference": ["log", "plain", "avro"]}}


def test_every_module_of_the_package_that_is_a_format_is_found() -> None:
    assert len(format_kinds()) == 15
    assert {"json", "kserve-ce", "arrow-ipc", "schema-registry"} <= format_kinds().keys()


def test_topics_get_their_formats_and_canonical_ones_none() -> None:
    formats = {"log": {"format": "kserve-ce", "model_version": 3}, "plain": {"format": "canonical"}}
    source = KafkaSource.model_validate(KAFKA | {"formats": formats})

    look_up = build_formats(source, Path("configs"), {})

    assert isinstance(look_up("log"), KserveCe)
    assert (look_up("plain"), look_up("avro")) == (None, None)


def test_a_folder_named_without_a_slash_is_found_by_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    known = {"kind": "files", "folders": {"inference": ["kserve"]}, "formats": {"kserve": {"format": "kserve-ce"}}}

    look_up = build_formats(FilesSource.model_validate(known), Path("configs"), {})

    assert isinstance(look_up(f"{tmp_path.resolve()}/kserve/day-1.jsonl"), KserveCe)
    assert look_up(f"{tmp_path.resolve()}/other/day-1.jsonl") is None


def test_a_password_comes_by_reference_and_is_never_shown() -> None:
    options = {"format": "schema-registry", "registry": "https://r", "username": "me", "password": {"env": "PASSWORD"}}
    source = KafkaSource.model_validate(KAFKA | {"formats": {"avro": options}})

    built = build_formats(source, Path("configs"), {"PASSWORD": "hunter2"})("avro")

    assert isinstance(built, SchemaRegistry)
    assert "hunter2" not in repr(source) + repr(built) + str(vars(built))
    with pytest.raises(ConfigError, match="PASSWORD is not set"):
        build_formats(source, Path("configs"), {})


def test_a_literal_password_is_refused_without_being_repeated() -> None:
    with pytest.raises(ConfigError) as refused:
        secrets_read({"password": "hunter2"}, {})

    assert "hunter2" not in str(refused.value)


def test_a_wrong_option_says_where_it_stands() -> None:
    source = KafkaSource.model_validate(KAFKA | {"formats": {"log": {"format": "kserve-ce", "wait": "soon"}}})

    with pytest.raises(ConfigError, match=r"monitor.yaml: source.formats.log.wait: .* no duration"):
        build_formats(source, Path("configs"), {})


def test_the_line_of_a_mapping_file_is_told_when_the_configuration_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text("event_id: $.id\nevent_time: $.at\nfeature: $.f\n")

    found = format_validators()["json"]({"mapping": str(path)})

    assert [loc for loc, _, _ in found] == [("mapping",)]
    assert f"{path}:3: unknown key `feature` (hint: did you mean 'features'?)" in found[0][1]


def test_a_format_of_another_package_is_found_and_one_of_the_same_name_stops_the_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def build(options: FormatOptions) -> KserveCe:
        raise AssertionError(options)

    def offered(kind: FormatKind) -> None:
        offer = Offer(kind.name, kind, "other.package")
        monkeypatch.setattr(plugins, "_offered", lambda group: [offer] if group == plugins.FORMATS else [])

    offered(FormatKind("ours", "Ours", FormatOptions, build))
    found = format_kinds()
    offered(FormatKind("json", "Another", FormatOptions, build))

    assert "ours" in found
    with pytest.raises(ConfigError, match="two formats are named 'json'"):
        format_kinds()


def test_auto_takes_the_options_that_every_format_has_and_no_others() -> None:
    built = build_format("auto", {"model": "churn"}, None)

    assert built is not None
    assert format_validators()["auto"]({"model": "churn"}) == []
    assert format_validators()["auto"]({"columns": ["a"]}) != []
