"""Refused messages as they are kept."""

from monitor.domain.errors import RejectReason
from monitor.domain.records import DeadLetter, LetterForm, PartitionId, RawRecord

KEPT_BYTES = 16_384
"""A dead letter keeps so much of its message, unless told otherwise."""

KEPT_BYTES_OF_TOO_LARGE = 4_096
"""What is kept of a message that was refused for its size: enough to see whose it is."""


def dead_letter(
    partition: PartitionId,
    record: RawRecord,
    reason: RejectReason,
    detail: str,
    model: str | None = None,
    *,
    kept_bytes: int = KEPT_BYTES,
    form: LetterForm = LetterForm.MESSAGE,
) -> DeadLetter:
    """The dead letter of a message; of its value at most `kept_bytes`, and less when it was too large."""
    value = record.value or b""
    kept = min(kept_bytes, KEPT_BYTES_OF_TOO_LARGE) if reason is RejectReason.TOO_LARGE else kept_bytes
    return DeadLetter(
        partition,
        record.offset,
        reason,
        detail,
        value[:kept],
        len(value),
        record.key,
        model,
        record.headers,
        record.timestamp_ms,
        form,
    )
