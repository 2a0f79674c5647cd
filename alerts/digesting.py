"""Tell digests: each period of each once, however many processes there are and whatever stops them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
import structlog

from alerts.budgets import Budget
from alerts.digests import Digest, Period, due_period
from alerts.model import DeliveryId, Group, GroupKey, Labels, Notification, NotifyReason, content_id
from alerts.ports import DigestPart, Transaction
from alerts.render.budget import standing
from alerts.render.digest import DigestFacts, compose_digest
from alerts.render.document import Table, dump_message
from alerts.routing import routable
from alerts.storage import digests, incidents, outbox, sql
from alerts.storage.budgets import account_of
from alerts.storage.outbox import Queued

_MOST_INCIDENTS = 1_000
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Digester:
    """The digests of one configuration; `parts` add what others know."""

    transaction: Transaction
    digests: Sequence[Digest]
    budgets: Sequence[Budget] = ()
    parts: Sequence[DigestPart] = ()

    def tell(self, now: datetime) -> int:
        """Put the digests that are due on their way; how many messages.

        One that was never told is from now on: its first period begins when it was last due.
        """
        if not self.digests:
            return 0
        with self.transaction() as conn:
            told = digests.told_until(conn)
        if all(one.name in told and due_period(one, told[one.name], now) is None for one in self.digests):
            return 0
        # others are asked before the turn is taken: they read, and may take their time
        more = {one.name: self._asked(one, told[one.name], now) for one in self.digests if one.name in told}
        with self.transaction() as conn:
            sql.take_turn(conn)
            return sum(self._tell_one(conn, one, more.get(one.name, ()), now) for one in self.digests)

    def _asked(self, digest: Digest, told_until: datetime, now: datetime) -> list[Table]:
        period = due_period(digest, told_until, now)
        return [] if period is None else [table for part in self.parts for table in _asked(part, digest, period)]

    def _tell_one(self, conn: sa.Connection, digest: Digest, more: Sequence[Table], now: datetime) -> int:
        told_until = digests.told_until(conn).get(digest.name)
        period = None if told_until is None else due_period(digest, told_until, now)
        if told_until is not None and period is None:
            return 0  # another process has told it meanwhile
        digests.put_told_until(conn, digest.name, digest.latest(now))
        if period is None:
            return 0
        facts = _facts(conn, digest, period, [*self._budget_tables(conn, digest, now), *more])
        planned = [_notification(digest, period, channel, now) for channel in digest.channels]
        bodies = [dump_message(compose_digest(digest, period, facts, one)) for one in planned]
        outbox.enqueue_all(conn, [Queued(one, body) for one, body in zip(planned, bodies, strict=True)])
        return len(planned)

    def _budget_tables(self, conn: sa.Connection, digest: Digest, now: datetime) -> list[Table]:
        """How the budgets stand, of all teams or of those whose alerts the digest is of."""
        own = [one for one in self.budgets if not digest.matchers or set(one.matchers) & set(digest.matchers)]
        return [standing([account_of(conn, one, now) for one in own])] if own else []


def _asked(part: DigestPart, digest: Digest, period: Period) -> Sequence[Table]:
    """What somebody adds; whoever cannot must not keep everybody from being told."""
    try:
        return part(period, digest.accepts)
    except Exception as error:  # noqa: BLE001 - a part may be anybody's and fail in any way
        _log.warning("digest_part_failed", digest=digest.name, part=type(part).__name__, error=type(error).__name__)
        return [Table(type(part).__name__, (), (), f"Could not be read ({type(error).__name__}).")]


def _facts(conn: sa.Connection, digest: Digest, period: Period, more: Sequence[Table]) -> DigestFacts:
    alerts = digests.alerts_between(conn, period.since, period.until)
    quiet = digests.muted_between(conn, period.since, period.until)
    cases = incidents.listed_incidents(conn, _MOST_INCIDENTS, only_unresolved=True)
    return DigestFacts(
        tuple(one for one in alerts if digest.accepts(routable(one.labels, one.severity))),
        tuple(one for one in quiet if digest.accepts(one.labels)),
        tuple(case for case in cases if any(digest.accepts(routable(one.labels, one.severity)) for one in case.alerts)),
        tuple(more),
    )


def _notification(digest: Digest, period: Period, channel: str, now: datetime) -> Notification:
    """What the outbox knows a message by: the digest takes the place of a group."""
    group = Group(GroupKey(content_id("digest", digest.name)), "digest", Labels.of({}), 0, period.since)
    name = DeliveryId(content_id("digest", digest.name, channel, period.until.isoformat()))
    return Notification(name, group, channel, NotifyReason.DIGEST, firing=(), resolved=(), at=now)
