"""A short run of `make differential`, and proof that it would notice."""

from pathlib import Path

import pytest

from tests.differential import ours
from tests.differential.comparison import compare_folds, compare_telling, counted, outcome
from tests.differential.folds import FoldScript, unequal
from tests.differential.messages import Heard, Heards
from tests.differential.reference import ALL, Deviation, expected
from tests.differential.scripts import draw

TELLING = Path(__file__).parents[2] / "docs" / "explanation" / "telling.md"


@pytest.mark.slow
@pytest.mark.usefixtures("alertmanager")
def test_people_are_told_the_same_as_by_a_real_alertmanager_or_the_difference_is_a_rule_of_ours() -> None:
    outcomes = compare_telling(range(24))

    assert [one.report for one in outcomes if one.report] == []
    assert any(one.is_equal for one in outcomes)
    assert counted(outcomes)[Deviation.EXACT_REMINDERS] > 0


@pytest.mark.usefixtures("promtool")
def test_rules_fire_in_the_same_minutes_as_in_prometheus_but_for_missing_data(tmp_path: Path) -> None:
    outcomes = compare_folds(range(100), tmp_path)

    assert [one.script for one in outcomes if not one.is_explained] == []
    assert 0 < sum(one.deviates for one in outcomes) < len(outcomes)


@pytest.mark.usefixtures("promtool")
def test_minutes_that_promtool_does_not_find_are_noticed(tmp_path: Path) -> None:
    gap, plain = FoldScript(1, "bb?bb", hold=2, keep=0), FoldScript(2, "bbbo", hold=1, keep=0)

    assert unequal({gap: gap.ours, plain: plain.ours}, tmp_path) == {1}


def test_a_script_comes_back_from_its_seed() -> None:
    assert draw(7) == draw(7) != draw(8)


@pytest.mark.parametrize("side", ["there", "here"])
def test_a_message_too_few_on_either_side_is_not_explained(side: str) -> None:
    script = draw(1)
    heard = {"there": expected(script, frozenset()), "here": ours.play(script)}
    assert not outcome(script, **heard).report

    heard[side].popitem()

    report = outcome(script, **heard).report
    assert "SEED=1" in report[0]
    assert any(line.startswith("  + channel-") for line in report)


def test_a_message_that_both_rules_forbid_is_not_explained() -> None:
    script = draw(1)
    odd = Heards({Heard(1.0, "channel-0", is_resolved=False, firing=("z(m)",), resolved=()): 1})

    assert outcome(script, expected(script, frozenset()) + odd, expected(script, ALL)).report


def test_every_deviation_stands_in_the_explanation_in_the_same_words() -> None:
    text = " ".join(TELLING.read_text().split())

    assert [deviation.value for deviation in Deviation if deviation.value not in text] == []
