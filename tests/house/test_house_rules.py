"""House rules are programs: sizes, words and promises that review would forget."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("monitor", "alerts")
MAX_MODULE_LINES = 500
MAX_FUNCTION_LINES = 60
BANNED_IDENTIFIERS = re.compile(r"(?i)(^|_)(utils?|helpers?|manager|snooze|slice_of_traffic)(_|$)")
BANNED_MODULES = {"utils", "helpers", "common", "manager", "base", "util", "helper"}


def modules() -> list[Path]:
    """Every module but the migrations, which are lists of statements and never edited again."""
    found = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    return [path for path in found if "versions" not in path.parts]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return 0 if not body else (body[-1].end_lineno or 0) - body[0].lineno + 1


def too_long(paths: list[Path]) -> list[str]:
    return [
        f"{path.name}:{function.name} ({body_lines(function)} lines)"
        for path in paths
        for function in functions(path)
        if body_lines(function) > MAX_FUNCTION_LINES
    ]


def test_no_module_is_longer_than_the_house_allows() -> None:
    longest = {path.name: len(path.read_text().splitlines()) for path in modules()}

    assert {name: lines for name, lines in longest.items() if lines > MAX_MODULE_LINES} == {}


def test_no_function_body_is_longer_than_the_house_allows() -> None:
    assert too_long(modules()) == []


def test_the_rule_on_function_length_bites(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text("def f():\n" + "    x = 1\n" * (MAX_FUNCTION_LINES + 1))

    assert too_long([planted]) == ["planted.py:f (61 lines)"]


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [path for path in modules() if path.stem in BANNED_MODULES] == []


def test_no_identifier_uses_a_word_that_the_glossary_bans() -> None:
    named = [
        (path.name, node.name)
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and BANNED_IDENTIFIERS.search(node.name)
    ]

    assert named == []


def test_nothing_is_left_unfinished() -> None:
    unfinished = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")

    assert [path for path in modules() if unfinished.search(path.read_text())] == []


def test_every_public_function_of_the_pure_floors_says_what_it_returns() -> None:
    pure = [path for path in modules() if path.parts[-2] in {"domain", "stats", "stream", "rules", "schedule", "drift"}]

    missing = [
        f"{path.name}:{function.name}"
        for path in pure
        for function in functions(path)
        if function.returns is None and function.name != "__init__"
    ]

    assert missing == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda p: p.name)
def test_links_between_the_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text())

    assert [link for link in links if not (page.parent / link).resolve().exists()] == []


def test_the_top_level_holds_what_the_layout_foresees() -> None:
    foreseen = {
        "pyproject.toml", "README.md", "monitor", "configs", "alerts", "tests", "docker-compose.yml", "Makefile",
        "Dockerfile", "docs", "benchmarks", "LICENSE", "NOTICE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md",
        "requirements.lock", "requirements-dev.lock",
    }  # fmt: skip
    generated = {"demo-output", "data", "build", "dist"}

    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".") and path.suffix != ".egg-info"}

    assert found - foreseen - generated == set()
