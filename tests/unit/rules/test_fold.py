"""The fold against traces of `promtool test rules` 2.42.0, and where it deviates on purpose."""

import itertools
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.rules import CheckIsBad, Phase, Rule, RuleState
from monitor.domain.windows import Window
from monitor.rules.fold import advance, may_refold, refold, refold_since
from monitor.rules.outcome import Outcome
from tests.unit.rules.making import CLEAR, HOLDS, LETTERS, MINUTE, NOON, SUBJECT, UNKNOWN, firing, fold, minute

ANY_CHECK = CheckIsBad()
LIMIT = 0.3

FIRST = ".1 .4 .4 .4 .4 .4 .1 .1 .1 .1 .1 .1"
SECOND = ".4 .4 .4 .1 .4 .4 .4 .4 .1 .4 .1 .1 .1 .1 .1 .1"
THIRD = ".4 .4 .4 .4 stale stale .4 .4 .4 .4"

PROMTOOL = [
    (FIRST, 3, 0, "....XX......"),
    (FIRST, 2, 3, "...XXXXXX..."),
    (FIRST, 0, 2, ".XXXXXXX...."),
    (FIRST, 0, 0, ".XXXXX......"),
    (SECOND, 3, 0, ".......X........"),
    (SECOND, 2, 3, "..XXXXXXXXXXX..."),
    (SECOND, 0, 2, "XXXXXXXXXXXX...."),
    (SECOND, 0, 0, "XXX.XXXX.X......"),
    (THIRD, 2, 3, "..XXXXXXXX"),
    (THIRD, 0, 2, "XXXXXXXXXX"),
]


def letters_of(values: str) -> str:
    return "".join("?" if word == "stale" else "b" if float(word) > LIMIT else "o" for word in values.split())


@pytest.mark.parametrize(("values", "hold", "keep", "expected"), PROMTOOL)
def test_a_rule_fires_and_ends_in_the_same_minutes_as_prometheus(
    values: str, hold: int, keep: int, expected: str
) -> None:
    rule = Rule("psi-high", ANY_CHECK, hold=hold * MINUTE, keep=keep * MINUTE)

    states, _ = fold(rule, letters_of(values))

    assert firing(states) == expected


@pytest.mark.parametrize(
    ("hold", "prometheus", "ours"), [(3, "...X.....X", "...XXXXXXX"), (0, "XXXX..XXXX", "XXXXXXXXXX")]
)
def test_missing_data_ends_an_alert_in_prometheus_and_never_in_ours(hold: int, prometheus: str, ours: str) -> None:
    rule = Rule("psi-high", ANY_CHECK, hold=hold * MINUTE)

    states, transitions = fold(rule, letters_of(THIRD))

    assert firing(states) == ours != prometheus
    assert [t.after for t in transitions][-1] is Phase.FIRING


def test_a_rule_fires_once_the_breach_has_held_and_a_gap_in_the_data_does_not_reset_it() -> None:
    rule = Rule("psi-high", ANY_CHECK, hold=2 * MINUTE)

    states, _ = fold(rule, "obb?bo")

    assert "".join(state.phase[0] for state in states) == "ipppfi"


def test_every_change_of_phase_is_one_transition_with_its_window_and_its_reason() -> None:
    rule = Rule("psi-high", ANY_CHECK, hold=MINUTE, keep=MINUTE)

    _, transitions = fold(rule, "bbboo")

    steps = [(t.before.value, t.after.value, t.at, t.window, t.why) for t in transitions]
    assert steps == [
        ("inactive", "pending", minute(0).end, minute(0), "psi is high"),
        ("pending", "firing", minute(1).end, minute(1), "psi is high"),
        ("firing", "recovering", minute(3).end, minute(3), "psi is low"),
        ("recovering", "inactive", minute(4).end, minute(4), "psi is low"),
    ]


def test_a_breach_while_recovering_fires_on_with_the_same_start_and_a_fresh_keep_clock() -> None:
    rule = Rule("psi-high", ANY_CHECK, keep=2 * MINUTE)

    states, transitions = fold(rule, "bobo")

    assert [s.phase.value for s in states] == ["firing", "recovering", "firing", "recovering"]
    assert {s.fired_at for s in states} == {minute(0).end}
    assert states[3].clear_since == minute(3).end
    assert len(transitions) == 4


def test_a_window_that_was_folded_is_not_folded_again() -> None:
    rule = Rule("psi-high", ANY_CHECK)
    states, _ = fold(rule, "oo")

    state, transition = advance(rule, SUBJECT, states[-1], HOLDS, minute(0))

    assert (state, transition) == (states[-1], None)


def test_an_unknown_window_can_still_be_folded_when_truth_comes_late() -> None:
    rule = Rule("f1-low", ANY_CHECK)
    waiting, _ = advance(rule, SUBJECT, RuleState(), UNKNOWN, minute(0))

    state, transition = advance(rule, SUBJECT, waiting, HOLDS, minute(0))

    assert state.phase is Phase.FIRING
    assert transition is not None


@given(letters=st.text("bo?", max_size=40), cut=st.integers(0, 40), hold=st.integers(0, 4), keep=st.integers(0, 4))
def test_stopping_anywhere_and_going_on_from_the_stored_state_changes_nothing(
    letters: str, cut: int, hold: int, keep: int
) -> None:
    rule = Rule("psi-high", ANY_CHECK, hold=hold * MINUTE, keep=keep * MINUTE)
    whole, _ = fold(rule, letters)
    state = RuleState()

    for number, letter in enumerate(letters[:cut]):
        state, _ = advance(rule, SUBJECT, state, LETTERS[letter], minute(number))
    for number, letter in enumerate(letters):  # a restart offers every window again
        state, _ = advance(rule, SUBJECT, state, LETTERS[letter], minute(number))

    assert state == (whole[-1] if whole else RuleState())


@given(letters=st.text("bo?", max_size=40), hold=st.integers(0, 4), keep=st.integers(0, 4))
def test_phases_change_only_in_legal_steps(letters: str, hold: int, keep: int) -> None:
    legal = {
        "inactive": {"pending", "firing"},
        "pending": {"inactive", "firing"},
        "firing": {"recovering", "inactive"},
        "recovering": {"firing", "inactive"},
    }
    rule = Rule("psi-high", ANY_CHECK, hold=hold * MINUTE, keep=keep * MINUTE)

    _, transitions = fold(rule, letters)

    assert all(t.after.value in legal[t.before.value] for t in transitions)
    assert all(a.after is b.before for a, b in itertools.pairwise(transitions))


def judged(letters: str, since: datetime | None = None) -> list[tuple[Window, Outcome]]:
    windows = [(minute(n), LETTERS[letter]) for n, letter in enumerate(letters)]
    return [(w, o) for w, o in windows if since is None or w.end >= since]


def test_late_records_inside_the_hold_time_fold_the_rule_again_and_make_it_fire() -> None:
    rule = Rule("psi-high", ANY_CHECK, hold=2 * MINUTE)
    state = fold(rule, "obob")[0][-1]

    again, transition = refold(rule, SUBJECT, state, judged("obbb", refold_since(rule, state)))

    assert may_refold(rule, state, minute(2))
    assert again.phase is Phase.FIRING
    assert transition is not None
    assert (transition.before, transition.after, transition.at) == (Phase.PENDING, Phase.FIRING, minute(3).end)


def test_late_records_inside_the_hold_time_can_take_a_pending_rule_back() -> None:
    rule = Rule("psi-high", ANY_CHECK, hold=5 * MINUTE)
    state = fold(rule, "ob")[0][-1]

    again, transition = refold(rule, SUBJECT, state, judged("oo"))

    assert again == RuleState(folded_to=minute(1).end)
    assert transition is not None
    assert (transition.before, transition.after) == (Phase.PENDING, Phase.INACTIVE)


@pytest.mark.parametrize(
    ("letters", "late", "why"),
    [("bbbb", 3, "people have been told"), ("oooooo", 1, "outside the hold time"), ("o", 1, "not folded yet")],
)
def test_late_records_are_recorded_only_elsewhere(letters: str, late: int, why: str) -> None:
    rule = Rule("psi-high", ANY_CHECK, hold=3 * MINUTE)
    state = fold(rule, letters)[0][-1]

    assert not may_refold(rule, state, minute(late)), why


@given(letters=st.text("bo?", min_size=1, max_size=30), hold=st.integers(1, 6))
def test_folding_the_needed_windows_again_without_news_gives_the_state_it_had(letters: str, hold: int) -> None:
    rule = Rule("psi-high", ANY_CHECK, hold=hold * MINUTE)
    state = fold(rule, letters)[0][-1]
    since = refold_since(rule, state)
    if since is None or state.phase.is_active:
        return

    again, transition = refold(rule, SUBJECT, state, judged(letters, since))

    assert (again, transition) == (state, None)


def test_the_clock_of_a_rule_is_the_end_of_its_windows() -> None:
    rule = Rule("psi-high", ANY_CHECK)

    state, _ = advance(rule, SUBJECT, RuleState(), HOLDS, minute(0))

    assert state == RuleState(Phase.FIRING, NOON + MINUTE, NOON + MINUTE, None, NOON + MINUTE)
    assert advance(rule, SUBJECT, state, CLEAR, minute(1))[0] == RuleState(folded_to=minute(1).end)
