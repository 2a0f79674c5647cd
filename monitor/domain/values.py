"""Values that are made by the ten thousand, as results and findings are."""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """A dataclass that the type checker holds to be frozen, with slots, equality and a hash.

    It is not frozen when it runs: the guard of a frozen dataclass makes its `__init__` three to four times slower. For
    the few classes of which every window makes dozens; all others are frozen dataclasses. For `dataclasses.replace` and
    its like the class declares `__dataclass_fields__`, which `dataclass_transform` does not promise.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
