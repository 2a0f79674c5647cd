"""Predictions and truths that are lists, as text that repeats: what is stored, compared and joined like any other."""

import json
from collections.abc import Mapping, Sequence

import msgspec

from monitor.stats.texts import category_text


class Structured(str):
    """The text of a list or an object; of a model whose predictions are single values it is no prediction."""

    __slots__ = ()


def structured_text(value: object) -> Structured | None:
    """A list of items, or grades by item, as JSON; None for anything else, and for items that are no single values.

    >>> structured_text(["b", 1.0, True]), structured_text({"b": 2, "a": 0.5})
    ('["b","1","true"]', '{"a":0.5,"b":2}')
    """
    if isinstance(value, list):
        items = [category_text(item) if isinstance(item, str | int | float) else None for item in value]
        return None if None in items else _text(items)
    if isinstance(value, dict):
        return _text(value) if all(map(_is_grade, value.values())) else None
    return None


def items_of(text: str) -> tuple[str, ...] | None:
    """The items of a list in their order; of another text that text alone. None for grades, or a broken list."""
    if not text.startswith(("[", "{")):
        return (text,)
    try:
        found = msgspec.json.decode(text)
    except ValueError:
        return (text,)
    return tuple(map(str, found)) if isinstance(found, list) else None


def grades_of(text: str) -> dict[str, float] | None:
    """How relevant which item is: what an object says, 1 for each item of a list. None where a grade is no number."""
    if not text.startswith("{"):
        return dict.fromkeys(items_of(text) or (), 1.0)
    try:
        found = msgspec.json.decode(text)
    except ValueError:
        return {text: 1.0}
    return {str(item): float(grade) for item, grade in found.items()} if all(map(_is_grade, found.values())) else None


def references_of(text: str) -> tuple[str, ...]:
    """The texts that a truth names as right: those of a list, or the one."""
    return items_of(text) or (text,)


def _is_grade(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


def _text(value: Sequence[str | None] | Mapping[str, float]) -> Structured:
    return Structured(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
