"""Formats: their options are checked when the configuration is, and they are built when the program runs."""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ValidationError

from monitor.adapters.formats.automatic import NAME as AUTO
from monitor.adapters.formats.automatic import Automatic
from monitor.adapters.formats.codec import formats_by_topic
from monitor.adapters.formats.format import Format, FormatKind, FormatOptions
from monitor.bootstrap.plugins import format_kinds
from monitor.bootstrap.sources import resolved
from monitor.bootstrap.triggers import with_stand_ins
from monitor.config.directory import MONITOR
from monitor.config.formats_section import CANONICAL, FormatSection
from monitor.config.mistakes import parse, problems
from monitor.config.source_section import FilesSource, KafkaSource
from monitor.config.vocabulary import Found, SettingsValidator
from monitor.config.yaml_file import read_yaml
from monitor.domain.errors import ConfigError


def format_validators() -> dict[str, SettingsValidator]:
    """How to check the options of each format, without reading secrets."""
    kinds = format_kinds()
    checks: dict[str, SettingsValidator] = {name: partial(_check, kind) for name, kind in kinds.items()}
    return checks | {CANONICAL: _check_canonical, AUTO: partial(_check_shape, FormatOptions)}


def build_formats(
    source: KafkaSource | FilesSource, directory: Path, environ: Mapping[str, str]
) -> Callable[[str], Format | None]:
    """Topic (or file) to its format, None for canonical ones; ConfigError names the topic whose cannot be built."""
    is_of_files = isinstance(source, FilesSource)
    return formats_by_topic(
        (
            Path(topic).resolve().as_posix() if is_of_files else topic,  # as their partitions are named
            build_format(section.format, resolved(section.options, environ), directory / MONITOR, topic),
        )
        for topic, section in source.formats.items()
        if section.format != CANONICAL
    )


def build_format(name: str, options: Mapping[str, object], path: Path | None, topic: str = "") -> Format:
    """One format; ConfigError says which option is wrong."""
    kinds = format_kinds()
    if name == AUTO:
        return Automatic(_without_options(kinds), FormatOptions.model_validate(options))
    kind = kinds.get(name)
    if kind is None:
        known = ", ".join([*kinds, AUTO])
        raise ConfigError(f"unknown format {name!r}", path, hint=f"known: {known}")
    try:
        return kind.build(kind.options.model_validate(with_mapping_file(kind, options)))
    except ValidationError as error:
        loc, message, hint = problems(error, kind.options)[0]
        where = ".".join(map(str, ("source", "formats", topic, *loc) if topic else loc))
        raise ConfigError(f"{where}: {message}", path, hint=hint) from None


def secrets_read(options: Mapping[str, object], environ: Mapping[str, str]) -> dict[str, object]:
    """Options as somebody wrote them, with what their references lead to; ConfigError when one cannot be read."""
    try:
        section = FormatSection.model_validate(options)
    except ValidationError as error:
        raise ConfigError("; ".join(message for _, message, _ in problems(error, FormatSection))) from None
    return resolved(section.options, environ)


def with_mapping_file(kind: FormatKind, options: Mapping[str, object]) -> dict[str, object]:
    """The options with the mapping file in place of its path; ConfigError with the file's line when it is wrong."""
    named = options.get(kind.mapping or "")
    if kind.mapping is None or not isinstance(named, str):
        return dict(options)
    file = read_yaml(Path(named))
    shape = _mapping_shape(kind)
    parsed = parse(file, shape)
    if isinstance(parsed, tuple):
        raise parsed[0]
    return {**options, kind.mapping: file.data}


def _mapping_shape(kind: FormatKind) -> type[BaseModel]:
    annotation = kind.options.model_fields[kind.mapping or ""].annotation
    shapes = (annotation, *get_args(annotation))
    return next(shape for shape in shapes if isinstance(shape, type) and issubclass(shape, BaseModel))


def _without_options(kinds: Mapping[str, FormatKind]) -> list[FormatKind]:
    return [
        kind for kind in kinds.values() if not any(field.is_required() for field in kind.options.model_fields.values())
    ]


def _check(kind: FormatKind, options: Mapping[str, object]) -> Sequence[Found]:
    try:
        whole = with_mapping_file(kind, options)
    except ConfigError as error:
        return [((kind.mapping or "",), f"the mapping is wrong: {error}", "")]
    return _check_shape(kind.options, whole)


def _check_shape(shape: type[BaseModel], options: Mapping[str, object]) -> Sequence[Found]:
    try:
        shape.model_validate({key: with_stand_ins(value) for key, value in options.items()})
    except ValidationError as error:
        return problems(error, shape)
    return []


def _check_canonical(options: Mapping[str, object]) -> Sequence[Found]:
    """No option is right; where the key `format` is misspelt, that is the mistake, and not the options beside it."""
    meant = get_close_matches("format", options, n=1)
    if meant:
        return [((meant[0],), f"unknown key `{meant[0]}`", "did you mean 'format'?")]
    return _check_shape(_NoOptions, options)


class _NoOptions(BaseModel, extra="forbid"):
    """Canonical records need none."""
