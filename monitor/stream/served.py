"""What producers say in headers about how much they served: running numbers and weights."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.domain.records import Headers, RawRecord

PRODUCER, NUMBER, WEIGHT = "driftline-producer", "driftline-number", "driftline-weight"
"""Headers of a record: who served it, its running number there (all that is served counts), what it stands for."""

_MAX_WEIGHT = 1e6
_MAX_NAME = 200
_MAX_NUMBER = 2**62


@dataclass(frozen=True, slots=True)
class Statement:
    """What one record says: its producer and running number, and how many served records it stands for.

    In thousandths, because whole numbers add up to the same in any order.
    """

    producer: str
    number: int | None
    weight_thousandths: int


def statements(records: Sequence[RawRecord]) -> dict[int, Statement]:
    """By offset what each record says; empty when none says anything, as is usual."""
    return {record.offset: said for record in records if record.headers and (said := read_headers(record.headers))}


def read_headers(headers: Headers) -> Statement | None:
    """The statement of one record; None when it makes none. What cannot be read counts as not said.

    A number without a producer, or the reverse, says nothing.

    >>> read_headers([("driftline-producer", b"web-1"), ("driftline-number", b"7"), ("driftline-weight", b"10")])
    Statement(producer='web-1', number=7, weight_thousandths=10000)
    """
    values = {name: value for name, value in headers if name in {PRODUCER, NUMBER, WEIGHT} and value is not None}
    if not values:
        return None
    producer = values.get(PRODUCER, b"").decode("utf-8", "replace")[:_MAX_NAME]
    number = _number(values.get(NUMBER, b""))
    weight = _weight(values.get(WEIGHT, b""))
    if number is None or not producer:
        return None if weight is None else Statement("", None, weight)
    return Statement(producer, number, 1_000 if weight is None else weight)


def _number(text: bytes) -> int | None:
    return int(text) if text.isdigit() and len(text) < 20 and int(text) < _MAX_NUMBER else None


def _weight(text: bytes) -> int | None:
    try:
        weight = float(text)
    except ValueError:
        return None
    return round(weight * 1_000) if math.isfinite(weight) and 1 <= weight <= _MAX_WEIGHT else None
