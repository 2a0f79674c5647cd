"""Conformance kit of stores: what every database behind the store ports must promise.

Subclass `StoreConformance` as a pytest class and give it a `rig` fixture that makes an empty database.
"""

from monitor.testing.stores.accounts import AccountConformance
from monitor.testing.stores.alarms import AlarmConformance
from monitor.testing.stores.baselines import BaselineConformance
from monitor.testing.stores.evaluations import EvaluationConformance
from monitor.testing.stores.halves import HalvesConformance
from monitor.testing.stores.ingest import IngestConformance
from monitor.testing.stores.jobs import JobConformance
from monitor.testing.stores.rig import StoreRig, Stores
from monitor.testing.stores.windows import WindowConformance

__all__ = ["StoreConformance", "StoreRig", "Stores"]


class StoreConformance(
    IngestConformance,
    HalvesConformance,
    WindowConformance,
    AccountConformance,
    BaselineConformance,
    EvaluationConformance,
    AlarmConformance,
    JobConformance,
):
    """The promises of every store port, as tests."""
