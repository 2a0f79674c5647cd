"""The registry's word on which version serves: it promotes candidates, and opens the baselines of other versions."""

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.domain.errors import BaselineError, StoreUnavailable, TriggerFailed
from monitor.domain.models import ModelRef
from monitor.domain.ports import BaselineStore
from monitor.domain.registry import Registry, ServingVersion
from monitor.domain.time import Clock, to_ms
from monitor.usecases.finish_job import BuildCandidate
from monitor.usecases.retrain import Retrain


@dataclass(frozen=True, slots=True)
class WatchRegistry:
    """Asks for every model's alias. `names` are the registry's names of models. `seen` spares repeated work."""

    registry: Registry
    alias: str
    names: Mapping[str, str]
    retrain: Retrain
    baselines: BaselineStore
    build_candidate: BuildCandidate
    clock: Clock
    seen: dict[str, ServingVersion]

    def run_once(self) -> list[str]:
        """What changed, and what could not be asked, in a sentence each."""
        return [sentence for model in self.names for sentence in self._asked(model)]

    def look_at(self, name: str) -> list[str]:
        """The same about the models that the registry calls so, which has said that something changed."""
        return [sentence for model, own in self.names.items() if own == name for sentence in self._asked(model)]

    def _asked(self, model: str) -> list[str]:
        try:
            serving = self.registry.serving(self.names[model], self.alias)
        except TriggerFailed as error:
            return [f"{model}: the registry cannot be asked: {error}"]
        if serving is None or self.seen.get(model) == serving:
            return []
        said = self._serves(model, serving)
        self.seen[model] = serving
        return said

    def _serves(self, model: str, serving: ServingVersion) -> list[str]:
        job = self.retrain.serves(model, serving.version, f"alias {self.alias}")
        if job is not None:
            return [f"{model}:{serving.version} serves: retraining job {job.request.key} is {job.phase}"]
        if any(version == serving.version for version, _, _ in self.baselines.timeline(model)):
            return []
        if serving.training_data is None:
            return [f"{model}:{serving.version} serves and has no baseline: `driftline baseline build` makes one"]
        return [self._opened(ModelRef(model, serving.version), serving.training_data)]

    def _opened(self, ref: ModelRef, place: str) -> str:
        try:
            baseline_id = self.build_candidate(ref, place)
            why = f"alias {self.alias} names version {ref.version}"
            self.baselines.promote(ref, baseline_id, to_ms(self.clock.now()), why)
        except StoreUnavailable:
            raise
        except BaselineError as error:
            return f"{ref} serves and has no baseline: {error}"
        return f"{ref} serves: baseline {baseline_id} is current"
