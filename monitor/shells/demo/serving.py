"""Which version of the demo's model serves at which event time, while its log is replayed and versions are trained."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from monitor.domain.errors import MonitorError
from monitor.shells.demo.dataset import Elec2
from monitor.shells.demo.model import PriceModel, known_by, train, write_training_set
from monitor.shells.demo.pipeline import Trained
from monitor.shells.demo.story import RETRAINING_AT, RETRAINING_SINCE, TRAINING_END, TRAINING_START

_LEDGER = "versions.json"
_LOOK_EVERY_S = 0.2


class ReplayStopped(MonitorError):
    """The replay was stopped before there was enough to learn from; ask again when it runs."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the first version learns from, and since when and from when on the next ones may learn (event time)."""

    training_start: datetime = TRAINING_START
    training_end: datetime = TRAINING_END
    retraining_since: datetime = RETRAINING_SINCE
    retraining_at: datetime = RETRAINING_AT


class Promoted(msgspec.Struct, frozen=True):
    """A retrained version: it knows the rows of [since, known_at) whose truth had arrived, and serves from `known_at`.

    Training is deterministic, so this line of the ledger is enough to have the version again after a restart.
    """

    version: str
    since: datetime
    known_at: datetime


class Serving:
    """The versions of the model: asked by the replay (one thread), extended by the training pipeline (another).

    While a retraining run is under way the replay stands still at the start of a day, no earlier than the plan's
    `retraining_at`: the run then learns from everything that is known on that day, and the version that it makes
    serves from that very day once the monitor has accepted it. Training sets and the ledger are kept in `folder`.
    """

    def __init__(self, data: Elec2, folder: Path, plan: Plan, is_stopped: Callable[[], bool]) -> None:
        self._data, self._folder, self._plan, self._is_stopped = data, folder, plan, is_stopped
        self._changed = threading.Condition()
        self._runs: dict[str, tuple[Promoted, PriceModel] | None] = {}
        self._standing_at: datetime | None = None
        first_rows = data.between(plan.training_start, plan.training_end)
        self._first = train(first_rows, "1")
        if not self.training_set("1").is_file():
            self._write("1", first_rows)
        self._promoted = [(line, self._trained(line)) for line in self._read_ledger()]

    def training_set(self, version: str) -> Path:
        """Where the rows are (or will be) that a version was trained on."""
        return self._folder / f"train_v{version}.parquet"

    def model_for(self, day: datetime) -> PriceModel:
        """The version that serves on this day; waits while a retraining run makes use of the standstill."""
        with self._changed:
            if day >= self._plan.retraining_at:
                self._stand_still(day)
            serving = [model for line, model in self._promoted if line.known_at <= day]
            return serving[-1] if serving else self._first

    def end_at(self, end: datetime) -> None:
        """The log is over: from now on runs learn from what is known at its end."""
        with self._changed:
            self._standing_at = end
            self._changed.notify_all()

    def is_waiting(self) -> bool:
        """Whether a run was asked for and not yet answered for."""
        with self._changed:
            return bool(self._runs)

    def retrain(self, key: str) -> Trained:
        """Train the next version as soon as the replay stands still; for the pipeline's `train`.

        Raises `ReplayStopped` when that never happens. Whatever comes of it, `settle` must be called afterwards.
        """
        with self._changed:
            self._runs[key] = None
            while self._standing_at is None:
                if self._is_stopped():
                    raise ReplayStopped("the replay was stopped before the retraining could begin; ask again")
                self._changed.wait(_LOOK_EVERY_S)
            line = Promoted(str(len(self._promoted) + 2), self._plan.retraining_since, self._standing_at)
        model = self._trained(line)
        self._write(line.version, known_by(self._data, line.since, line.known_at))
        with self._changed:
            self._runs[key] = (line, model)
        return Trained(line.version, self.training_set(line.version), line.known_at)

    def settle(self, key: str, accepted: bool) -> None:  # noqa: FBT001 - the pipeline's `answered`, called by place
        """The run has been answered for: only a version that the monitor accepted serves. The replay goes on."""
        with self._changed:
            run = self._runs.get(key)
            if accepted and run is not None:
                self._promoted.append(run)
                self._write_ledger()
            self._runs.pop(key, None)
            self._changed.notify_all()

    def _stand_still(self, day: datetime) -> None:
        while self._runs and not self._is_stopped():
            self._standing_at = day
            self._changed.notify_all()
            self._changed.wait(_LOOK_EVERY_S)
        self._standing_at = None

    def _write(self, version: str, rows: Elec2) -> None:
        partial = self._folder / "partial.parquet"
        write_training_set(partial, rows)
        partial.replace(self.training_set(version))

    def _trained(self, line: Promoted) -> PriceModel:
        return train(known_by(self._data, line.since, line.known_at), line.version)

    def _read_ledger(self) -> list[Promoted]:
        path = self._folder / _LEDGER
        if not path.is_file():
            return []
        try:
            return msgspec.json.decode(path.read_bytes(), type=list[Promoted])
        except msgspec.MsgspecError as error:
            raise MonitorError(f"{path} is no ledger of versions: {error}; delete it to start over") from error

    def _write_ledger(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = self._folder / f"{_LEDGER}.partial"
        partial.write_bytes(msgspec.json.encode([line for line, _ in self._promoted]))
        partial.replace(self._folder / _LEDGER)
