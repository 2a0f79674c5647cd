"""A simulation that finds nothing may be blind: so it must find every deliberate bug, and cut its script down."""

import pytest

from tests.simulation.mutations import FOUND_BY, MUTATIONS, applied
from tests.simulation.run import broken_law
from tests.simulation.script import draw, written
from tests.simulation.shrink import shortest

SEEDS = 20
"""Within so many seeds, from 0 on, each bug is found."""


def _found(name: str) -> int | None:
    """The first seed that finds the bug; the one that did last time is tried first, to spare the others."""
    with applied(MUTATIONS[name]):
        seeds = dict.fromkeys((FOUND_BY[name], *range(SEEDS)))
        return next((seed for seed in seeds if broken_law(draw(seed))), None)


@pytest.mark.parametrize("name", sorted(FOUND_BY))
def test_a_deliberate_bug_is_found(name: str) -> None:
    assert FOUND_BY[name] < SEEDS
    assert _found(name) is not None


def test_a_failing_script_is_cut_down_to_what_matters() -> None:
    with applied(MUTATIONS["without_the_seek"]):
        least = shortest(draw(FOUND_BY["without_the_seek"]), lambda script: broken_law(script) is not None)

        assert broken_law(least) is not None
    assert len(least) <= 8, written(least)
