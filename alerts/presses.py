"""What pressing a button of a message does. A button carries an incident's id and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from alerts.buttons import Button
from alerts.errors import AlertsError
from alerts.incident_book import IncidentBook
from alerts.incidents import Change, IncidentState, Involved, Mark, Step

_LASTS = {Button.SILENCE_HOUR: timedelta(hours=1), Button.SILENCE_DAY: timedelta(days=1)}

Retrain = Callable[[Sequence[Involved], str], str]
"""Starts a retraining for what these alerts are about, by a person; what came of it. AlertsError says why not."""


@dataclass(frozen=True, slots=True)
class Press:
    """One press: by whom, and `key`, which is the same when the press arrives twice."""

    button: Button
    incident: str
    by: str
    key: str


def perform(press: Press, book: IncidentBook, retrain: Retrain) -> str | None:
    """Do what was pressed; why it was not done, in a sentence, or None when it was."""
    try:
        _perform(press, book, retrain)
    except AlertsError as refused:
        return str(refused)
    return None


def _perform(press: Press, book: IncidentBook, retrain: Retrain) -> None:
    match press.button:
        case Button.ACKNOWLEDGE:
            book.take(press.incident, Step(Change.ACKNOWLEDGED, press.by, key=press.key))
        case Button.SILENCE_HOUR | Button.SILENCE_DAY:
            book.silence(press.incident, Step(Change.SILENCED, press.by, key=press.key), _LASTS[press.button])
        case Button.NOT_A_PROBLEM:
            after = book.take(press.incident, Step(Change.MARKED, press.by, "", Mark.FALSE_POSITIVE, press.key))
            if after.state is not IncidentState.RESOLVED:
                book.take(press.incident, Step(Change.RESOLVED, press.by, "not a problem", key=press.key))
        case Button.RETRAIN:
            history = book.shown(press.incident)
            said = retrain(history.case.alerts, press.by)
            book.take(press.incident, Step(Change.RETRAINING, press.by, value=said, key=press.key))
