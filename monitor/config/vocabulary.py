"""The names that a configuration may refer to, as far as plug-ins and the database know them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from monitor.config.yaml_file import Loc

Found = tuple[Loc, str, str]
"""A mistake: its place, what is wrong, a hint (may be empty)."""

RoutesValidator = Callable[[Mapping[str, object]], Sequence[Found]]
"""Takes what routes.yaml says; returns every mistake."""

SettingsValidator = Callable[[Mapping[str, object]], Sequence[Found]]
"""The same for the settings of one retraining trigger, or the options of one format."""


def _no_routes(_: Mapping[str, object]) -> Sequence[Found]:
    return ()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Filled by bootstrap from the plug-ins that it found.

    `tests` maps the names of drift tests and performance metrics to their parameters; `columns` maps models to the
    columns of their baselines, where the database could be asked (a model that is absent is not checked). `row_tests`
    are those of the tests that need raw rows.
    """

    tests: Mapping[str, frozenset[str]] = field(default_factory=dict)
    row_tests: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    triggers: Mapping[str, SettingsValidator] = field(default_factory=dict)
    formats: Mapping[str, SettingsValidator] = field(default_factory=dict)
    columns: Mapping[str, frozenset[str]] = field(default_factory=dict)
    check_routes: RoutesValidator = _no_routes
