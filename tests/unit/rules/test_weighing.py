"""What windows count for: votes, missing data, deployments, hours, severities; and that restarts change nothing."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.adapters.sql.documents import memory_from_json, memory_to_json
from monitor.domain.rules import CheckIsBad, Hours, NoData, Phase, Rule, RuleState, Severity, Transition
from monitor.rules.fold import advance, may_refold
from monitor.rules.outcome import Outcome
from tests.unit.rules.making import HOLDS, LETTERS, MINUTE, SUBJECT, firing, fold, minute

PLAIN = Rule("psi-high", CheckIsBad())


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("obboobo", "..XX..."),
        ("bb", ".X"),
        ("b?b", "..X"),
        ("bobbo", "..XXX"),
        ("obboboo", "..XXX.."),
    ],
)
def test_a_rule_fires_when_enough_of_the_last_windows_that_told_held(letters: str, expected: str) -> None:
    states, _ = fold(replace(PLAIN, at_least=2, of_last=3), letters)

    assert firing(states) == expected


def test_the_reason_of_a_vote_says_how_many_windows_held() -> None:
    _, transitions = fold(replace(PLAIN, at_least=2, of_last=3), "bob")

    assert transitions[0].why == "in 2 of the last 3 windows (at least 2); in this one: psi is high"


def test_votes_and_hold_and_keep_work_together() -> None:
    rule = replace(PLAIN, at_least=2, of_last=3, hold=MINUTE, keep=2 * MINUTE)

    states, _ = fold(rule, "bbbooooo")

    assert "".join(state.phase[0] for state in states) == "ipffrrii"


@pytest.mark.parametrize(
    ("policy", "after", "letters", "expected"),
    [
        (NoData.HOLD, 0, "b????", "XXXXX"),
        (NoData.OK, 0, "b?b", "X.X"),
        (NoData.OK, 2, "b???b", "XXX.X"),
        (NoData.OK, 2, "b??b??b", "XXXXXXX"),
        (NoData.ALERT, 0, "o?o", ".X."),
        (NoData.ALERT, 2, "o????o", "...XX."),
        (NoData.OWN, 1, "b???o", "XXXX."),
    ],
)
def test_windows_without_data_count_as_the_policy_says_once_they_lasted(
    policy: NoData, after: int, letters: str, expected: str
) -> None:
    states, _ = fold(replace(PLAIN, no_data=policy, no_data_after=after * MINUTE), letters)

    assert firing(states) == expected


def test_an_alert_about_missing_data_says_for_how_long() -> None:
    _, transitions = fold(replace(PLAIN, no_data=NoData.ALERT, no_data_after=MINUTE), "o??")

    assert transitions[0].why == "no data for 1m: not enough data"


def folded(rule: Rule, letters: str, versions: str) -> tuple[list[RuleState], list[Transition]]:
    state, states, transitions = RuleState(), [], []
    for number, (letter, version) in enumerate(zip(letters, versions, strict=True)):
        state, step = advance(rule, SUBJECT, state, LETTERS[letter], minute(number), version)
        states.append(state)
        transitions += [step] if step else []
    return states, transitions


def test_windows_after_a_deployment_are_not_judged_and_the_first_version_ever_is_none() -> None:
    rule = replace(PLAIN, after_deploy=2 * MINUTE)

    states, _ = folded(rule, "bobbbb", "112222")

    assert firing(states) == "X...XX"


def test_going_back_to_the_version_before_is_a_deployment_too() -> None:
    states, _ = folded(replace(PLAIN, after_deploy=MINUTE), "obbb", "1211")

    assert firing(states) == "...X"


def test_excepted_hours_are_not_judged_by_the_clocks_of_their_zone() -> None:
    berlin = Hours(ZoneInfo("Europe/Berlin"), start=13 * 60 + 1, end=13 * 60 + 3)  # noon in UTC is 13:00 there

    states, _ = fold(replace(PLAIN, except_in=(berlin,)), "obbbb")

    assert firing(states) == "...XX"


def test_the_severity_of_one_alert_goes_up_and_down_and_is_gone_with_it() -> None:
    worse = Outcome(holds=True, because="psi is very high", severity=Severity.CRITICAL)
    state, seen = RuleState(), []
    for number, outcome in enumerate([HOLDS, worse, LETTERS["?"], LETTERS["o"], HOLDS, LETTERS["o"]]):
        state, _ = advance(replace(PLAIN, keep=2 * MINUTE), SUBJECT, state, outcome, minute(number))
        seen.append(state.memory.severity)
    state, _ = advance(PLAIN, SUBJECT, state, LETTERS["o"], minute(6))

    assert seen == [None, "critical", "critical", "critical", None, None]
    assert state.memory == RuleState().memory


@pytest.mark.parametrize(
    "more", [{"of_last": 3}, {"after_deploy": MINUTE}, {"no_data": NoData.OK, "no_data_after": MINUTE}]
)
def test_a_rule_that_remembers_more_than_its_phase_is_not_folded_again(more: dict[str, object]) -> None:
    rule = replace(PLAIN, hold=5 * MINUTE)
    state = fold(rule, "oob")[0][-1]

    assert may_refold(rule, state, minute(1))
    assert not may_refold(replace(rule, **more), state, minute(1))  # type: ignore[arg-type]


rules = st.builds(
    lambda hold, keep, last, least, policy, wait, deploy: Rule(
        "psi-high",
        CheckIsBad(),
        hold=hold * MINUTE,
        keep=keep * MINUTE,
        of_last=last,
        at_least=min(least, last),
        no_data=policy,
        no_data_after=wait * MINUTE if policy is not NoData.HOLD else timedelta(0),
        after_deploy=deploy * MINUTE,
        except_in=(Hours(ZoneInfo("UTC"), start=12 * 60 + 7, end=12 * 60 + 9),),
    ),
    st.integers(0, 3), st.integers(0, 3), st.integers(1, 4), st.integers(1, 4),
    st.sampled_from(NoData), st.integers(0, 3), st.integers(0, 3),
)  # fmt: skip
windows = st.lists(st.tuples(st.sampled_from("bo?B"), st.sampled_from("12")), max_size=30)


@given(rule=rules, seen=windows)
def test_a_restart_after_every_window_is_no_restart_at_all_and_every_change_has_a_reason(
    rule: Rule, seen: list[tuple[str, str]]
) -> None:
    outcomes = {**LETTERS, "B": Outcome(holds=True, because="very high", severity=Severity.CRITICAL)}
    whole, stored = RuleState(), RuleState()
    for number, (letter, version) in enumerate(seen):
        before = whole
        whole, step = advance(rule, SUBJECT, whole, outcomes[letter], minute(number), version)
        stored = replace(stored, memory=memory_from_json(memory_to_json(stored.memory)))
        stored, again = advance(rule, SUBJECT, stored, outcomes[letter], minute(number), version)
        twice, doubled = advance(rule, SUBJECT, whole, outcomes[letter], minute(number), version)

        assert (stored, again) == (whole, step)
        assert twice == whole
        assert doubled is None
        assert (step is not None) == (before.phase is not whole.phase)
        assert step is None or step.why
        assert whole.phase is not Phase.PENDING or rule.hold
