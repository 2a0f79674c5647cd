"""The shape of rules/*.yaml: when to alert, how urgently, and whether to ask for retraining."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from monitor.config.condition_section import ConditionSection
from monitor.config.fields import DurationOrZero, LabelText, Name, NonEmpty, Section
from monitor.config.wrong import wrong
from monitor.domain.rules import Escalation, Hours, NoData, Rule, Severity
from monitor.rules.leaves import NO_DATA_SUFFIX

_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d) to ([01]\d|2[0-4]):([0-5]\d)")


def _zone(value: object) -> object:
    if not isinstance(value, str):
        raise wrong("must be the name of a time zone", "write an IANA name, as Europe/Berlin")
    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise wrong(f"{value!r} is no time zone", "write an IANA name, as Europe/Berlin or UTC") from error


def _times(value: object) -> object:
    match = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise wrong(f"{value!r} is no span of a day", 'write it quoted, as "09:00 to 17:30" or "22:00 to 24:00"')
    first, last = (int(match[k]) * 60 + int(match[k + 1]) for k in (1, 3))
    if not first < last <= 24 * 60:
        raise wrong(f"{value!r} ends before it starts", "write two entries for a span over midnight")
    return first, last


Zone = Annotated[ZoneInfo, BeforeValidator(_zone), WithJsonSchema({"type": "string", "examples": ["Europe/Berlin"]})]
Times = Annotated[
    tuple[int, int],
    BeforeValidator(_times),
    WithJsonSchema({"type": "string", "pattern": r"^\d\d:\d\d to \d\d:\d\d$", "examples": ["22:00 to 24:00"]}),
]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_DAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class HoursSection(Section):
    """Hours in which a rule is not judged. What is left out is no limit; all that is given must hold."""

    zone: Zone = ZoneInfo("UTC")
    """The IANA time zone of the clocks that count."""
    weekdays: tuple[Weekday, ...] = Field(default=_DAYS, min_length=1)
    """Days of the week."""
    times: Times = (0, 24 * 60)
    """From the first to before the second time of each day, as "22:00 to 24:00"."""
    first: date | None = None
    """Not before this day."""
    last: date | None = None
    """Not after this day."""

    def value(self) -> Hours:
        """The domain value."""
        days = frozenset(map(_DAYS.index, self.weekdays))
        return Hours(self.zone, days, *self.times, self.first, self.last)


class EscalationSection(Section):
    """A higher severity of the same alert, while its condition holds, too."""

    to: Literal["warning", "critical"]
    """The severity; above the rule's own."""
    when: ConditionSection
    """Asked of every window while the alert fires."""

    def value(self) -> Escalation:
        """The domain value."""
        return Escalation(Severity(self.to), self.when.condition())


class RuleSection(Section):
    """One rule."""

    name: Name
    """Identity of the rule and of its alerts: renaming it starts new ones."""
    when: ConditionSection
    """The condition over the findings of one window."""
    severity: Literal["info", "warning", "critical"] = "warning"
    """How urgently people should look."""
    hold: DurationOrZero = timedelta(0)
    """How long (event time) the condition must hold before the rule fires."""
    keep: DurationOrZero = timedelta(0)
    """How long the rule keeps firing after the condition turned false, so that it does not flap."""
    models: tuple[NonEmpty, ...] = Field(default=("*",), min_length=1)
    """Names of models; `*` for all."""
    summary: str = ""
    """One sentence for people, at the top of the message."""
    runbook: str = ""
    """Where to read what to do."""
    labels: Mapping[NonEmpty, LabelText] = {}
    """Added to the rule's alerts; routes match on them."""
    owner: str = ""
    """Who looks after it; shown in the message."""
    retrain: bool = False
    """Ask for retraining when the rule fires."""
    each: Literal["model", "segment"] = "model"
    """An alert for the model, or one for each of its segments (the conditions then ask for that segment)."""
    at_least: Annotated[int, Field(ge=1, strict=True)] = 1
    """The condition must have held in so many ..."""
    of_last: Annotated[int, Field(ge=1, le=1000, strict=True)] = 1
    """... of the newest so many windows that had an answer."""
    escalate: tuple[EscalationSection, ...] = ()
    """The ladder of severities: one alert that gets worse, and better again."""
    no_data: Literal["hold", "ok", "alert", "own"] = "hold"
    """What a window without an answer counts as: nothing, not held, held, or an alert of its own beside this one."""
    no_data_after: DurationOrZero = timedelta(0)
    """... once there was no answer for so long (event time)."""
    after_deploy: DurationOrZero = timedelta(0)
    """Windows that start so soon after the first of a new version are not judged."""
    except_in: tuple[HoursSection, ...] = Field(default=(), alias="except")
    """Windows of which half or more lies in such hours are not judged."""

    @model_validator(mode="after")
    def _fits(self) -> "RuleSection":
        if self.at_least > self.of_last:
            raise wrong(
                f"at_least {self.at_least} of the last {self.of_last} windows can never hold",
                "choose of_last as large, as in at_least: 3, of_last: 5",
                key="at_least",
            )
        if self.no_data == "hold" and self.no_data_after:
            hint = "to take the alert for over after a while, write no_data: ok; to be alerted, alert or own"
            raise wrong("`no_data: hold` waits for ever", hint, key="no_data_after")
        ranks = list(Severity)
        for index, step in enumerate(self.escalate):
            if ranks.index(Severity(step.to)) <= ranks.index(Severity(self.severity)):
                raise wrong(
                    f"step {index + 1} of `escalate` leads to {step.to}, which is not above {self.severity}",
                    "write the lowest severity under `severity`, and higher ones here",
                    key="escalate",
                )
        if self.name.endswith(NO_DATA_SUFFIX):
            raise wrong(f"{self.name!r} is the name of an alert about missing data", "choose another name", key="name")
        return self

    def value(self) -> Rule:
        """The domain value."""
        return Rule(
            name=self.name,
            when=self.when.condition(),
            severity=Severity(self.severity),
            hold=self.hold,
            keep=self.keep,
            models=self.models,
            summary=self.summary,
            runbook=self.runbook,
            labels=dict(self.labels),
            retrain=self.retrain,
            owner=self.owner,
            at_least=self.at_least,
            of_last=self.of_last,
            each_segment=self.each == "segment",
            escalations=tuple(step.value() for step in self.escalate),
            no_data=NoData(self.no_data),
            no_data_after=self.no_data_after,
            after_deploy=self.after_deploy,
            except_in=tuple(hours.value() for hours in self.except_in),
        )


class RulesFile(Section):
    """rules/NAME.yaml."""

    rules: tuple[RuleSection, ...] = Field(min_length=1)
    """The rules of this file."""
