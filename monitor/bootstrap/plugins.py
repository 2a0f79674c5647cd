"""Finding plug-ins: the modules of our own packages, and what other packages offer by entry points."""

import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

from monitor.domain.errors import ConfigError
from monitor.stats import drift, performance, quality, row_tests, window_tests
from monitor.stats.performance.metric import PerformanceMetric
from monitor.stats.proposals import AnyTest

if TYPE_CHECKING:
    from monitor.adapters.formats.format import FormatKind
    from monitor.adapters.triggers.kind import TriggerKind

T = TypeVar("T")
DRIFT_TESTS, SOURCES, TRIGGERS = "driftline.drift_tests", "driftline.sources", "driftline.triggers"
FORMATS, WINDOW_TESTS = "driftline.formats", "driftline.window_tests"
ROW_TESTS = "driftline.row_tests"
"""Entry-point groups; channels (`driftline.channels`) are found by the alerts package itself."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Something that was found: its name, what it is, and where it came from."""

    name: str
    thing: object
    place: str


def drift_tests() -> dict[str, AnyTest]:
    """Every drift test by name, those of data quality, whole windows and raw rows too, with its default parameters."""
    ours = [
        *_classes(drift, _is_drift_test),
        *_classes(quality, _is_drift_test),
        *_classes(window_tests, _is_window_test),
        *_classes(row_tests, _is_row_test),
    ]
    offered = [offer for group in (DRIFT_TESTS, WINDOW_TESTS, ROW_TESTS) for offer in _offered(group)]
    return _built(one_each([*ours, *offered], "drift tests"))


def performance_metrics() -> dict[str, PerformanceMetric]:
    """Every performance metric by name."""
    return _built(one_each(_classes(performance, _is_metric), "performance metrics"))


def source_plugins() -> dict[str, Callable[[Mapping[str, object]], object]]:
    """Sources of other packages: a callable that takes the settings and returns a `Source`."""
    found = one_each(_offered(SOURCES), "sources")
    return {name: offer.thing for name, offer in found.items() if callable(offer.thing)}


def trigger_kinds() -> dict[str, "TriggerKind"]:
    """Every kind of retraining trigger by name."""
    from monitor.adapters import triggers  # noqa: PLC0415 - its libraries take longer than comparing two tables does
    from monitor.adapters.triggers.kind import TriggerKind  # noqa: PLC0415 - the same

    ours = [
        Offer(kind.name, kind, module.__name__)
        for module in modules_of(triggers)
        if isinstance(kind := getattr(module, "KIND", None), TriggerKind)
    ]
    found = one_each([*ours, *_offered(TRIGGERS)], "retraining triggers")
    return {name: offer.thing for name, offer in found.items() if isinstance(offer.thing, TriggerKind)}


def format_kinds() -> dict[str, "FormatKind"]:
    """Every format of inference logs by name."""
    from monitor.adapters import formats  # noqa: PLC0415 - as of triggers
    from monitor.adapters.formats.format import FormatKind  # noqa: PLC0415 - the same

    ours = [
        Offer(kind.name, kind, module.__name__)
        for module in modules_of(formats)
        if isinstance(kind := getattr(module, "KIND", None), FormatKind)
    ]
    found = one_each([*ours, *_offered(FORMATS)], "formats")
    return {name: offer.thing for name, offer in found.items() if isinstance(offer.thing, FormatKind)}


def one_each(offers: Iterable[Offer], what: str) -> dict[str, Offer]:
    """By name; ConfigError rather than let one hide another."""
    found: dict[str, Offer] = {}
    for offer in offers:
        if offer.name in found:
            places = f"{found[offer.name].place} and {offer.place}"
            raise ConfigError(f"two {what} are named {offer.name!r}: {places}", hint="uninstall one of them")
        found[offer.name] = offer
    return dict(sorted(found.items()))


def modules_of(package: ModuleType) -> Iterator[ModuleType]:
    """Every module of a package, imported."""
    for module in pkgutil.iter_modules(package.__path__):
        yield import_module(f"{package.__name__}.{module.name}")


def _classes(package: ModuleType, is_wanted: Callable[[type], bool]) -> Iterator[Offer]:
    for module in modules_of(package):
        for thing in vars(module).values():
            if isinstance(thing, type) and thing.__module__ == module.__name__ and is_wanted(thing):
                yield Offer(str(vars(thing)["name"]), thing, module.__name__)


def _offered(group: str) -> Iterator[Offer]:
    for point in entry_points(group=group):
        thing = point.load()
        yield Offer(str(getattr(thing, "name", point.name)), thing, point.value)


def _is_drift_test(thing: type) -> bool:
    return isinstance(vars(thing).get("name"), str) and hasattr(thing, "needs") and hasattr(thing, "run")


def _is_window_test(thing: type) -> bool:
    return isinstance(vars(thing).get("name"), str) and hasattr(thing, "run_window")


def _is_row_test(thing: type) -> bool:
    return isinstance(vars(thing).get("name"), str) and hasattr(thing, "run_rows")


def _is_metric(thing: type) -> bool:
    return isinstance(vars(thing).get("name"), str) and hasattr(thing, "tasks") and hasattr(thing, "run")


def _built(found: Mapping[str, Offer]) -> dict[str, T]:
    """Instances of the classes that were found; the type follows from what was asked for."""
    return {name: offer.thing() if isinstance(offer.thing, type) else offer.thing for name, offer in found.items()}  # type: ignore[misc] # by duck type
