"""Read a table of ground truth: everything at first, then what is new or was changed."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from monitor.domain.errors import PolledElsewhere, SourceUnavailable
from monitor.domain.polling import PolledLog, TableState, TruthTable
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
            state, read = self._read(state, goes_on)
        except PolledElsewhere:
            state = self.log.state(self.source)
        except SourceUnavailable as failed:
            error = str(failed)
            state = self.log.state(self.source)
            state = self.log.note(replace(state, failures=state.failures + 1, error=error))
        return PollReport(read, state.rows - before.rows, state, error)

    def _read(self, state: TableState, goes_on: Callable[[], bool]) -> tuple[TableState, int]:
        total = 0
        if state.cursor.is_complete:
            state = replace(state, cursor=replace(state.cursor, began_ms=to_ms(self.clock.now())))
        while True:
            rows = 0
            for batch in self.table.read(state.cursor):
                rows += len(batch)
                cursor = state.cursor.after(batch)
                bound_ms = self.table.look_back_ms(cursor)
                state = self.log.append(state, batch, cursor, bound_ms, to_ms(self.clock.now()))
                if not goes_on():
                    return state, total + rows
            total += rows
            if rows < self.table.page:
                return self._completed(state), total

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
