"""Predictions joined to the statements of their truth: which hold, and in which order."""

from typing import Any

from sqlalchemy import Select, and_, select

from monitor.adapters.sql.tables import predictions, truths
from monitor.domain.stream import JoinSpan

MADE, KNOWN = predictions.c, truths.c
JOINED = predictions.join(truths, and_(MADE.model == KNOWN.model, MADE.event_id == KNOWN.event_id))


def joined_rows(span: JoinSpan, *columns: Any) -> Select[Any]:  # noqa: ANN401 - columns of either table
    """Rows of the span by event id; of those with one id a later row holds: the latest made, and the latest known."""
    return (
        select(*columns)
        .select_from(JOINED)
        .where(MADE.model == span.ref.name, MADE.version == span.ref.version)
        .where(MADE.event_time_ms >= span.since_ms, MADE.event_time_ms < span.until_ms)
        .where(KNOWN.name == span.name, KNOWN.known_at_ms <= span.known_by_ms)
        .order_by(MADE.event_id, MADE.event_time_ms, KNOWN.known_at_ms, KNOWN.offset, KNOWN.label)
    )
