"""The generated schema: a golden file that the examples satisfy."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from monitor.bootstrap.schema import whole_schema

CONFIGS = Path(__file__).parents[3] / "configs"
EXAMPLES = sorted(CONFIGS.rglob("*.yaml"))


def test_the_schema_in_the_repository_is_the_generated_one() -> None:
    stored = (CONFIGS / "schema.json").read_text(encoding="utf-8")

    assert stored == whole_schema(), "run `driftline check-config --schema > configs/schema.json`"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_every_example_satisfies_the_schema_and_points_to_it(example: Path) -> None:
    schema = json.loads(whole_schema())
    text = example.read_text(encoding="utf-8")

    jsonschema.validate(yaml.safe_load(text), schema)

    assert text.startswith("# yaml-language-server: $schema=")


def test_a_typo_does_not_satisfy_the_schema() -> None:
    schema = json.loads(whole_schema())

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"sorce": {"kind": "memory"}}, schema)


def test_the_kafka_source_that_the_example_shows_in_comments_is_valid() -> None:
    schema = json.loads(whole_schema())
    lines = (CONFIGS / "monitor.yaml").read_text(encoding="utf-8").split("\n")
    start = lines.index("# source:")
    block = [line.removeprefix("# ") for line in lines[start : lines.index("", start)]]

    shown = yaml.safe_load("\n".join(block))

    assert shown["source"]["kind"] == "kafka"
    jsonschema.validate(shown, schema)
