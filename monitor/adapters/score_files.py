"""Tables by which a candidate is verified: predictions that the pipeline made, and the operator's frozen records."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from monitor.adapters.tabular import FileRows
from monitor.domain.errors import BaselineError

_SCORES = ("event_id", "version", "prediction")
_HOLDOUT = ("event_id", "label")


class ScoreTables:
    """Reads CSV, Parquet or JSON lines of this machine."""

    def scores(self, place: str) -> Mapping[str, Mapping[str, tuple[str, float | None]]]:
        """Version -> event id -> (prediction, score); columns event_id, version, prediction and perhaps score."""
        found: dict[str, dict[str, tuple[str, float | None]]] = {}
        for batch in _batches(place, _SCORES):
            scores = batch.get("score") or [None] * len(batch["event_id"])
            for event, version, said, score in zip(*(batch[name] for name in _SCORES), scores, strict=True):
                if None in (event, version, said):
                    continue  # nothing was predicted
                found.setdefault(str(version), {})[str(event)] = (str(said), _number(score, place))
        return found

    def holdout(self, place: str) -> Mapping[str, str]:
        """Event id -> true label; columns event_id and label."""
        return {
            str(event): str(label)
            for batch in _batches(place, _HOLDOUT)
            for event, label in zip(*(batch[name] for name in _HOLDOUT), strict=True)
            if event is not None and label is not None
        }


def _batches(place: str, needed: Sequence[str]) -> Iterator[Mapping[str, Sequence[object]]]:
    if "://" in place:
        raise BaselineError(f"{place} cannot be read: name a file or folder that this machine has")
    for batch in FileRows(Path(place)).batches():
        missing = [name for name in needed if name not in batch]
        if missing:
            raise BaselineError(f"{place} has no column {', '.join(missing)}: it needs {', '.join(needed)}")
        yield batch


def _number(value: object, place: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    raise BaselineError(f"{place}: score {value!r} is no number")
