"""Which baseline a pane is compared with."""

import pytest

from monitor.stream.timeline import baseline_at, baselines_of

TIMELINE = [("1", None, "a"), ("2", 100, "b"), ("1", 200, "c"), ("1", 150, "d")]


@pytest.mark.parametrize(
    ("version", "pane_ms", "expected"),
    [("1", 0, "a"), ("1", 150, "d"), ("1", 500, "d"), ("2", 99, "a"), ("2", 100, "b"), ("3", 99, "a"), ("3", 120, "b")],
)
def test_the_newest_promotion_of_the_version_in_effect_holds_else_the_newest_of_the_model(
    version: str, pane_ms: int, expected: str
) -> None:
    assert baseline_at(TIMELINE, version, pane_ms) == expected


def test_before_every_promotion_there_is_none() -> None:
    assert baseline_at([("1", 100, "a")], "1", 99) is None
    assert baseline_at([], "1", 99) is None


def test_all_baselines_that_a_pane_could_have_are_known_to_the_decoder() -> None:
    for version in ("1", "2", "3"):
        possible = {baseline_at(TIMELINE, version, pane_ms) for pane_ms in range(0, 300, 10)}

        assert possible <= {*baselines_of(TIMELINE, version)}
