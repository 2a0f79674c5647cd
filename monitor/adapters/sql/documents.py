"""Values as JSON text, and back to equal values: what is stored whole because it is never searched by its parts.

Every document carries the version of its shape (`"v"`). A newer program reads every older version.
"""

import math
from typing import Any, TypeVar

import msgspec
import numpy as np

from monitor.domain.findings import Finding
from monitor.domain.retraining import RetrainJob
from monitor.domain.rules import AlertEvent, Memory
from monitor.domain.sequential import SequentialAlarm

VERSION = 1
_FLOAT = "$float"  # JSON has no infinity and no NaN

_Value = TypeVar("_Value")


def event_to_json(event: AlertEvent) -> str:
    """An alert event as JSON text; instants as RFC 3339."""
    return _dump(event)


def event_from_json(text: str) -> AlertEvent:
    """The event that `event_to_json` was given."""
    return _load(text, AlertEvent)


def finding_to_json(finding: Finding) -> str:
    """A finding with its threshold, parameters, result and evidence. The result's detail must be JSON-able.

    Every window writes dozens. To look for numbers that JSON does not have takes most of the time, and is done only
    where the text has more nulls than the finding has fields without a value: msgspec writes such numbers as null.
    """
    text = msgspec.json.encode({"v": VERSION, "value": finding}, enc_hook=_plain).decode()
    return text if text.count("null") == _without_value(finding) else _dump(finding)


def _without_value(finding: Finding) -> int:
    """How many of the fields are None; those of the result's detail are not counted."""
    threshold, result = finding.check.threshold, finding.result
    of_result = (1,) if result is None else (result.p_value is None, result.low is None, result.high is None)
    against = finding.check.against
    of_against = (1,) if against is None else (against.trailing is None, against.since is None, against.until is None)
    of_finding = finding.coverage is None, finding.served_share is None
    return sum((threshold.warning is None, threshold.alpha is None, *of_against, *of_result, *of_finding))


def finding_from_json(text: str) -> Finding:
    """The finding that `finding_to_json` was given; tuples in the result's detail come back as lists."""
    return _load(text, Finding)


def alarm_to_json(alarm: SequentialAlarm) -> str:
    """An alarm of a sequential detector; its inputs are stored beside it."""
    return _dump(alarm)


def alarm_from_json(text: str) -> SequentialAlarm:
    """The alarm that `alarm_to_json` was given."""
    return _load(text, SequentialAlarm)


def job_to_json(job: RetrainJob) -> str:
    """A retraining job with its request."""
    return _dump(job)


def job_from_json(text: str) -> RetrainJob:
    """The job that `job_to_json` was given."""
    return _load(text, RetrainJob)


def memory_to_json(memory: Memory) -> str:
    """What a rule remembers; empty text for nothing."""
    return "" if memory == Memory() else _dump(memory)


def memory_from_json(text: str) -> Memory:
    """The memory that `memory_to_json` was given."""
    return _load(text, Memory) if text else Memory()


def _dump(value: object) -> str:
    body = _without_odd_floats(msgspec.to_builtins(value, str_keys=True, enc_hook=_plain))
    return msgspec.json.encode({"v": VERSION, "value": body}).decode()


def _load(text: str, kind: type[_Value]) -> _Value:
    document = msgspec.json.decode(text)
    if document["v"] != VERSION:
        raise ValueError(f"a stored {kind.__name__} has version {document['v']}: this program reads up to {VERSION}")
    body = document["value"]
    return msgspec.convert(_with_odd_floats(body) if _FLOAT in text else body, kind)


def _plain(value: object) -> object:
    # drift tests of others return what numpy gave them
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a {type(value).__name__} cannot be stored as JSON: {value!r}")


def _without_odd_floats(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, float) and not math.isfinite(value):
        return {_FLOAT: str(value)}
    if isinstance(value, dict):
        return {key: _without_odd_floats(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_odd_floats(item) for item in value]
    return value


def _with_odd_floats(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        if value.keys() == {_FLOAT}:
            return float(value[_FLOAT])
        return {key: _with_odd_floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_odd_floats(item) for item in value]
    return value
