"""Findings, windows and rules in as few words as a test has room for."""

from datetime import UTC, datetime, timedelta

from monitor.domain.checks import Check, Threshold
from monitor.domain.findings import EvaluationKind, Evidence, Finding, TestResult, Verdict
from monitor.domain.models import ModelRef
from monitor.domain.rules import Phase, Rule, RuleState, Subject, Transition
from monitor.domain.windows import Window
from monitor.rules.fold import advance
from monitor.rules.outcome import Outcome

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SUBJECT = Subject("psi-high", "churn")
EVIDENCE = Evidence("baseline", "digest", {}, "test", "2026-11-01T12:00:00Z")

HOLDS = Outcome(holds=True, because="psi is high")
CLEAR = Outcome(holds=False, because="psi is low")
UNKNOWN = Outcome(holds=None, because="not enough data")
LETTERS = {"b": HOLDS, "o": CLEAR, "?": UNKNOWN}


def minute(number: int) -> Window:
    """The window of one minute that ends `number` + 1 minutes after noon."""
    return Window(NOON + number * MINUTE, NOON + (number + 1) * MINUTE)


def fold(rule: Rule, letters: str) -> tuple[list[RuleState], list[Transition]]:
    """States after each window and the transitions; b(reach), o(k), ? unknown, a minute each."""
    state, states, transitions = RuleState(), [], []
    for number, letter in enumerate(letters):
        state, transition = advance(rule, SUBJECT, state, LETTERS[letter], minute(number))
        states.append(state)
        transitions += [transition] if transition else []
    return states, transitions


def firing(states: list[RuleState]) -> str:
    """X where people are told that the rule fires, as promtool draws it."""
    return "".join("X" if state.phase in {Phase.FIRING, Phase.RECOVERING} else "." for state in states)


def finding(
    verdict: Verdict,
    column: str = "amount",
    test: str = "psi",
    *,
    statistic: float | None = 0.5,
    limit: float = 0.25,
    segment: str = "",
    kind: EvaluationKind = EvaluationKind.DRIFT,
    below: bool = False,
) -> Finding:
    """A finding of the first window."""
    result = None if statistic is None else TestResult(statistic, None, 1000, 500)
    check = Check(test, column, segment, Threshold(limit, below=below), 100)
    reason = f"{test} of {column} is {verdict}"
    return Finding(ModelRef("churn", "3"), check, minute(0), 0, verdict, reason, result, EVIDENCE, kind)
