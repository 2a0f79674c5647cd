"""Which piece of a source: the unit of order and ownership."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class PartitionId:
    """A partition of a topic (Kafka), or a file of a folder (the files source): the unit of order and ownership."""

    topic: str
    partition: int

    def __str__(self) -> str:
        """`topic/partition`."""
        return f"{self.topic}/{self.partition}"
