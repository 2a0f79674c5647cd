"""The libraries that define the scores of generated text: an extra, for not every installation judges text."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from monitor.domain.errors import MonitorError

EXTRA = "driftline[text]"


def lacks(library: str) -> str:
    """What to install when the library is missing, empty when it is there."""
    return "" if find_spec(library) else f"{library} is not installed: pip install '{EXTRA}'"


def required(library: str, module: str) -> ModuleType:
    """The module of a library; MonitorError says how to get it when it is missing."""
    missing = lacks(library)
    if missing:
        raise MonitorError(missing)
    return import_module(module)
