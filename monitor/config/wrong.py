"""How a field says what is wrong with its value, and how to mend it."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from pydantic_core import PydanticCustomError

MISTAKE = "driftline"
"""The type by which the translation knows our own errors from pydantic's."""


def wrong(message: str, hint: str = "", *, key: str = "") -> PydanticCustomError:
    """An error for validators to raise; neither text may hold a secret. `key` says which key of a section it is."""
    return PydanticCustomError(MISTAKE, "{message}", {"message": message, "hint": hint, "key": key})


def misspelt(wanted: Sequence[str], written: object) -> str | None:
    """The key of a mapping that was most likely meant to be one of these; None when there is one, or none like it."""
    keys = [str(key) for key in written] if isinstance(written, Mapping) else []
    if not set(keys).isdisjoint(wanted):
        return None
    close = [key for name in wanted for key in get_close_matches(name, keys, n=1, cutoff=0.6)]
    return close[0] if close else None
