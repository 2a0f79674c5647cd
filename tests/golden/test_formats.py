"""What `driftline map` makes of a sample of every format; `make golden` rewrites, and the diff is reviewed."""

from pathlib import Path

import pytest
import yaml

from monitor.adapters.formats.sample import canonical_lines, map_sample, read_sample
from monitor.bootstrap.formats import build_format
from monitor.bootstrap.plugins import format_kinds

FOLDER = Path(__file__).parent / "formats"
ASKS_A_SERVER = {"schema-registry"}
"""Tested in tests/contracts/test_schema_registry.py."""
NAMES = sorted(format_kinds().keys() - ASKS_A_SERVER)


def mapped(name: str) -> tuple[str, str]:
    """The canonical lines, and the refusals by line."""
    folder = FOLDER / name
    options = folder / "options.yaml"
    its_format = build_format(name, yaml.safe_load(options.read_text()) if options.exists() else {}, options)
    sample = map_sample(its_format, read_sample(next(path for path in folder.iterdir() if path.stem == "sample")))
    refused = (f"{line}: {refusal.reason}: {refusal.detail}\n" for line, refusal in sample.refused)
    return "".join(f"{line}\n" for line in canonical_lines(sample.rows)), "".join(refused)


@pytest.mark.parametrize("name", NAMES)
def test_the_sample_of_every_format_says_the_same_records_as_before(name: str, request: pytest.FixtureRequest) -> None:
    rows, refused = mapped(name)
    expected = {"rows.jsonl": rows, "refused.txt": refused}

    if request.config.getoption("--rewrite-golden"):
        for file, text in expected.items():
            (FOLDER / name / file).write_text(text, encoding="utf-8")

    assert {file: (FOLDER / name / file).read_text(encoding="utf-8") for file in expected} == expected


def test_every_folder_is_of_a_format() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == NAMES
