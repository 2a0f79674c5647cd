"""Every mistake of a file as a ConfigError: the line, the cause in words, a hint."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from monitor.config.wrong import MISTAKE, misspelt
from monitor.config.yaml_file import Loc, YamlFile
from monitor.domain.errors import ConfigError, MonitorError

S = TypeVar("S", bound=BaseModel)

_BEGINNING = re.compile(r"\^[\w:/]+")
"""A pattern that asks for nothing but this beginning."""


@dataclass(frozen=True, slots=True)
class Mistakes:
    """What is wrong: errors keep the program from starting, warnings do not."""

    errors: tuple[ConfigError, ...] = ()
    warnings: tuple[ConfigError, ...] = ()

    def __add__(self, other: "Mistakes") -> "Mistakes":
        """Both."""
        return Mistakes(self.errors + other.errors, self.warnings + other.warnings)


class ConfigMistakes(MonitorError):
    """A configuration that cannot be used, with all of its mistakes at once."""

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(map(str, errors)))


def parse(file: YamlFile, shape: type[S]) -> S | tuple[ConfigError, ...]:
    """The file as a value of its shape, or every mistake in it."""
    if not isinstance(file.data, Mapping):
        return (ConfigError("the file must hold keys and values", file.path, 1, "write `key: value` lines"),)
    try:
        return shape.model_validate(file.data)
    except ValidationError as error:
        return tuple(_translate(detail, file, shape) for detail in _told(error, shape))


def problems(error: ValidationError, shape: type[BaseModel]) -> list[tuple[Loc, str, str]]:
    """(place, cause, hint) of every mistake, for shapes that are no files: the settings of plug-ins."""
    return [(_loc(detail), *_words(detail, shape)) for detail in _told(error, shape)]


def at(file: YamlFile, loc: Loc, message: str, hint: str = "") -> ConfigError:
    """A mistake at the place where the file says this."""
    return ConfigError(message, file.path, file.line_of(loc), hint)


def did_you_mean(wrong_name: str, names: Iterable[str], *, what: str = "known here") -> str:
    """The closest name, or all of them."""
    known = sorted(set(names))
    if close := get_close_matches(wrong_name, known, n=1, cutoff=0.6):
        return f"did you mean {close[0]!r}?"
    return f"{what}: {', '.join(known)}" if known else f"{what}: none"


def _told(error: ValidationError, shape: type[BaseModel]) -> list[ErrorDetails]:
    """What is worth saying: nothing is that only follows from another mistake.

    A required key that is written with a typo is one mistake, not two; a list whose items are all wrong is not empty.
    """
    details = error.errors()
    places = [detail["loc"] for detail in details]
    meant = {
        (*detail["loc"][:-1], close[0])
        for detail in details
        if detail["type"] == "extra_forbidden"
        and (close := get_close_matches(str(detail["loc"][-1]), _keys_at(shape, detail["loc"][:-1]), n=1, cutoff=0.6))
    }
    return [
        detail
        for detail in details
        if not (detail["type"] == "missing" and detail["loc"] in meant)
        and not (detail["type"] == "too_short" and any(_is_inside(place, detail["loc"]) for place in places))
    ]


def _is_inside(place: Loc, outer: Loc) -> bool:
    return len(place) > len(outer) and place[: len(outer)] == outer


def _translate(detail: ErrorDetails, file: YamlFile, shape: type[BaseModel]) -> ConfigError:
    message, hint = _words(detail, shape)
    return at(file, _loc(detail), message, hint)


def _loc(detail: ErrorDetails) -> Loc:
    """The place of a mistake; of a key `kind` that is written with a typo, the place of what is written."""
    key, place = detail.get("ctx", {}).get("key"), detail["loc"]
    if detail["type"] == "driftline_kind" and (wrong_key := misspelt(("kind",), detail["input"])):
        return (*place, wrong_key)
    if detail["type"] == "missing" and place[-1] == "kind" and (wrong_key := misspelt(("kind",), detail["input"])):
        return (*place[:-1], wrong_key)
    return (*place, key) if key else place


def _words(detail: ErrorDetails, shape: type[BaseModel]) -> tuple[str, str]:  # noqa: PLR0911 - a table of cases
    loc, kind, context = _loc(detail), detail["type"], detail.get("ctx", {})
    name = _shown(loc)
    if kind == MISTAKE:
        return (f"{_place(loc)}{context['message']}", str(context["hint"]))
    if kind == "extra_forbidden":
        return f"unknown key `{name}`", did_you_mean(name, _keys_at(shape, loc[:-1]), what="keys here")
    if kind == "driftline_kind" or (kind == "missing" and detail["loc"][-1] == "kind"):
        return _no_kind(detail, shape)
    if kind == "missing":
        return f"`{name}` is missing", _description(shape, loc)
    if kind in {"literal_error", "enum"}:
        allowed = _choices(shape, loc)
        return f"`{name}` cannot be {detail['input']!r}", did_you_mean(str(detail["input"]), allowed, what="one of")
    if kind in {"model_type", "dict_type", "mapping_type", "model_attributes_type"}:
        return f"`{name}` must hold keys and values", "indent its keys below it"
    if kind in {"tuple_type", "list_type"}:
        return f"`{name}` must be a list", f"write {name}: [...] or one `- item` a line"
    if kind == "value_error":
        return f"{_place(loc)}{_lower(detail['msg'].removeprefix('Value error, '))}", ""
    if kind == "too_short":
        return f"`{name}` must not be empty", "give at least one"
    return _other_words(detail, name)


def _other_words(detail: ErrorDetails, name: str) -> tuple[str, str]:
    pattern = str(detail.get("ctx", {}).get("pattern", ""))
    if detail["type"] == "string_too_short" and not detail["input"]:
        return f"`{name}` must not be empty", ""
    if _BEGINNING.fullmatch(pattern):
        return f"`{name}` must begin with {pattern[1:]}", ""
    return f"`{name}`: {_as_demand(detail['msg'])}{_given(detail['input'])}", ""


def _no_kind(detail: ErrorDetails, shape: type[BaseModel]) -> tuple[str, str]:
    if wrong_key := misspelt(("kind",), detail["input"]):
        return f"unknown key `{wrong_key}`", "did you mean 'kind'?"
    if detail["type"] == "driftline_kind":
        return "`kind` is missing", "one of kafka, files, memory, or the name of a plug-in"
    return "`kind` is missing", _description(shape, detail["loc"])


def _shown(loc: Loc) -> str:
    """The last key of the path, for an item of a list with its number (from 1)."""
    keys = [part for part in loc if isinstance(part, str)]
    return str(loc[-1]) if loc and isinstance(loc[-1], str) else f"{keys[-1]}" if keys else "file"


def _place(loc: Loc) -> str:
    keys = [part for part in loc if isinstance(part, str)]
    return f"`{keys[-1]}`: " if keys else ""


def _given(value: object) -> str:
    return f", not {value!r}" if isinstance(value, int | float | bool) or value is None else ""


def _as_demand(text: str) -> str:
    return _lower(text).replace("input should be", "must be").replace("input should have", "must have")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _keys_at(shape: object, loc: Loc) -> list[str]:
    section = _section_at(shape, loc)
    if section is None:
        return []
    return [field.alias or name for name, field in section.model_fields.items()]


def _description(shape: object, loc: Loc) -> str:
    section = _section_at(shape, loc[:-1])
    fields = section.model_fields if section else {}
    described = next((f.description for n, f in fields.items() if loc[-1] in {n, f.alias}), None)
    return _lower(described).rstrip(".") if described else ""


def _choices(shape: object, loc: Loc) -> list[str]:
    section = _section_at(shape, loc[:-1])
    if section is None:
        return []
    field = next((f for n, f in section.model_fields.items() if loc[-1] in {n, f.alias}), None)
    return [str(choice) for choice in _literals(field.annotation)] if field else []


def _literals(annotation: object) -> list[object]:
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [choice for part in get_args(annotation) for choice in _literals(part)]


def _section_at(annotation: object, loc: Loc) -> type[BaseModel] | None:
    """The section that a path of an error leads to; follows lists, mappings and variants."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _section_at(get_args(annotation)[0], loc)
    if origin in {Union, UnionType}:
        return _variant_at(annotation, loc)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _field_at(annotation, loc)
    if origin is not None and loc:
        return _section_at(get_args(annotation)[1 if issubclass(origin, Mapping) else 0], loc[1:])
    return None


def _field_at(section: type[BaseModel], loc: Loc) -> type[BaseModel] | None:
    if not loc:
        return section
    for name, field in section.model_fields.items():
        if loc[0] in {name, field.alias}:
            return _section_at(field.annotation, loc[1:])
    return None


def _variant_at(union: object, loc: Loc) -> type[BaseModel] | None:
    """The variant whose tag stands in the path, else the first through which the path leads."""
    for part in get_args(union):
        tags = [str(getattr(extra, "tag", "")) for extra in get_args(part)[1:]]
        if loc and loc[0] in tags:
            return _section_at(part, loc[1:])
    return next((found for part in get_args(union) if (found := _section_at(part, loc)) is not None), None)
