"""What a kind of retraining trigger is: the shape of its settings, and how one is built."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from monitor.domain.ports import RetrainTrigger
from monitor.domain.time import Clock


class TriggerSettings(BaseModel):
    """Base of the settings of a trigger: unknown keys are mistakes, values never change. Secrets come resolved."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class TriggerKind:
    """A kind of trigger as a plug-in. Every module of this package that is one has it as `KIND`.

    Other packages offer theirs by the entry-point group `driftline.triggers`. `build` takes validated settings.
    """

    name: str
    settings: type[TriggerSettings]
    build: Callable[[TriggerSettings, Clock], RetrainTrigger]
