"""Every key of a configuration that uses them all, misspelt in turn: what is said, of which line, and the hint."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from monitor.bootstrap.vocabulary import vocabulary
from monitor.config.directory import check
from monitor.config.vocabulary import Vocabulary

FULL = Path(__file__).parent / "every_key"
FILES = sorted(str(path.relative_to(FULL)) for path in FULL.rglob("*.yaml"))
FREE = {
    "amount",  # a column of its own: a warning, once a baseline knows the columns
    "both",
    "announce",
    "script",
    "pipeline",
    "careful",
    "oncall",
    "team-slack",
    "pager",
    "teams",
    "central",
    "phones",
    "cluster",
    "team",
    "hook",
    "box",
    "amt",
    "squad",
    "STAGE",
    "nights",
    "morning",
    "growth",
    "outcomes",
    "reviews",
    "reviewer",
}
"""Names that users invent: where one is referred to, the reference is reported instead."""


@pytest.fixture(scope="module")
def known() -> Vocabulary:
    return vocabulary()


def keys(node: yaml.Node | None) -> Iterator[tuple[str, int, int, int]]:
    """(key, first and last character, line) of every key."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key.value, key.start_mark.index, key.end_mark.index, key.start_mark.line + 1
            yield from keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from keys(item)


def with_typo(key: str) -> str:
    """Two letters in the middle exchanged; a short key gets a letter too many."""
    middle = len(key) // 2
    swapped = key[: middle - 1] + key[middle] + key[middle - 1] + key[middle + 1 :]
    return swapped if len(key) > 2 and swapped != key else key + key[-1]


def said(folder: Path, known: Vocabulary) -> list[str]:
    found = check(folder, known, {})
    return [str(error).replace(f"{folder}/", "") for error in found.mistakes.errors]


def test_the_full_configuration_itself_has_no_error(known: Vocabulary) -> None:
    assert said(FULL, known) == []


@pytest.mark.parametrize("name", FILES)
def test_every_misspelt_key_is_reported_once_with_its_line_and_the_key_that_was_meant(
    name: str, known: Vocabulary, tmp_path: Path
) -> None:
    shutil.copytree(FULL, tmp_path, dirs_exist_ok=True)
    text = (FULL / name).read_text()
    missed = []
    for key, start, end, line in keys(yaml.compose(text)):
        if key in FREE:
            continue
        typo = with_typo(key)
        (tmp_path / name).write_text(text[:start] + typo + text[end:])

        errors = said(tmp_path, known)

        explained = [
            e for e in errors if e.startswith(f"{name}:{line}:") and typo in e and f"did you mean {key!r}?" in e
        ]
        if len(errors) != 1 or not explained:
            missed.append((line, key, typo, errors))
    assert missed == []


@pytest.mark.parametrize(
    ("name", "written", "expected"),
    [
        ("monitor.yaml", "announce:", "monitor.yaml:71: unknown trigger 'announce'"),
        ("monitor.yaml", "careful:", "models/churn.yaml:66: unknown retraining policy 'careful'"),
        ("routes.yaml", "oncall:", "routes.yaml:83: there is no channel 'oncall'"),
  ],
)  # fmt: skip
def test_a_name_of_ones_own_that_is_misspelt_is_reported_where_it_is_used(
    name: str, written: str, expected: str, known: Vocabulary, tmp_path: Path
) -> None:
    shutil.copytree(FULL, tmp_path, dirs_exist_ok=True)
    key = written.removesuffix(":")
    (tmp_path / name).write_text((FULL / name).read_text().replace(written, f"{with_typo(key)}:", 1))

    (error,) = said(tmp_path, known)
    assert error.startswith(expected)
    assert f"did you mean {with_typo(key)!r}?" in error
