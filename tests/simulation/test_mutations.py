"""A simulation that finds nothing may be blind: so it must find every deliberate bug, and cut its script down."""

import pytest

from tests.simulation.mutations import FOUND_BY_SCRIPT, FOUND_BY_SEED, MUTATIONS, applied
from tests.simulation.run import broken_law
from tests.simulation.script import draw, parse, written
from tests.simulation.shrink import shortest

SEEDS = 20
"""Within so many seeds, from 0 on, each bug is found, or by a script of its own."""


def _found(name: str) -> int | None:
    """The first seed that finds the bug; the one that did last time is tried first, to spare the others."""
    with applied(MUTATIONS[name]):
        seeds = dict.fromkeys((FOUND_BY_SEED[name], *range(SEEDS)))
        return next((seed for seed in seeds if broken_law(draw(seed))), None)


@pytest.mark.parametrize("name", sorted(FOUND_BY_SEED))
def test_a_deliberate_bug_is_found(name: str) -> None:
    assert FOUND_BY_SEED[name] < SEEDS
    assert _found(name) is not None


@pytest.mark.parametrize("name", sorted(FOUND_BY_SCRIPT))
def test_a_deliberate_bug_that_needs_one_certain_step_is_found_by_a_script(name: str) -> None:
    script = parse(FOUND_BY_SCRIPT[name])

    assert broken_law(script) is None
    with applied(MUTATIONS[name]):
        assert broken_law(script) is not None


def test_a_failing_script_is_cut_down_to_what_matters() -> None:
    with applied(MUTATIONS["without_the_seek"]):
        least = shortest(
            draw(FOUND_BY_SEED["without_the_seek"]), lambda script: broken_law(script) is not None, most=100
        )

        assert broken_law(least) is not None
    assert len(least) <= 8, written(least)
