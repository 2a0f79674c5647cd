"""Tests of raw rows on one vector: where the file declares it, and where it does not."""

import shutil
from dataclasses import replace
from pathlib import Path

from monitor.bootstrap.vocabulary import vocabulary
from monitor.config.directory import check
from monitor.config.vocabulary import KnownColumn
from monitor.domain.models import ColumnKind

MODEL = """model: documents
window: {size: 1h}
archive: true
vectors:
  - {column: embedding, dimensions: 384}
checks:
  - test: domain_classifier
  - test: domain_classifier
    columns: [embedding]
  - test: frechet_distance
    columns: [embeding]
"""
RULE = """rules:
  - name: moved
    models: [documents]
    when:
      bad: {test: domain_classifier, column: embedding}
"""


def test_a_declared_vector_may_be_named_and_a_misspelt_one_is_told(tmp_path: Path) -> None:
    shutil.copytree(Path(__file__).parents[3] / "configs", tmp_path, dirs_exist_ok=True)
    (tmp_path / "models/documents.yaml").write_text(MODEL, encoding="utf-8")
    (tmp_path / "rules/moved.yaml").write_text(RULE, encoding="utf-8")
    stored = {"documents": {"embedding.c0": KnownColumn(frozenset({ColumnKind.NUMERIC}))}}

    found = check(tmp_path, replace(vocabulary(), columns=stored), {}).mistakes

    (error,) = [str(one).removeprefix(f"{tmp_path}/") for one in found.errors if "compares rows" in str(one)]
    assert error.startswith("models/documents.yaml:11: frechet_distance compares rows as wholes, or those of a vector")
    assert not [one for one in (*found.errors, *found.warnings) if "'embedding'" in str(one)]
