"""The few errors of the product and the enumerated reasons that reach columns, metrics, logs and docs alike."""

from enum import StrEnum
from pathlib import Path

from monitor.domain.partitions import PartitionId


class MonitorError(Exception):
    """Base of every error that Driftline raises on purpose."""


class ConfigError(MonitorError):
    """A mistake in a configuration file: where it is, what is wrong, how to mend it.

    `line` counts from 1; 0 means that the place could not be narrowed down further than the file.
    """

    def __init__(self, message: str, path: Path | None = None, line: int = 0, hint: str = "") -> None:
        self.message, self.path, self.line, self.hint = message, path, line, hint
        super().__init__(str(self))

    def __str__(self) -> str:
        """`path:line: message (hint)`, the form that editors and CI systems turn into links."""
        where = f"{self.path}:{self.line}: " if self.path and self.line else f"{self.path}: " if self.path else ""
        return f"{where}{self.message}" + (f" (hint: {self.hint})" if self.hint else "")


class RejectReason(StrEnum):
    """Why a record was put into dead letters instead of being counted."""

    EMPTY = "empty"
    MALFORMED_JSON = "malformed_json"
    NOT_AN_OBJECT = "not_an_object"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    UNKNOWN_MODEL = "unknown_model"
    BAD_EVENT_TIME = "bad_event_time"
    IN_THE_FUTURE = "in_the_future"
    TOO_LATE = "too_late"
    TOO_LARGE = "too_large"
    UNKNOWN_TYPE = "unknown_type"
    UNREADABLE = "unreadable"
    NOT_OF_FORMAT = "not_of_format"
    FAILED_REQUEST = "failed_request"
    CONTENT_ELSEWHERE = "content_elsewhere"
    UNKNOWN_SCHEMA = "unknown_schema"
    UNPAIRED = "unpaired"
    TOO_MANY_VERSIONS = "too_many_versions"


class RecordRejected(MonitorError):
    """One record cannot be counted; its neighbours can. Never ends the stream."""

    def __init__(self, reason: RejectReason, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}")


class StoreUnavailable(MonitorError):
    """The database cannot serve now (down, locked, full): keep what you have, wait, try again."""


class SourceUnavailable(MonitorError):
    """The record source cannot serve now: close it, back off, rebuild it from the stored offsets."""


class PolledElsewhere(MonitorError):
    """Another process has read on in this table: leave it to that one."""


class SubmissionFault(StrEnum):
    """Why a whole request with records was refused."""

    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    KEY_REUSED = "key_reused"


class SubmissionRefused(MonitorError):
    """Nothing of a request was taken; sending the same again gets the same answer."""

    def __init__(self, fault: SubmissionFault, message: str) -> None:
        self.fault = fault
        super().__init__(message)


class Backlogged(MonitorError):
    """Too many records wait to be folded: nothing of the request was taken, send it again later."""


class UnreadableRecords(SourceUnavailable):
    """The log holds bytes at [first_offset, next_offset) of a partition that no records can be made of."""

    def __init__(self, partition: PartitionId, first_offset: int, next_offset: int, why: str) -> None:
        self.partition, self.first_offset, self.next_offset, self.why = partition, first_offset, next_offset, why
        super().__init__(f"{partition}: no record can be read at offset {first_offset}: {why}")


class Fenced(MonitorError):
    """Somebody else owns the `partition` now: drop its unsaved state, claim again, seek, go on."""

    def __init__(self, message: str, partition: PartitionId) -> None:
        self.partition = partition
        super().__init__(message)


class BaselineError(MonitorError):
    """A baseline cannot be built, found or used; the message says how to mend it."""


class LayoutMismatch(MonitorError):
    """Two profiles were made on different bins and must not be merged or compared."""


class TriggerFailed(MonitorError):
    """A retraining trigger did not take the job. `retryable` tells whether a re-send with the same key may help.

    `may_have_begun` tells that a run may have begun nevertheless, as when no answer came in time: then only a trigger
    whose `resend_is_safe` is asked again.
    """

    def __init__(self, message: str, *, retryable: bool, may_have_begun: bool = False) -> None:
        self.retryable, self.may_have_begun = retryable, may_have_begun
        super().__init__(message)


class UnknownJob(MonitorError):
    """No retraining job has this key."""


class UnknownIncident(MonitorError):
    """No incident has this id, or several have ids that begin so."""


class BadRequest(MonitorError):
    """What was asked for could not be done with anything: its words are missing, too many, or unknown."""


class ReportFailed(MonitorError):
    """A report cannot be written; the message says what is missing and how to get it."""


class ConformanceError(MonitorError):
    """A plug-in breaks a promise that its kit checks."""
