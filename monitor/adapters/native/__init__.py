"""The compiled scanner, when there is one (docs/decisions/0017-native-decoder.md); all works without it, slower."""

import importlib
import os
from types import ModuleType

VARIABLE = "DRIFTLINE_DECODER"
"""Environment variable: with `safe` the compiled scanner is left alone."""

INTERFACE = 2
"""What this version of the program expects of the compiled module; one that was built for another is not used."""


def compiled_scanner() -> tuple[ModuleType | None, str]:
    """The compiled module, or None and why it is not used."""
    if os.environ.get(VARIABLE) == "safe":
        return None, f"{VARIABLE}=safe"
    try:
        module = importlib.import_module("monitor.adapters.native._scanner")
    except ImportError as error:
        return None, "not built (make native)" if isinstance(
            error, ModuleNotFoundError
        ) else f"cannot be loaded: {error}"
    if module.INTERFACE != INTERFACE:
        return None, f"built for interface {module.INTERFACE}, not {INTERFACE}: build it again (make native)"
    return module, ""
