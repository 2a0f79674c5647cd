"""The names that a configuration may refer to, as far as plug-ins and the database know them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from monitor.config.thresholds_crosscheck import Scale
from monitor.config.yaml_file import Loc
from monitor.domain.checks import Parameter
from monitor.domain.models import ColumnKind

Found = tuple[Loc, str, str]
"""A mistake: its place, what is wrong, a hint (may be empty)."""

RoutesValidator = Callable[[Mapping[str, object]], Sequence[Found]]
"""Takes what routes.yaml says; returns every mistake."""

SecretsValidator = Callable[[Mapping[str, object], Mapping[str, str]], Sequence[Found]]
"""Takes what routes.yaml says, without mistakes, and the environment; returns every secret that is not there."""

SettingsValidator = Callable[[Mapping[str, object]], Sequence[Found]]
"""The same for the settings of one retraining trigger, or the options of one format."""

ParametersValidator = Callable[[str, Mapping[str, Parameter]], str]
"""Takes the name of a test and its parameters by name; says what is wrong with their values (empty: nothing)."""


def _no_routes(_: Mapping[str, object]) -> Sequence[Found]:
    return ()


def _no_secrets(_: Mapping[str, object], __: Mapping[str, str]) -> Sequence[Found]:
    return ()


def _any_values(_: str, __: Mapping[str, Parameter]) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class KnownColumn:
    """What the baselines of a model say of a column: its kinds, and the values that they know where it has such."""

    kinds: frozenset[ColumnKind]
    values: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Filled by bootstrap from the plug-ins that it found.

    `tests` maps the names of drift tests and performance metrics to their parameters; `columns` maps models to the
    columns of their baselines, where the database could be asked (a model that is absent is not checked). `row_tests`
    are those of the tests that need raw rows, `metrics` those that judge predictions by their truth. `scales`
    are the values that tests can have, as far as they are known.
    """

    tests: Mapping[str, frozenset[str]] = field(default_factory=dict)
    row_tests: frozenset[str] = frozenset()
    metrics: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    triggers: Mapping[str, SettingsValidator] = field(default_factory=dict)
    formats: Mapping[str, SettingsValidator] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, KnownColumn]] = field(default_factory=dict)
    scales: Mapping[str, Scale] = field(default_factory=dict)
    check_parameters: ParametersValidator = _any_values
    check_routes: RoutesValidator = _no_routes
    check_route_secrets: SecretsValidator = _no_secrets
