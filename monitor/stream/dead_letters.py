"""Refused messages as they are kept."""

from monitor.domain.errors import RejectReason
from monitor.domain.records import DeadLetter, PartitionId, RawRecord

KEPT_BYTES = 65_536
"""A dead letter keeps so much of its message."""

KEPT_BYTES_OF_TOO_LARGE = 4_096
"""What is kept of a message that was refused for its size: enough to see whose it is."""


def dead_letter(
    partition: PartitionId, record: RawRecord, reason: RejectReason, detail: str, model: str | None = None
) -> DeadLetter:
    """The dead letter of a message, with its value cut to the size that its reason allows."""
    value = record.value or b""
    kept = KEPT_BYTES_OF_TOO_LARGE if reason is RejectReason.TOO_LARGE else KEPT_BYTES
    return DeadLetter(partition, record.offset, reason, detail, value[:kept], len(value), record.key, model)
