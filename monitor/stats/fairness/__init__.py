"""Group fairness: how a model treats the groups of a sensitive feature, each number with its interval."""

from collections.abc import Mapping
from types import MappingProxyType

from monitor.stats.fairness.measures import DifferenceOf, FairnessMeasure, ImpactRatio
from monitor.stats.fairness.outcomes import Rate

_SHIPPED: tuple[FairnessMeasure, ...] = (
    ImpactRatio(),
    DifferenceOf("demographic_parity_difference", Rate.SELECTION),
    DifferenceOf("tpr_difference", Rate.TRUE_POSITIVE),
    DifferenceOf("fpr_difference", Rate.FALSE_POSITIVE),
)

FAIRNESS_MEASURES: Mapping[str, FairnessMeasure] = MappingProxyType({measure.name: measure for measure in _SHIPPED})
"""The measures by name."""
