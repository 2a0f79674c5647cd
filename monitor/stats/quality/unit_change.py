"""The same quantity in another unit: recognised from the distribution, said in words."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.columns import Floats
from monitor.stats.drift_test import SAYS, nothing_to_compare
from monitor.stats.profiles.comparable import pair
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.numeric import NumericLayout, NumericProfile


@dataclass(frozen=True, slots=True)
class Conversion:
    """Values become `factor` x value + `offset`; `guess` says of what that is typical."""

    factor: float
    offset: float
    guess: str

    def of(self, values: Floats | float) -> Floats:
        """The values in the other unit."""
        return np.asarray(values) * self.factor + self.offset

    @property
    def formula(self) -> str:
        """For people: x1000, /1000, x1.8 + 32."""
        if self.offset:
            return f"x{self.factor:.4g} {'+' if self.offset > 0 else '-'} {abs(self.offset):.4g}"
        if self.factor == -1:
            return "the sign turned"
        return f"x{self.factor:.4g}" if self.factor >= 1 else f"/{1 / self.factor:.4g}"


_UNITS = (
    (1e3, "metres instead of kilometres", "kilometres instead of metres"),
    (100.0, "percent instead of shares", "shares instead of percent"),
    (10.0, "millimetres instead of centimetres", "centimetres instead of millimetres"),
    (1e6, "microseconds instead of seconds", "seconds instead of microseconds"),
    (60.0, "seconds instead of minutes", "minutes instead of seconds"),
    (3_600.0, "seconds instead of hours", "hours instead of seconds"),
    (24.0, "hours instead of days", "days instead of hours"),
    (1.609344, "kilometres instead of miles", "miles instead of kilometres"),
    (2.2046226, "pounds instead of kilograms", "kilograms instead of pounds"),
    (2.54, "centimetres instead of inches", "inches instead of centimetres"),
    (3.2808399, "feet instead of metres", "metres instead of feet"),
)

CONVERSIONS: tuple[Conversion, ...] = (
    *(Conversion(factor, 0.0, up) for factor, up, _ in _UNITS),
    *(Conversion(1 / factor, 0.0, down) for factor, _, down in _UNITS),
    Conversion(1.8, 32.0, "degrees Fahrenheit instead of Celsius"),
    Conversion(1 / 1.8, -32 / 1.8, "degrees Celsius instead of Fahrenheit"),
    Conversion(1.0, 273.15, "kelvins instead of degrees Celsius"),
    Conversion(1.0, -273.15, "degrees Celsius instead of kelvins"),
    Conversion(-1.0, 0.0, "the opposite sign"),
)
"""What producers of features confuse."""

_LEAST = 0.25
"""Distributions that are nearer than this are not taken for two units."""

_SCREEN = 0.15
"""The same of the deciles alone, between which the distance can be a tenth larger: most columns are done with it."""

_NEAR = 0.03
"""So far from the baseline a converted distribution may be, beyond the chance of both samples."""

_OF_TAIL = 10
"""So many of the outermost values tell of a tail: at most one sample in 20,000 has none of them."""

_TAIL_GOES_ON = 3.0
"""Beyond the largest of n values, so many times its distance to the tenth largest: of a Pareto law with an index of 2,
which is as heavy as the tail of a column is, nine samples in ten keep to it, of lighter ones more."""

_TINY = 1e-300

_ALIKE = 0.06
"""Conversions that explain the window nearly as well as the best one are named beside it."""


@dataclass(frozen=True, slots=True)
class UnitChange:
    """How much better another unit explains the window than the baseline itself does: 0 (not at all) to 1.

    D - D', where D is the largest distance of the two distribution functions (Kolmogorov 1933) and D' the same after
    the baseline was converted: by 10, 60, 100, 1000 and so on, from degrees Celsius to Fahrenheit, from miles to
    kilometres, and back. A conversion counts only if nothing of the change is left beyond chance (D' at most 0.03 and
    its sampling error) and the smallest and largest value are where it may put them; otherwise the statistic is 0, and
    the change is something else. Unit: none (a difference of probabilities). The p-value is that of D. The default
    threshold asks for 0.3 *and* p <= 0.001. `low` and `high` bound the statistic of the raw values: 0, for these may
    not bear the conversion out, and the largest D that the bins allow. The unit that is named is a guess: only the
    numbers are known. Use it for every numeric column, beside `psi`, which sees the change and cannot say what it is.
    """

    name: ClassVar[str] = "unit_change"
    title: ClassVar[str] = "Change of unit"
    unit: ClassVar[str] = "difference of probabilities (0 to 1)"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 1.0
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.BINS, Aspect.RANGE})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.3, alpha=0.001)

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Look for a conversion; infinities are the largest and smallest values."""
        first, second = pair(NumericProfile, baseline, current)
        n_baseline, n_current = first.n_values, second.n_values
        if not n_baseline or not n_current:
            return nothing_to_compare(n_baseline, n_current)
        if second.min > second.max or first.min > first.max or _coarsely(first, second) < _SCREEN:
            return TestResult(0.0, 1.0, n_baseline, n_current)
        below = _below(first), _below(second)
        changed = float(np.abs(below[0] - below[1]).max(initial=0.0))
        if changed < _LEAST:
            return TestResult(0.0, 1.0, n_baseline, n_current, detail={"distance": changed})
        with np.errstate(all="ignore"):  # converted, the largest floats are infinite
            found = sorted(_explanations(first, second, below), key=lambda one: one[0])
        detail: dict[str, object] = {"distance": changed}
        if not found or changed <= found[0][1]:
            return TestResult(0.0, 1.0, n_baseline, n_current, detail=detail)
        score, distance, best = found[0]
        others = [one.formula for near, _, one in found[1:] if near <= score + _ALIKE]
        detail |= {"formula": best.formula, "guess": best.guess, "alternatives": others}
        detail[SAYS] = f"looks like {best.guess}: {best.formula}" + (f" (or {', '.join(others)})" if others else "")
        p_value = float(special.kolmogorov(changed * math.sqrt(n_baseline * n_current / (n_baseline + n_current))))
        statistic, high = changed - distance, _farthest(*below)
        return TestResult(statistic, min(1.0, p_value), n_baseline, n_current, 0.0, high, detail)


def _coarsely(baseline: NumericProfile, current: NumericProfile) -> float:
    gap = baseline.coarse().cumsum() / baseline.n_values - current.coarse().cumsum() / current.n_values
    return float(np.abs(gap).max())


def _below(profile: NumericProfile) -> Floats:
    """The share of values below each edge."""
    counts = profile.binned()
    return counts[:-1].cumsum() / max(1, int(counts.sum()))


def _farthest(baseline: Floats, current: Floats) -> float:
    """The largest distance that the raw distribution functions can have, wherever in their bins the values lie."""
    first, second = (np.concatenate(([0.0], below, [1.0])) for below in (baseline, current))
    return float(np.maximum(first[1:] - second[:-1], second[1:] - first[:-1]).max())


def _explanations(
    baseline: NumericProfile, current: NumericProfile, below: tuple[Floats, Floats]
) -> Iterator[tuple[float, float, Conversion]]:
    """Conversions that leave nothing to explain: how good, the distance that is left, which."""
    n, law = current.n_values, _Law.of(baseline, below[0])
    near = _NEAR + 1.63 * math.sqrt(1 / baseline.n_values + 1 / n)  # beyond which 1 % of equal samples are
    typical = law.span(1 / n)
    outer, inner = law.reach(baseline.n_values, n), law.quantiles(min(0.5, _OF_TAIL / n))
    for conversion in CONVERSIONS:
        if not _may_hold(np.sort(conversion.of(outer)), np.sort(conversion.of(inner)), current):
            continue
        distance = float(np.abs(law.below(baseline.layout, conversion) - below[1]).max())
        if distance <= near:
            span = max(abs(conversion.factor) * typical, _TINY)
            wider = abs(math.log(max((current.max - current.min) / span, _TINY)))
            yield distance + 0.1 * min(1.0, wider), distance, conversion


def _may_hold(outer: Floats, inner: Floats, current: NumericProfile) -> bool:
    """Whether the extremes lie as far out as converted ones of the baseline do, and no further than they may."""
    return bool(outer[0] <= current.min <= inner[0] and inner[1] <= current.max <= outer[1])


@dataclass(frozen=True, slots=True, eq=False)
class _Law:
    """The baseline's distribution function: a share of `shares` lies below each of `places`, straight in between."""

    places: Floats
    shares: Floats

    @classmethod
    def of(cls, baseline: NumericProfile, below: Floats) -> "_Law":
        places = np.concatenate(([baseline.min], baseline.layout.edges, [baseline.max]))
        shares = np.concatenate(([0.0], below, [1.0]))
        order = places.argsort(kind="stable")
        return cls(places[order], np.maximum.accumulate(shares[order]))

    def quantiles(self, tail: float) -> Floats:
        """Where the outer shares of this size begin, at both ends."""
        return np.interp([tail, 1 - tail], self.shares, self.places)

    def reach(self, n: int, n_current: int) -> Floats:
        """How far the extremes of another sample may lie, where this law is known from n values.

        Those of two samples of a heavy tail differ by more than a part of the range: the next largest values, down to
        the tenth, say how far it goes on. In the square root of the samples' sizes it does where the variance is
        infinite, which is as heavy as columns are; elsewhere that is more than is needed.
        """
        ends, inside = self.places[[0, -1]], self.quantiles(min(0.5, _OF_TAIL / n))
        beyond = _TAIL_GOES_ON * math.sqrt(max(1.0, n_current / n)) * np.abs(ends - inside)
        slack = np.maximum(0.1 * (ends[1] - ends[0]), beyond)
        found: Floats = ends + np.array([-1.0, 1.0]) * slack
        return found

    def span(self, tail: float) -> float:
        """The distance of these."""
        low, high = self.quantiles(tail).tolist()
        return float(high - low)

    def at(self, values: Floats) -> Floats:
        """The share below each value; `numpy.interp` divides by the width of a bin, which may be a subnormal float."""
        upper = np.clip(self.places.searchsorted(values, side="right"), 1, len(self.places) - 1)
        left, right = self.places[upper - 1], self.places[upper]
        inside = np.nan_to_num((values - left) / (right - left), nan=0.0, posinf=1.0, neginf=0.0)
        found: Floats = self.shares[upper - 1] + np.clip(inside, 0.0, 1.0) * (
            self.shares[upper] - self.shares[upper - 1]
        )
        return np.where(values > self.places[-1], 1.0, np.where(values <= self.places[0], 0.0, found))

    def below(self, layout: NumericLayout, conversion: Conversion) -> Floats:
        """The share of converted values below each edge; the bin of an atom ends with the converted atom, included."""
        ends_atom = layout.atoms[:-1]
        edges = np.where(ends_atom, np.concatenate((layout.edges[:1], layout.edges[:-1])), layout.edges)
        origins = (edges - conversion.offset) / conversion.factor
        beyond = np.nextafter(origins, math.inf)
        if conversion.factor > 0:
            return self.at(np.where(ends_atom, beyond, origins))
        return 1.0 - self.at(np.where(ends_atom, origins, beyond))
