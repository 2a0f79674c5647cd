"""The past of rules as a picture in the terminal: a line a rule, from the first to the last window."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from monitor.config.rules_crosscheck import STANDING_TESTS
from monitor.domain.evidently import EVIDENTLY_METRICS
from monitor.domain.rules import CheckIsBad, Measured, Phase, Subject, Trending
from monitor.domain.sequential import DETECTORS
from monitor.domain.time import format_duration, format_instant
from monitor.rules.leaves import leaves, of_subject, subjects

if TYPE_CHECKING:
    from monitor.bootstrap.rehearsing import Rehearsal
    from monitor.usecases.replay_rules import PastAlert

WIDTH = 72
"""Characters of the line of time."""

_MARKS = {Phase.INACTIVE: ".", Phase.PENDING: "-", Phase.RECOVERING: "=", Phase.FIRING: "#"}
_WORST = list(_MARKS)
_MAX_SHOWN = 20
_MAY_BE_ABSENT = {*STANDING_TESTS, *DETECTORS}
"""Tests of which only bad findings are stored, or that no check has to ask for: none is as good as good ones."""


def rehearsal_lines(rehearsal: "Rehearsal") -> Iterator[str]:
    """A model's rules: counts, the picture, and the newest alerts of each."""
    steps, model = rehearsal.replayed.steps, rehearsal.model
    if not steps:
        yield from (f"{model.name}: {line}" for line in span_lines(rehearsal))
        return
    first, last = _span(rehearsal)
    yield f"{model.name}: {len(steps)} judged windows, {format_instant(first)} to {format_instant(last)}"
    yield from (f"  {line}" for line in span_lines(rehearsal))
    yield "(. inactive  - pending  # firing  = recovering)"
    for subject in (subject for rule in rehearsal.rules for subject in subjects(rule, model)):
        yield from _subject(rehearsal, subject, first, last)
    if rehearsal.matched.missed:
        yield ""
        missed = sorted({one.id[:8] for one in rehearsal.matched.missed})
        told = _count(len(missed), "confirmed incident")
        yield f"{told} of this time would not have been told: {', '.join(missed)}"


def span_lines(rehearsal: "Rehearsal") -> Iterator[str]:
    """Which findings are stored, where these are others than the windows used, or there are none of the time asked."""
    stored = rehearsal.stored
    asked = f"windows that start from {format_instant(rehearsal.since)} to {format_instant(rehearsal.until)}"
    if stored is None:
        yield f"no findings are stored; `driftline backfill --model {rehearsal.model.name}` judges past windows"
        return
    kept = f"findings are stored from {format_instant(stored.start)} to {format_instant(stored.end)}"
    if not rehearsal.replayed.steps:
        yield f"no findings are stored of {asked}; {kept}: say --since and --until"
    elif _span(rehearsal) != (stored.start, stored.end):
        yield f"of {asked}; {kept}"


def _span(rehearsal: "Rehearsal") -> tuple[datetime, datetime]:
    """From the start of the first window that was used to the end of the last."""
    steps = rehearsal.replayed.steps
    return min(step.window.start for step in steps), max(step.window.end for step in steps)


def _subject(rehearsal: "Rehearsal", subject: Subject, first: datetime, last: datetime) -> Iterator[str]:
    alerts = [alert for alert in rehearsal.alerts if alert.subject == subject]
    flaps = sum(alert.is_flap for alert in alerts)
    name = subject.rule + (f" [{subject.segment}]" if subject.segment else "")
    yield ""
    if why := unknown_because(rehearsal, subject):
        yield f"{name}: {why}"
        return
    yield f"{name}: {_count(len(alerts), 'alert')}, {_count(flaps, 'flap')}{_firing_share(alerts, first, last)}"
    yield from _said(rehearsal, alerts)
    yield f"  {_line(rehearsal, subject, first, last)}"
    if len(alerts) > _MAX_SHOWN:
        yield f"  the newest {_MAX_SHOWN}; --json shows all"
    yield from (f"  {_alert(alert, last)}" for alert in alerts[-_MAX_SHOWN:])


def unknown_lines(rehearsal: "Rehearsal") -> Iterator[str]:
    """Of which rules nobody can know what they would have told, and why."""
    for subject in (subject for rule in rehearsal.rules for subject in subjects(rule, rehearsal.model)):
        if rehearsal.replayed.steps and (why := unknown_because(rehearsal, subject)):
            yield f"{rehearsal.model.name}: {subject.rule}: {why}"


def unknown_because(rehearsal: "Rehearsal", subject: Subject) -> str:
    """Why nobody can know what the rule would have told; empty where the findings of that time tell."""
    rule = next(of_subject(one, subject) for one in rehearsal.rules if one.name == subject.rule)
    unseen = rehearsal.replayed.unseen(rule)
    asked = {leaf.test for leaf in leaves(rule.when) if isinstance(leaf, Measured | CheckIsBad | Trending)}
    is_told = any(alert.subject == subject for alert in rehearsal.alerts)  # that data is missing can be a reason
    if not unseen or is_told or asked & _MAY_BE_ABSENT:
        return ""
    said = f"nobody can know, for no finding of {' or '.join(unseen)} is stored of this time"
    model = rehearsal.model
    judge = f"`driftline backfill --model {model.name}` judges past windows"
    wanted = asked & EVIDENTLY_METRICS.keys() - {one.name for one in model.evidently}
    if wanted:
        metrics = " or ".join(sorted(str(test) for test in wanted))
        return f"{said}: {model.name} does not ask Evidently for {metrics} (`evidently` in its file); then {judge}"
    return f"{said}: if its check is new, {judge}"


def _line(rehearsal: "Rehearsal", subject: Subject, first: datetime, last: datetime) -> str:
    """The worst phase in each of the equal parts of the time; a phase lasts until the next."""
    changes = [
        (step.window.end, step.states[subject].phase) for step in rehearsal.replayed.steps if subject in step.states
    ]
    span, cells, phase = last - first, [], Phase.INACTIVE
    for number in range(WIDTH):
        until = first + span * (number + 1) / WIDTH
        seen = [phase]
        while changes and changes[0][0] <= until:
            phase = changes.pop(0)[1]
            seen.append(phase)
        cells.append(_MARKS[max(seen, key=_WORST.index)])
    return "".join(cells)


def _said(rehearsal: "Rehearsal", alerts: Sequence["PastAlert"]) -> Iterator[str]:
    """What people said of the incidents of that time; nothing where nobody has said anything."""
    found = [rehearsal.matched.by_alert[alert].is_confirmed for alert in alerts if alert in rehearsal.matched.by_alert]
    if found:
        confirmed = sum(found)
        yield (
            f"  {confirmed} match confirmed incidents, {len(found) - confirmed} match false positives, "
            f"{len(alerts) - len(found)} match nothing that was marked"
        )


def _firing_share(alerts: Sequence["PastAlert"], first: datetime, last: datetime) -> str:
    if not alerts:
        return ""
    seconds = sum(((alert.ends_at or last) - alert.starts_at).total_seconds() for alert in alerts)
    return f", firing {seconds / (last - first).total_seconds():.1%} of the time"


def _alert(alert: "PastAlert", last: datetime) -> str:
    lasted = format_duration((alert.ends_at or last) - alert.starts_at)
    end = f"for {lasted}" if alert.ends_at else f"since, {lasted} so far"
    flap = ", a flap" if alert.is_flap else ""
    return f"{format_instant(alert.starts_at)} {alert.severity} {end}{flap}: {alert.why}"


def _count(n: int, word: str) -> str:
    return f"{n} {word}" + ("" if n == 1 else "s")
