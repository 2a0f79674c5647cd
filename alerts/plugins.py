"""Find the kinds of channel: one module each in `alerts.channels`, and what other packages offer."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from importlib.metadata import entry_points

from alerts import channels
from alerts.errors import AlertsError
from alerts.ports import ChannelKind

ENTRY_POINT_GROUP = "driftline.channels"


class PluginConflict(AlertsError):
    """Two kinds of channel have one name, or what calls itself a kind is none."""


def discover() -> dict[str, ChannelKind]:
    """Every kind of channel by name; raises PluginConflict rather than let one hide another."""
    found: dict[str, ChannelKind] = {}
    places: dict[str, str] = {}
    for place, kind in _offered():
        if not isinstance(kind, ChannelKind):
            msg = f"{place} is not a ChannelKind; see alerts.ports.ChannelKind"
            raise PluginConflict(msg)
        if kind.name in found:
            msg = f"two kinds of channel are named {kind.name!r}: {places[kind.name]} and {place}; uninstall one"
            raise PluginConflict(msg)
        found[kind.name] = kind
        places[kind.name] = place
    return dict(sorted(found.items()))


def _offered() -> list[tuple[str, object]]:
    names = [f"{channels.__name__}.{module.name}" for module in pkgutil.iter_modules(channels.__path__)]
    ours: list[tuple[str, object]] = [(name, getattr(import_module(name), "KIND", None)) for name in names]
    theirs = [(point.value, point.load()) for point in entry_points(group=ENTRY_POINT_GROUP)]
    return ours + theirs
