"""Reading YAML with its lines."""

from pathlib import Path

import pytest

from monitor.config.yaml_file import parse_yaml
from monitor.domain.errors import ConfigError

HERE = Path("some.yaml")


def test_every_key_and_item_is_remembered_with_its_line() -> None:
    file = parse_yaml("a:\n  b: 1\n  c:\n    - x\n    - d: 2\n", HERE)

    lines = {loc: file.line_of(loc) for loc in [("a",), ("a", "b"), ("a", "c"), ("a", "c", 1), ("a", "c", 1, "d")]}

    assert list(lines.values()) == [1, 2, 3, 5, 5]


def test_parts_of_a_path_that_the_file_lacks_are_passed_over() -> None:
    file = parse_yaml("source:\n  kind: kafka\n  topics:\n    inference: []\n", HERE)

    line = file.line_of(("source", "kafka", "topics", "KafkaTopics", "inference"))

    assert line == 4


def test_merged_mappings_keep_working_and_an_empty_file_is_an_empty_mapping() -> None:
    merged = parse_yaml("base: &b {x: 1}\nmore:\n  <<: *b\n  y: 2\n", HERE)

    empty = parse_yaml("# nothing\n", HERE)

    assert merged.data == {"base": {"x": 1}, "more": {"x": 1, "y": 2}}
    assert empty.data == {}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: [1, 2\n", 3, "not valid YAML"),
        ("a: 1\na: 2\n", 2, "stands here twice"),
        ("a:\n\tb: 1\n", 2, "a tab is used to indent"),
        ("a: b\x07c\n", 1, "a character that YAML does not allow"),
        ("a: !!python/object/apply:os.system ['true']\n", 1, "not valid YAML"),
        ("a: &x\n  b: *x\n", 1, "nested too deeply"),
    ],
)
def test_what_is_no_yaml_is_reported_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        parse_yaml(text, HERE)

    assert caught.value.line == line
