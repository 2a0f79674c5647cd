"""The pages about formats: samples are mapped by the format of their section, commands are run."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.adapters.formats.codec import map_message
from monitor.adapters.formats.format import Message
from monitor.bootstrap.formats import build_format
from monitor.bootstrap.plugins import format_kinds
from tests.docs.test_docs import BLOCK, DOCS, blocks, driftline

PAGE = (DOCS / "reference" / "formats.md").read_text()
SECTIONS = dict(re.findall(r"^## `([\w-]+)`\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
NAMED: dict[str, object] = {"model": "churn", "model_version": "3"}
OPTIONS: dict[str, dict[str, object]] = {"sagemaker": NAMED, "bentoml": {**NAMED, "time_zone": "Europe/Berlin"}}
SAMPLES = [
    (name, text) for name, section in SECTIONS.items() for kind, text in BLOCK.findall(section) if kind == "json"
]


def test_every_format_has_a_section() -> None:
    assert SECTIONS.keys() == format_kinds().keys() | {"auto"}


@pytest.mark.parametrize(("name", "sample"), SAMPLES, ids=[name for name, _ in SAMPLES])
def test_the_sample_of_a_section_is_mapped_by_its_format(name: str, sample: str) -> None:
    options = OPTIONS.get(name, {})
    if name == "json":
        (mapping,) = (text for kind, text in BLOCK.findall(SECTIONS[name]) if kind == "yaml")
        options = {"mapping": yaml.safe_load(mapping)}
    topic = "seldon.default.model.income.outputs"

    mapped = map_message(build_format(name, options, None), Message(sample.encode(), b"k", None, 1000, topic))

    assert list(mapped.refused) == []
    assert [*mapped.rows, *mapped.halves]


@pytest.mark.parametrize("name", ["arrow-ipc"])
def test_the_program_of_a_section_makes_a_message_of_its_format(name: str) -> None:
    (program,) = (text for kind, text in BLOCK.findall(SECTIONS[name]) if kind == "python")
    names: dict[str, Any] = {}

    exec(compile(program, name, "exec"), names)

    assert len(map_message(build_format(name, {}, None), Message(names["message"])).rows) == 2


def test_the_options_that_are_described_are_those_there_are() -> None:
    described = set(re.findall(r"`(\w+)`", PAGE))
    options = {name for kind in format_kinds().values() for name in kind.options.model_fields}

    assert options - described == set()


def test_the_how_to_does_what_it_says(tmp_path: Path) -> None:
    page = "how-to/connect-a-format.md"
    for text in [*blocks(page, "jsonl"), *blocks(page, "yaml")]:
        first, rest = text.split("\n", 1)
        path = tmp_path / first.removeprefix("# ")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rest)
    commands = [line for text in blocks(page, "console") for line in text.splitlines()]

    ran = [driftline(tmp_path, command) for command in commands]

    assert [done.returncode for done in ran] == [0] * 4, [done.stderr for done in ran]
    said = (DOCS / page).read_text()
    for done, words in zip(ran[:2], re.findall(r'`("features": [^`]+)`', said), strict=True):
        assert words in done.stdout.splitlines()[0]
