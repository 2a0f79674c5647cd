"""Whatever happens on the way, the product ends where one undisturbed pass over the same log does, bit for bit."""

import pytest

from tests.simulation.__main__ import report
from tests.simulation.regressions import REGRESSIONS
from tests.simulation.run import broken_law
from tests.simulation.script import STEPS, What, draw, parse, written


def test_any_script_ends_as_one_clean_pass_would(seed: int) -> None:
    broken = broken_law(draw(seed))

    if broken is not None:
        pytest.fail(report(seed, broken, broken_law))


@pytest.mark.parametrize("name", REGRESSIONS)
def test_what_was_wrong_once_stays_right(name: str) -> None:
    broken = broken_law(parse(REGRESSIONS[name]))

    assert broken is None


def test_the_same_seed_is_the_same_script_and_another_is_another() -> None:
    assert draw(3) == draw(3)
    assert draw(3) != draw(4)


def test_a_script_is_read_back_as_it_was_written() -> None:
    script = draw(5)

    assert parse(written(script)) == script


def test_a_line_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="'dance\\(1, 2\\)' is no line of a script"):
        parse("write(0, 3); dance(1, 2)")


def test_two_hundred_scripts_say_everything_that_can_be_said() -> None:
    scripts = [draw(seed) for seed in range(200)]

    said = {action.what for script in scripts for action in script}
    died_at = {action.at for script in scripts for action in script if action.what is What.CRASH}

    assert said == set(What)
    assert died_at == {step for steps in STEPS.values() for step in steps}
