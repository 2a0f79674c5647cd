"""Says on standard error that a retraining run is wanted, for people who start it by hand."""

import sys
from collections.abc import Mapping
from typing import ClassVar

from monitor.adapters.triggers.kind import TriggerKind, TriggerSettings
from monitor.domain.errors import TriggerFailed
from monitor.domain.ports import RetrainTrigger
from monitor.domain.retraining import RetrainRequest
from monitor.domain.time import Clock


class ConsoleSettings(TriggerSettings):
    """The console needs no settings."""


class ConsoleTrigger:
    """Writes one line; the job then waits for the call-back as any other."""

    resend_is_safe: ClassVar[bool] = True  # a line more on the console starts nothing

    def start(self, request: RetrainRequest, parameters: Mapping[str, object]) -> str | None:  # noqa: ARG002 - a person decides these
        """Write it; a console that is gone may come back."""
        line = f"retrain {request.model} (version {request.version}): {request.why}; job {request.key}\n"
        try:
            sys.stderr.write(line)
            sys.stderr.flush()
        except (OSError, ValueError) as error:
            raise TriggerFailed("standard error cannot be written to", retryable=True) from error
        return None


def _build(settings: TriggerSettings, clock: Clock) -> RetrainTrigger:  # noqa: ARG001 - the signature of all kinds
    return ConsoleTrigger()


KIND = TriggerKind("console", ConsoleSettings, _build)
