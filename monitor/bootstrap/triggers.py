"""Retraining triggers: checked when the configuration is, built when the program runs."""

from collections.abc import Mapping, Sequence
from functools import partial

from pydantic import ValidationError

from monitor.adapters.triggers.kind import TriggerKind
from monitor.bootstrap.plugins import trigger_kinds
from monitor.bootstrap.sources import resolved
from monitor.config.directory import MONITOR, Settings
from monitor.config.mistakes import problems
from monitor.config.secrets import SecretRef
from monitor.config.vocabulary import Found, SettingsValidator
from monitor.domain.errors import ConfigError
from monitor.domain.ports import RetrainTrigger
from monitor.domain.time import Clock

_STANDS_FOR_A_SECRET = "c3RhbmRzIGZvciBhIHNlY3JldA=="  # noqa: S105 - base64, since signing keys have that form


def trigger_validators() -> dict[str, SettingsValidator]:
    """How to check the settings of each kind, without reading secrets."""
    return {name: partial(_check, kind) for name, kind in trigger_kinds().items()}


def build_triggers(settings: Settings, environ: Mapping[str, str], clock: Clock) -> dict[str, RetrainTrigger]:
    """The configured triggers by name; ConfigError names the one that cannot be built."""
    kinds = trigger_kinds()
    built: dict[str, RetrainTrigger] = {}
    for name, section in settings.monitor.retraining.triggers.items():
        kind = kinds[section.kind]
        try:
            built[name] = kind.build(kind.settings.model_validate(resolved(section.settings, environ)), clock)
        except ValidationError as error:
            loc, message, hint = problems(error, kind.settings)[0]
            where = ".".join(map(str, ("retraining", "triggers", name, *loc)))
            raise ConfigError(f"{where}: {message}", settings.directory / MONITOR, hint=hint) from None
    return built


def _check(kind: TriggerKind, settings: Mapping[str, object]) -> Sequence[Found]:
    try:
        kind.settings.model_validate({key: with_stand_ins(value) for key, value in settings.items()})
    except ValidationError as error:
        return problems(error, kind.settings)
    return []


def with_stand_ins(value: object) -> object:
    """The value with something harmless for every secret, to check the rest of it."""
    if isinstance(value, SecretRef):
        return _STANDS_FOR_A_SECRET
    if isinstance(value, Mapping):
        return {key: with_stand_ins(part) for key, part in value.items()}
    return value
