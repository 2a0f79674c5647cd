"""How a field says what is wrong with its value, and how to mend it."""

from pydantic_core import PydanticCustomError

MISTAKE = "driftline"
"""The type by which the translation knows our own errors from pydantic's."""


def wrong(message: str, hint: str = "") -> PydanticCustomError:
    """An error for validators to raise; neither text may hold a secret."""
    return PydanticCustomError(MISTAKE, "{message}", {"message": message, "hint": hint})
