"""The unit beside a number in messages, for tests whose numbers look like shares and are not: percent, and points."""

from collections.abc import Mapping
from types import MappingProxyType

from monitor.domain.findings import Finding

PERCENT, POINTS = "%", "percentage points"

UNITS: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("duplicates", "newly_missing", "out_of_range", "type_violations", "unseen_category"), PERCENT)
    | dict.fromkeys(
        ("duplicate_rows", "fisher_exact", "missing_pattern", "missing_rate", "proportion", "training_rows"), POINTS
    )
)
"""By the test's name. A finding's sentence has none: the page of its check has, and whoever reads mail has no page."""


def value_words(finding: Finding) -> str:
    """The check and its number, with the unit where it has one here; 0 stands for a number that is not known."""
    value = finding.result.statistic if finding.result else 0.0
    unit = UNITS.get(finding.check.test, "")
    return f"{finding.check.name} = {value:.4g}" + (f" {unit}" if unit else "")


def reason_words(finding: Finding) -> str:
    """The finding's sentence, with the unit of its number where it has one here."""
    if finding.result is None or finding.check.test not in UNITS:
        return finding.reason
    value = f"{finding.check.name} = {finding.result.statistic:.4g},"
    return finding.reason.replace(value, f"{value_words(finding)},", 1)
