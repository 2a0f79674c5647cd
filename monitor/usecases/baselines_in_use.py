"""The baselines that traffic is compared with, kept at hand between looks into the store."""

from collections.abc import Mapping

from monitor.domain.errors import BaselineError
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.ports import BaselineStore
from monitor.stats.baseline import Baseline
from monitor.stream.schema import RecordSchema, record_schema
from monitor.stream.timeline import Promotion, baseline_at, baselines_of

_MAX_REMEMBERED = 20_000


class BaselinesInUse:
    """Which baseline holds for a pane, and what the decoder must read for it.

    A model's promotions are looked up when it is first asked for and then at every `refresh`; between two of these all
    answers agree with each other. Raises StoreUnavailable as the store does. A baseline that cannot be read counts as
    none, so that it harms its own model alone; `unreadable` tells of it. Not thread-safe.
    """

    def __init__(self, store: BaselineStore, models: Mapping[str, MonitoredModel]) -> None:
        self._store, self._models = store, models
        self._timelines: dict[str, list[Promotion]] = {}
        self._baselines: dict[str, Baseline | None] = {}
        self.unreadable: dict[str, str] = {}
        self._schemas: dict[tuple[str, str], RecordSchema] = {}
        self._unlike: dict[RecordSchema, RecordSchema] = {}
        self._at: dict[tuple[ModelRef, int], tuple[str, Baseline] | None] = {}

    def refresh(self) -> None:
        """Look for promotions of the models asked for so far; on StoreUnavailable everything stays as it was."""
        found = {model: self._store.timeline(model) for model in self._timelines}
        changed = {model for model, timeline in found.items() if timeline != self._timelines[model]}
        if changed:
            self._timelines = found
            self._schemas = {key: schema for key, schema in self._schemas.items() if key[0] not in changed}
            self._at.clear()

    def at(self, ref: ModelRef, pane_start_ms: int) -> tuple[str, Baseline] | None:
        """(id, baseline) that the pane is compared with, None when the model has none yet."""
        key = (ref, pane_start_ms)
        if key not in self._at:
            if len(self._at) >= _MAX_REMEMBERED:
                self._at.clear()
            chosen = baseline_at(self._timeline(ref.name), ref.version, pane_start_ms)
            baseline = None if chosen is None else self._baseline(chosen)
            self._at[key] = None if chosen is None or baseline is None else (chosen, baseline)
        return self._at[key]

    def schema(self, model: str, version: str) -> RecordSchema | None:
        """What to read of the records of a model version; the same object as long as it is equal; None: unknown model.

        Versions are what producers write, so there may be any number of them, and few schemas.
        """
        key = (model, version)
        if key not in self._schemas:
            monitored = self._models.get(model)
            if monitored is None:
                return None
            chosen = baselines_of(self._timeline(model), version)
            readable = [baseline for one in chosen if (baseline := self._baseline(one)) is not None]
            made = record_schema(monitored, tuple(baseline.schema for baseline in readable))
            if len(self._schemas) >= _MAX_REMEMBERED:
                self._schemas.clear()
            self._schemas[key] = self._unlike.setdefault(made, made)
        return self._schemas[key]

    def _timeline(self, model: str) -> list[Promotion]:
        if model not in self._timelines:
            self._timelines[model] = self._store.timeline(model)
        return self._timelines[model]

    def _baseline(self, baseline_id: str) -> Baseline | None:
        if baseline_id not in self._baselines:
            try:
                self._baselines[baseline_id] = Baseline.from_bytes(self._store.get(baseline_id))
            except BaselineError as error:
                self._baselines[baseline_id] = None
                self.unreadable[baseline_id] = str(error)
        return self._baselines[baseline_id]
