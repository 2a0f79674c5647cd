"""A folder of configuration, read as a whole: monitor.yaml, models/, rules/, routes.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from monitor.config.crosscheck import check_models, check_monitor, check_registry, check_truth_sources
from monitor.config.mistakes import ConfigMistakes, Mistakes, at, parse
from monitor.config.model_file import ModelFile
from monitor.config.monitor_file import MonitorFile
from monitor.config.rules_crosscheck import check_rules
from monitor.config.rules_file import RulesFile
from monitor.config.vocabulary import Vocabulary
from monitor.config.yaml_file import YamlFile, read_yaml
from monitor.domain.errors import ConfigError
from monitor.domain.models import MonitoredModel
from monitor.domain.rules import Rule
from monitor.rules.default_pack import with_default_rules
from monitor.rules.leaves import with_own_no_data
from monitor.usecases.training_columns import TrainingOptions

MONITOR, ROUTES, MODELS, RULES = "monitor.yaml", "routes.yaml", "models", "rules"
S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration without mistakes, models by name. `training` says how to read each model's training data.

    `models` are those that records are about, `further` judge their predictions by another truth. `routes` is what
    routes.yaml says, unread; None without the file.
    """

    directory: Path
    monitor: MonitorFile
    models: Mapping[str, MonitoredModel]
    further: Mapping[str, MonitoredModel]
    rules: tuple[Rule, ...]
    routes: Mapping[str, object] | None
    training: Mapping[str, TrainingOptions]

    @property
    def judged(self) -> dict[str, MonitoredModel]:
        """Everything that has findings."""
        return {**self.models, **self.further}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a folder says, as far as it can be understood, and everything that is wrong with it."""

    settings: Settings | None
    mistakes: Mistakes


def load(directory: Path, known: Vocabulary, environ: Mapping[str, str]) -> Settings:
    """The configuration; ConfigMistakes with every error when it has any."""
    checked = check(directory, known, environ)
    if checked.settings is None:
        raise ConfigMistakes(checked.mistakes.errors)
    return checked.settings


def check(directory: Path, known: Vocabulary, environ: Mapping[str, str]) -> Checked:
    """Read and check every file of the folder; nothing is raised, everything is reported."""
    if not (directory / MONITOR).is_file():
        missing = ConfigError(
            f"there is no {MONITOR}", directory, hint="give the folder of the configuration: --config DIR"
        )
        return Checked(None, Mistakes((missing,)))
    monitor, mistakes = _read(directory / MONITOR, MonitorFile)
    models, model_mistakes = _read_all(directory / MODELS, ModelFile)
    rules, rule_mistakes = _read_all(directory / RULES, RulesFile)
    routes, route_mistakes = _routes(directory / ROUTES, known, environ)
    mistakes += model_mistakes + rule_mistakes + route_mistakes
    if monitor:
        mistakes += check_monitor(*monitor, known, environ)
        if not model_mistakes.errors:
            mistakes += check_registry(*monitor, models)
            mistakes += check_truth_sources(*monitor, models)
    mistakes += check_models(models, monitor[1] if monitor else None, known)
    mistakes += check_rules(rules, models, known, has_all_models=not model_mistakes.errors)
    ordered = Mistakes(_by_place(mistakes.errors), _by_place(mistakes.warnings))
    if ordered.errors or monitor is None:
        return Checked(None, ordered)
    return Checked(_settings(directory, monitor[1], models, rules, routes), ordered)


def read_rules(path: Path) -> tuple[Rule, ...]:
    """The rules of one file that need not belong to a configuration; ConfigMistakes with every error."""
    read, mistakes = _read(path, RulesFile)
    found = [] if read is None else [read]
    errors = (*mistakes.errors, *check_rules(found, [], Vocabulary(), has_all_models=False).errors)
    if errors:
        raise ConfigMistakes(errors)
    return tuple(with_own_no_data([rule.value() for _, shape in found for rule in shape.rules]))


def _settings(
    directory: Path,
    monitor: MonitorFile,
    models: list[tuple[YamlFile, ModelFile]],
    rules: list[tuple[YamlFile, RulesFile]],
    routes: Mapping[str, object] | None,
) -> Settings:
    own = [rule.value() for _, shape in rules for rule in shape.rules]
    judged = [(shape, model) for _, shape in models for model in shape.values()]
    choices = {model.name: shape.default_rules for shape, model in judged}
    without_budget = {model.name for _, model in judged if model.alarm_budget is None}
    return Settings(
        directory,
        monitor,
        {model.name: model for _, model in judged if model.predictions_of is None},
        {model.name: model for _, model in judged if model.predictions_of is not None},
        tuple(with_own_no_data(with_default_rules(own, choices, without_budget))),
        routes,
        {shape.model: shape.training.options() for _, shape in models},
    )


def _by_place(errors: tuple[ConfigError, ...]) -> tuple[ConfigError, ...]:
    return tuple(sorted(errors, key=lambda error: (str(error.path), error.line)))


def _read(path: Path, shape: type[S]) -> tuple[tuple[YamlFile, S] | None, Mistakes]:
    try:
        file = read_yaml(path)
    except ConfigError as error:
        return None, Mistakes((error,))
    parsed = parse(file, shape)
    if isinstance(parsed, tuple):
        return None, Mistakes(parsed)
    return (file, parsed), Mistakes()


def _read_all(folder: Path, shape: type[S]) -> tuple[list[tuple[YamlFile, S]], Mistakes]:
    read: list[tuple[YamlFile, S]] = []
    mistakes = Mistakes()
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        one, wrong = _read(path, shape)
        mistakes += wrong
        if one is not None:
            read.append(one)
    return read, mistakes


def _routes(path: Path, known: Vocabulary, environ: Mapping[str, str]) -> tuple[Mapping[str, object] | None, Mistakes]:
    if not path.is_file():
        return None, Mistakes()
    try:
        file = read_yaml(path)
    except ConfigError as error:
        return None, Mistakes((error,))
    if not isinstance(file.data, Mapping):
        return None, Mistakes((ConfigError("the file must hold keys and values", path, 1),))
    found = tuple(at(file, *mistake) for mistake in known.check_routes(file.data))
    unset = () if found else known.check_route_secrets(file.data, environ)
    return file.data, Mistakes(found, tuple(at(file, *one) for one in unset))
