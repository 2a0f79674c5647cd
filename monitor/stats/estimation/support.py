"""Inputs that training never saw: of them neither scores nor a model of errors tell anything."""

from collections.abc import Iterable, Mapping

from monitor.stats.profiles.categorical import CategoricalProfile
from monitor.stats.profiles.layouts import Profile

MOST_UNKNOWN = 0.2
"""Beyond this share of values that nothing was learned from (in one column), the rest does not speak for the window."""


def beyond_training(names: Iterable[str], training: Mapping[str, Profile], current: Mapping[str, Profile]) -> str:
    """Which column leaves what was learned from, in words; empty when none does."""
    for name in names:
        more = _unknown(current[name]) - _unknown(training[name])
        if more > MOST_UNKNOWN:
            strange = "missing, unseen or outside their usual range"
            return f"{more:.0%} of the values of {name} are {strange}, beyond those in training"
    return ""


def _unknown(profile: Profile) -> float:
    """Share of records whose value is missing, unseen, or outside the usual range of the training data."""
    if not profile.n:
        return 0.0
    strange = profile.unseen if isinstance(profile, CategoricalProfile) else profile.outside()
    return (profile.n - profile.n_values + strange) / profile.n
