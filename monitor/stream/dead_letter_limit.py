"""When so many records are refused that reading on would only empty the topic into dead letters."""

from collections import deque
from dataclasses import dataclass, field

from monitor.domain.errors import MonitorError
from monitor.domain.records import PartitionId


class TooManyDeadLetters(MonitorError):
    """Almost everything in a partition is refused: stop and let a person look. Offsets stay where they were saved."""

    def __init__(self, partition: PartitionId, seen: str, example: str) -> None:
        self.partition = partition
        super().__init__(
            f"{partition}: {seen} were refused, most recently: {example}. Nothing is lost: reading goes on from the "
            "last saved offset. Mend the producer or the model's configuration; to go on without these records, raise "
            "`stream.dead_letters.stop_after` in monitor.yaml (0: never stop)."
        )


@dataclass(frozen=True, slots=True)
class DeadLetterLimit:
    """Bounds a partition must pass before its worker stops; None switches a bound off.

    `ratio` (0 to 1) is of the last `window` records, and is not judged before so many were read.
    """

    ratio: float | None = 0.9
    window: int = 1_000
    consecutive: int | None = 1_000


@dataclass(slots=True)
class DeadLetterGauge:
    """The last records of one partition, as far as the limit needs them. Rejections come in runs of a poll."""

    limit: DeadLetterLimit
    _runs: deque[tuple[int, int]] = field(default_factory=deque)
    _read: int = 0
    _refused: int = 0
    _consecutive: int = 0

    def observe(self, read: int, refused: int, *, refused_at_end: int) -> str | None:
        """Note a poll; the sentence that says which bound was passed, None while all is well.

        `refused_at_end` is how many records at the end of the poll were refused without an accepted one between.
        """
        self._runs.append((read, refused))
        self._read += read
        self._refused += refused
        while self._runs and self._read - self._runs[0][0] >= self.limit.window:
            oldest = self._runs.popleft()
            self._read -= oldest[0]
            self._refused -= oldest[1]
        self._consecutive = self._consecutive + refused if refused_at_end == read else refused_at_end
        return self._judge()

    def _judge(self) -> str | None:
        if self.limit.consecutive is not None and self._consecutive >= self.limit.consecutive:
            return f"{self._consecutive:,} records in a row"
        full = self._read >= self.limit.window
        if self.limit.ratio is not None and full and self._refused > self.limit.ratio * self._read:
            return f"{self._refused:,} of the last {self._read:,} records"
        return None
