"""Budgets of teams: which rule is told in digests only, how it comes back, and what is never kept from people."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.budget_settings import TeamSettings, budgets_of
from alerts.budgets import Account, Budget, BudgetChange, Spent, judge
from alerts.config import parse
from alerts.errors import BudgetRefused, ConfigProblems, FailureReason, Permanent, Retryable
from alerts.incidents import Change, Mark, Step
from alerts.model import DeliveryState, NotifyReason, Severity, SkipReason
from alerts.plugins import discover
from alerts.testing.messages import START
from alerts.testing.scripts import Fails, Script, World

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
(WEEKLY,) = budgets_of({"payments": TeamSettings(budget="5 per week", channels=("box",))})


def spent(rules: str, *, confirmed: str = "", critical: str = "") -> list[Spent]:
    """A message a letter, a minute apart, the last one now; the letter is its rule."""
    first, severities = START - len(rules) * MINUTE, (Severity.WARNING, Severity.CRITICAL)
    return [
        Spent(f"m{n}", rule, first + n * MINUTE, severities[rule in critical], rule in confirmed)
        for n, rule in enumerate(rules)
    ]


def changes(account: Account) -> list[tuple[str, str]]:
    return [(one.rule, one.change.value) for one in judge(account, START)]


@pytest.mark.parametrize(
    ("messages", "demoted"),
    [
        ("aabbb", ""),
        ("aaabbb", "a"),  # as noisy as the other, and first by name
        ("aabbbb", "b"),
        ("aaaaaabbbbbb", "ab"),
        ("aaaaaabbbbb", "a"),
    ],
)
def test_the_noisiest_rule_is_demoted_until_the_rest_keeps_within_the_budget(messages: str, demoted: str) -> None:
    assert changes(Account(WEEKLY, spent(messages), {})) == [(rule, "demoted") for rule in demoted]


def test_what_somebody_confirmed_is_no_noise_and_what_is_critical_cannot_be_kept() -> None:
    assert changes(Account(WEEKLY, spent("aaaabb", confirmed="a"), {})) == [("b", "demoted")]
    assert changes(Account(WEEKLY, spent("aaaabb", critical="a"), {})) == [("b", "demoted")]
    assert changes(Account(WEEKLY, spent("aaaaaa", critical="a"), {})) == []


def test_a_message_about_two_rules_is_one_message_and_is_kept_only_when_both_are_demoted() -> None:
    both = [Spent(f"m{n}", rule, START - n * MINUTE, Severity.INFO) for n in range(6) for rule in "ab"]

    account = Account(WEEKLY, both, {})

    assert account.total() == 6
    assert changes(account) == [("a", "demoted"), ("b", "demoted")]


@given(messages=st.text("abcd", max_size=30), budget=st.integers(1, 12), critical=st.sets(st.sampled_from("abcd")))
def test_after_judging_either_the_rest_is_within_the_budget_or_nothing_more_can_be_kept(
    messages: str, budget: int, critical: set[str]
) -> None:
    own = Budget("t", budget, 7 * DAY, f"{budget} per week", ("box",), WEEKLY.matchers)
    account = Account(own, spent(messages, critical="".join(critical)), {})

    decisions = judge(account, START)
    demoted = {one.rule for one in decisions}
    again = Account(own, account.spent, {one.rule: one for one in decisions})

    assert not demoted & critical
    assert account.without(demoted) <= budget or set(messages) - critical <= demoted
    assert judge(again, START) == []


def test_a_rule_comes_back_when_half_of_its_messages_are_old_and_the_rest_fits() -> None:
    (down,) = judge(Account(WEEKLY, spent("aaaaaa"), {}), START)

    back = [changes(Account(WEEKLY, spent("a" * left), {"a": down})) for left in (6, 4, 3)]
    beside_others = changes(Account(WEEKLY, spent("aaabbb"), {"a": down}))

    assert back == [[], [], [("a", "restored")]]
    assert beside_others == []


def world(**team: object) -> World:
    route = {"channels": ["box", "other"], "group_by": ["name"], "collect_for": "1s", "update_every": "1s"}
    settings = {"budget": "3 per day", "channels": ["box"], "match": ["model=m"], "rule_label": "name", **team}
    return World(route, {"box": {}, "other": {}}, teams={"payments": settings})


FLAPPING: Script = {at: ["+a", "+b"] if at == 0 else ["-a"] if at % 4 == 0 else ["+a"] for at in range(0, 14, 2)}


def test_a_team_hears_once_that_its_budget_is_spent_and_then_nothing_of_the_noisiest_rule() -> None:
    these = world()

    told = these.run(FLAPPING, 20)

    (news,) = [one for one in these.box.messages if one.reason is NotifyReason.BUDGET]
    assert news.title == "Budget of payments is spent: a only in digests"
    assert "4 messages, where the budget is 3 per day" in news.lead
    assert news.tables[1].rows == (("a", "3", "0"), ("b", "1", "0"))
    after = told[told.index(next(text for text in told if "Budget" in text or text.startswith("F{}"))) + 1 :]
    assert [text for text in after if "a" in text and not text.endswith("~")] == []
    (account,) = these.service.budgets.accounts()
    assert account.demoted == {"a"}
    refused = [one.last.reason for one in these.service.why_not()]
    assert SkipReason.DEMOTED in refused


def test_what_a_channel_never_told_because_it_was_down_counts_not_and_demotes_nobody() -> None:
    these = _down_for(20)

    these.run(FLAPPING, 18)
    during = these.service.budgets.accounts()[0]
    these.run({}, 30)

    (account,) = these.service.budgets.accounts()
    assert [one.state for one in these.service.deliveries()].count(DeliveryState.SUPERSEDED) >= 3
    assert (during.total(), account.total(), len(these.box.told)) == (1, 1, 1)
    assert account.demoted == frozenset()


def test_what_every_channel_refused_counts_not_and_what_one_of_them_told_does() -> None:
    refused = {"box": lambda _: Permanent(FailureReason.CLIENT_ERROR), "other": lambda _: None}

    totals = [_after_one_message(fails) for fails in ({}, refused, dict.fromkeys(refused, refused["box"]))]

    assert totals == [1, 1, 0]


def _down_for(seconds: float) -> World:
    broken = Retryable(FailureReason.SERVER_ERROR)
    route = {"channels": ["box"], "group_by": ["name"], "collect_for": "1s", "update_every": "1s"}
    team = {"budget": "3 per day", "channels": ["box"], "match": ["model=m"], "rule_label": "name"}
    return World(
        {**route, "group_by": ["model"]},
        fails={"box": lambda at: broken if at < seconds else None},
        delivery={"back_off": ["1s"], "breaker": {"after": 2, "pause": "3s", "longest_pause": "3s"}},
        teams={"payments": team},
    )


def _after_one_message(fails: Mapping[str, Fails]) -> int:
    route = {"channels": ["box", "other"], "group_by": ["name"], "collect_for": "1s"}
    team = {"budget": "3 per day", "channels": ["box"], "match": ["model=m"], "rule_label": "name"}
    these = World(route, {"box": {}, "other": {}}, fails=fails, teams={"payments": team})
    these.run({0: ["+a"]}, 4)
    return these.service.budgets.accounts()[0].total()


def test_decisions_survive_a_restart_and_critical_alerts_are_told_as_ever() -> None:
    these = world()
    these.run(FLAPPING, 20)
    before = len(these.box.told)

    these.run({21: ["restart"], 22: ["+a"], 26: ["+a!critical"]}, 32)

    assert [text.partition("@")[0] for text in these.box.told[before:]] == ["F{a}"]
    assert these.box.messages[-1].severity is Severity.CRITICAL


def test_a_person_restores_a_rule_and_what_it_had_sent_counts_no_more() -> None:
    these = world()
    these.run(FLAPPING, 20)

    these.service.budgets.restore("payments", "a", "ann", "mended")
    these.run({22: ["+a"]}, 26)

    assert these.box.told[-1].startswith("F{a}")
    (account,) = these.service.budgets.accounts()
    assert (account.total(), account.demoted) == (2, frozenset())
    last = these.service.budgets.history()[0]
    assert (last.change, last.by, last.reason) == (BudgetChange.RESTORED, "ann", "mended")
    with pytest.raises(BudgetRefused, match="'a' of payments is not demoted; demoted: none is"):
        these.service.budgets.restore("payments", "a", "ann", "")
    with pytest.raises(BudgetRefused, match="team 'growth' has no budget; with one: payments"):
        these.service.budgets.restore("growth", "a", "ann", "")


def test_a_rule_that_is_often_right_is_spared() -> None:
    these = world()
    these.run({0: ["+a", "+b"]}, 4)
    for case in these.service.incidents.listed(is_all=True):
        if case.alerts[0].labels["name"] == "a":
            these.service.incidents.take(case.incident.id, Step(Change.MARKED, "ann", value=Mark.CONFIRMED))
    these.run({5: ["-a", "-b"]}, 7)

    (account,) = these.service.budgets.accounts()

    assert account.demoted == {"b"}


@pytest.mark.parametrize(
    ("team", "said"),
    [
        ({"budget": "20", "channels": ["box"]}, "'20' is no budget; write messages per day, week or month"),
        ({"budget": "0 per week", "channels": ["box"]}, "is no budget"),
        ({"budget": "2 per week", "channels": ["bax"]}, "there is no channel 'bax'"),
        ({"budget": "2 per week", "channels": []}, "'channels' must not be empty"),
    ],
)
def test_a_budget_that_cannot_be_kept_is_a_mistake_with_its_place(team: dict[str, object], said: str) -> None:
    file = {"channels": {"box": {"kind": "console"}}, "route": {"channels": ["box"]}, "teams": {"payments": team}}

    with pytest.raises(ConfigProblems, match=r"teams\.payments") as caught:
        parse(file, discover())

    assert said in str(caught.value)
