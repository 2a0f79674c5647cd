"""A bounded sample of values that the baseline has never seen, the same in whatever order they came."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CAPACITY = 64
LONGEST_VALUE = 200
"""Longer values are kept as their first so many characters and a digest of the whole."""


@dataclass(slots=True)
class UnseenSample:
    """The `CAPACITY` distinct values with the smallest hashes, each with its exact number of records.

    A value that is among the smallest of the whole is among the smallest of every part that holds it, so no record of
    it is ever forgotten and any order and grouping of merges gives the same sample (bottom-k sketch: Cohen & Kaplan
    2007). It is a uniform sample of the distinct values.
    """

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, seen: Iterable[tuple[str, int]]) -> None:
        """Count values with their numbers of records."""
        for value, n in seen:
            short = printable(value)
            self.counts[short] = self.counts.get(short, 0) + n
        if len(self.counts) > CAPACITY:
            kept = sorted(self.counts, key=_rank)[:CAPACITY]
            self.counts = {value: self.counts[value] for value in kept}

    def items(self) -> list[tuple[str, int]]:
        """(value, number of records) in the order of the hashes: the canonical form."""
        return [(value, self.counts[value]) for value in sorted(self.counts, key=_rank)]

    def distinct(self) -> int:
        """Estimated number of distinct values; exact below `CAPACITY`, then within about 13 % (standard error)."""
        if len(self.counts) < CAPACITY:
            return len(self.counts)
        largest = max(_rank(value)[0] for value in self.counts)
        return round((CAPACITY - 1) / (int.from_bytes(largest, "big") / 2**64))

    @staticmethod
    def merged(first: Mapping[str, int], second: Mapping[str, int]) -> "UnseenSample":
        """The sample of both sets of records."""
        sample = UnseenSample(dict(first))
        sample.add(second.items())
        return sample


def printable(value: str) -> str:
    """The value without lone surrogates (no encoding stores them), cut to `LONGEST_VALUE` characters and a digest."""
    whole = value.encode("utf-8", "replace").decode("utf-8")
    if len(whole) <= LONGEST_VALUE:
        return whole
    digest = hashlib.blake2b(whole.encode(), digest_size=8).hexdigest()
    return f"{whole[:LONGEST_VALUE]}…{digest}"


def _rank(value: str) -> tuple[bytes, str]:
    return hashlib.blake2b(value.encode(), digest_size=8).digest(), value
