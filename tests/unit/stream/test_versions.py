"""A partition holds so many versions of a model and no more, and which ones depends on the log alone."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.stream import IdBlock
from monitor.domain.windows import WindowSpec
from monitor.stream.batch import RecordBatch
from monitor.stream.versions import Admitted, LiveVersions, Surplus

HOUR, HOUR_MS = timedelta(hours=1), 3_600_000
MODEL = MonitoredModel("churn", WindowSpec(HOUR, HOUR), HOUR, 2 * HOUR, max_versions=3)
MODELS = {"churn": MODEL, "fraud": replace(MODEL, name="fraud")}

Row = tuple[int, str, int]
"""Offset, version, event time in hours."""


def admitted(rows: list[Row], before_h: int = 0, model: str = "churn") -> list[Admitted]:
    """The rows in batches by version, as the decoder makes them, with the watermark that each met."""
    met, reached = {}, before_h
    for offset, _, at_h in rows:
        met[offset], reached = reached * HOUR_MS, max(reached, at_h)
    found = []
    for version in dict.fromkeys(version for _, version, _ in rows):
        mine = [row for row in rows if row[1] == version]
        n = len(mine)
        times = np.array([at_h * HOUR_MS for _, _, at_h in mine], np.int64)
        offsets = np.array([offset for offset, _, _ in mine], np.int64)
        ids = [str(offset) for offset, _, _ in mine]
        batch = RecordBatch(ModelRef(model, version), times, offsets, ids, {}, [None] * n, np.full(n, np.nan))
        found.append((batch, np.array([met[offset] for offset, _, _ in mine], np.int64)))
    return found


def surplus(*expected: tuple[int, str]) -> set[Surplus]:
    return {(ModelRef("churn", version), offset) for offset, version in expected}


def test_records_of_a_version_too_many_are_surplus_and_those_of_the_first_ones_are_not() -> None:
    rows = [(n, version, 1) for n, version in enumerate("abcdaeb")]

    assert LiveVersions(MODELS).surplus(admitted(rows)) == surplus((3, "d"), (5, "e"))


def test_a_version_that_has_gone_silent_makes_room() -> None:
    versions = LiveVersions(MODELS)
    versions.surplus(admitted([(0, "a", 1), (1, "b", 3), (2, "c", 3)], 1))

    assert versions.surplus(admitted([(3, "d", 3)], 3)) == surplus((3, "d"))
    assert versions.surplus(admitted([(4, "b", 4), (5, "d", 4), (6, "e", 4), (7, "a", 4)], 4)) == surplus(
        (6, "e"), (7, "a")
    )


def test_each_model_has_its_own_room() -> None:
    versions = LiveVersions(MODELS)
    versions.surplus(admitted([(n, str(n), 1) for n in range(50)]))

    assert versions.surplus(admitted([(100, "1", 1), (101, "2", 1)], model="fraud")) == set()


@pytest.mark.parametrize("seed", range(30))
def test_what_is_surplus_depends_on_the_records_before_and_not_on_polls_or_restarts(seed: int) -> None:
    chance = np.random.default_rng(seed)
    at_h, rows = 0, list[Row]()
    for offset in range(200):
        at_h += int(chance.random() < 0.15)
        rows.append((offset, str(chance.integers(0, 6)), at_h - int(chance.integers(0, 2))))
    whole = LiveVersions(MODELS).surplus(admitted(rows))

    parts, versions, reached = set[Surplus](), LiveVersions(MODELS), 0
    for part in np.split(np.arange(200), np.sort(chance.integers(1, 200, 12))):
        some = [rows[k] for k in part.tolist()]
        parts |= versions.surplus(admitted(some, reached))
        reached = max([reached, *(at for _, _, at in some)])
        if chance.random() < 0.5:
            saved = versions._newest_ms.get("churn", {})
            versions = LiveVersions(MODELS)
            versions.load([IdBlock("churn", version, 0, newest_ms, b"") for version, newest_ms in saved.items()])

    assert parts == whole
    assert 0 < len(whole) < 200
