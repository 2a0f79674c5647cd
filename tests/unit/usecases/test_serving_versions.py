"""Which version served a window: the one with most records, and of champion and shadow the champion."""

import pytest

from monitor.domain.stream import PaneSummary
from monitor.domain.time import from_ms
from monitor.domain.windows import Window
from monitor.usecases.due_windows import ServingVersions

HOUR_MS = 3_600_000
WINDOW = Window(from_ms(0), from_ms(HOUR_MS))


@pytest.mark.parametrize(
    ("records", "serving"),
    [
        ({"1": 100, "2": 900}, "2"),
        ({"1": 500, "2": 500}, "1"),
        ({"1": 2_499, "2": 2_500}, "1"),
        ({"1": 2_500, "2": 2_499}, "1"),
        ({"v9": 500, "v10": 500}, "v9"),
        ({"1": 890, "2": 1_000}, "2"),
        ({"a": 10, "1": 10}, "1"),
        ({}, None),
    ],
)
def test_a_shadow_with_a_few_records_more_or_fewer_is_not_taken_for_the_champion(
    records: dict[str, int], serving: str | None
) -> None:
    panes = [PaneSummary("m", version, 0, n, 0) for version, n in records.items()]
    later = PaneSummary("m", "3", HOUR_MS, 10_000, 0)

    assert ServingVersions([*panes, later]).of(WINDOW) == serving
