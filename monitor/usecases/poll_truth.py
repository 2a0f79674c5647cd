"""Read a table of ground truth: everything at first, then what is new or was changed."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from monitor.domain.errors import PolledElsewhere, SourceUnavailable
from monitor.domain.polling import NOTHING_READ, PolledLog, PolledRow, TableState, TruthTable
from monitor.domain.time import Clock, to_ms


@dataclass(frozen=True, slots=True)
class PollReport:
    """What a poll came to: rows that were read again are not `fresh`; `error` is why it ended early."""

    read: int
    fresh: int
    state: TableState
    error: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether the end of the table was seen."""
        return self.state.cursor.is_complete and not self.error


@dataclass(frozen=True, slots=True)
class PollTruth:
    """Polls one table. Two at once would only double the work: the second to save is refused, and stops."""

    source: str
    table: TruthTable
    log: PolledLog
    clock: Clock

    def run_once(self, goes_on: Callable[[], bool] = lambda: True) -> PollReport:
        """Read to the end of the table, or until `goes_on` says no, or it fails; what was read until then is kept.

        A failure of the table is in the report and in the table's state, StoreUnavailable is ours and passes.
        """
        state = before = self.log.state(self.source)
        read, error = 0, ""
        try:
            state, read = self._read(self._begun(state), goes_on)
        except PolledElsewhere:
            state = self.log.state(self.source)
        except SourceUnavailable as failed:
            error = str(failed)
            state = self.log.state(self.source)
            state = self.log.note(replace(state, failures=state.failures + 1, error=error))
        return PollReport(read, state.rows - before.rows, state, error)

    def _begun(self, state: TableState) -> TableState:
        """From the start, where something else is asked than before: truths that are known already stay as they are."""
        return state if state.asked == self.table.asks else replace(state, asked=self.table.asks, cursor=NOTHING_READ)

    def _read(self, state: TableState, goes_on: Callable[[], bool]) -> tuple[TableState, int]:
        total, start = 0, state.cursor
        if start.is_complete:
            state = replace(state, cursor=replace(start, reached_ms=self._reached_ms()))
        while True:
            rows = 0
            with closing(self.table.read(start)) as batches:
                for batch in batches:
                    rows += len(batch)
                    state = self._kept(state, batch)
                    if not goes_on():
                        return state, total + rows
            total, start = total + rows, state.cursor
            if rows < self.table.page:
                return self._completed(state), total

    def _reached_ms(self) -> int:
        now_ms, newest_ms = to_ms(self.clock.now()), self.table.newest_ms()
        return now_ms if newest_ms is None else min(now_ms, newest_ms)

    def _kept(self, state: TableState, batch: Sequence[PolledRow]) -> TableState:
        cursor = state.cursor.after(batch)
        return self.log.append(state, batch, cursor, self.table.look_back_ms(cursor), to_ms(self.clock.now()))

    def _completed(self, state: TableState) -> TableState:
        return self.log.note(
            replace(
                state,
                cursor=replace(state.cursor, is_complete=True),
                completed_at_ms=to_ms(self.clock.now()),
                undated=self.table.undated(),
                failures=0,
                error="",
            )
        )
