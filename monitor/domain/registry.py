"""What a model registry says of a model: which version serves, and what that was trained on."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ServingVersion:
    """A version, and the place of its training data where the registry knows that."""

    version: str
    training_data: str | None = None


class Registry(Protocol):
    """A model registry with aliases."""

    def serving(self, name: str, alias: str) -> ServingVersion | None:
        """The version that the alias names; None when there is none. TriggerFailed when nobody can say now."""
        ...
