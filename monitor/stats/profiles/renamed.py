"""Which columns that the baseline does not know may be columns of it under another name: a guess."""

import hashlib
import math
from collections.abc import Mapping

import numpy as np
from scipy import special

from monitor.stats.columns import CategoricalColumn, NumericColumn
from monitor.stats.homogeneity import pearson
from monitor.stats.profiles.categorical import CategoricalProfile
from monitor.stats.profiles.comparable import categorical_groups
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.numeric import NumericProfile
from monitor.stats.profiles.unseen import UnseenSample

CONCEALED = "#"
"""Stands before the digest of a text."""

LEAST_VALUES = 10
"""Of fewer sampled values no distribution is told."""

_LIKELY = 0.01
"""A p-value below this says that two samples are not of one distribution."""


def concealed(value: str) -> str:
    """A text by 16 hexadecimal digits of its digest: equal texts are recognised, and none can be read."""
    return CONCEALED + hashlib.blake2b(value.encode("utf-8", "replace"), digest_size=8).hexdigest()


def renamed(lost: Mapping[str, Profile], extra: Mapping[str, UnseenSample]) -> dict[str, str]:
    """Lost column to the extra one that is distributed most alike; each extra column is given once, the best first.

    Where a column's distribution does not tell (a constant is like any constant), it is not guessed at.
    """
    likely = [
        (p_value, name, other)
        for name, profile in lost.items()
        for other, sample in extra.items()
        if (p_value := _likeness(profile, sample)) >= _LIKELY
    ]
    guesses: dict[str, str] = {}
    for _, name, other in sorted(likely, key=lambda one: (-one[0], one[1:])):
        if name not in guesses and other not in guesses.values():
            guesses[name] = other
    return guesses


def _likeness(profile: Profile, sample: UnseenSample) -> float:
    """P-value, 0 to 1, of the hypothesis that the sampled values are of the profile's distribution."""
    values = [value for value, n in sample.items() for _ in range(min(n, 1_000))]
    if len(values) < LEAST_VALUES or not profile.n_values:
        return 0.0
    if isinstance(profile, NumericProfile):
        return _of_numbers(profile, values)
    known = {concealed(name): name for name in profile.layout.categories}
    window = CategoricalProfile.empty(profile.layout)
    window.update(CategoricalColumn([known.get(value, value) for value in values]))
    if window.unseen > 0.1 * len(values) or not len(profile.layout.categories) > 1:
        return 0.0
    return pearson(categorical_groups(profile, window), profile.n_values, window.n_values)[2]


def _of_numbers(profile: NumericProfile, values: list[str]) -> float:
    if profile.min >= profile.max:
        return 0.0
    try:
        numbers = np.array([float(value) for value in values])
    except ValueError:
        return 0.0
    window = NumericProfile.empty(profile.layout)
    window.update(NumericColumn(numbers))
    n, m = profile.n_values, window.n_values
    if not m:
        return 0.0
    gap = profile.binned().cumsum() / n - window.binned().cumsum() / m
    return float(special.kolmogorov(float(np.abs(gap).max()) * math.sqrt(n * m / (n + m))))
