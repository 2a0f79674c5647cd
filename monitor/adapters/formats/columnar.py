"""Formats whose messages are columns already: nothing of them becomes a record of its own."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from monitor.domain.records import PartitionId, RawRecord
from monitor.domain.stream import TopicKind
from monitor.stream.batch import Decoded
from monitor.stream.dead_letters import KEPT_BYTES
from monitor.stream.schema import SchemaLookup


@runtime_checkable
class Columnar(Protocol):
    """A format that decodes for itself, as `usecases.ingest.Codec` does."""

    def decode(
        self,
        partition: PartitionId,
        kind: TopicKind,
        records: Sequence[RawRecord],
        schemas: SchemaLookup,
        *,
        kept_bytes: int = KEPT_BYTES,
    ) -> Decoded:
        """Every record ends up in exactly one part of the result; of a refused one at most `kept_bytes` are kept."""
        ...
