"""Records that were read and wait for more: decoding and counting have a fixed cost a model version each time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from monitor.domain.records import RawRecord

DECODE_AT_RECORDS = 20_000
"""Of fifty models in one topic, these are four hundred each."""

_value = attrgetter("value")


@dataclass(slots=True)
class Gathered:
    """Records of one partition that are not decoded yet, as they were polled.

    Nothing is gained by waiting for more than `enough`. `size_bytes` is that of their messages.
    """

    enough: int = DECODE_AT_RECORDS
    records: list[RawRecord] = field(default_factory=list)
    size_bytes: int = 0

    def add(self, polled: Sequence[RawRecord]) -> None:
        """Take what a poll brought."""
        self.records.extend(polled)
        self.size_bytes += sum(map(len, filter(None, map(_value, polled))))

    @property
    def is_enough(self) -> bool:
        """Whether there is no use in waiting for more."""
        return len(self.records) >= self.enough

    def take(self) -> Sequence[RawRecord]:
        """Everything, which is gone from here."""
        taken, self.records, self.size_bytes = self.records, [], 0
        return taken
