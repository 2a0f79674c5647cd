"""How a field says what is wrong with its value, and how to mend it."""

from pydantic_core import PydanticCustomError

MISTAKE = "driftline"
"""The type by which the translation knows our own errors from pydantic's."""


def wrong(message: str, hint: str = "", *, key: str = "") -> PydanticCustomError:
    """An error for validators to raise; neither text may hold a secret. `key` says which key of a section it is."""
    return PydanticCustomError(MISTAKE, "{message}", {"message": message, "hint": hint, "key": key})
