"""What the baseline's own windows teach: the course of every score over day, week and year, and its noise."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from monitor.stats.calibration.components import Components, Kind
from monitor.stats.calibration.counts import Counts
from monitor.stats.calibration.noise import MOST_PRIOR_DF, moderated
from monitor.stats.calibration.season import DAY_MS, WEEK_MS, YEAR_MS, Season
from monitor.stats.calibration.usual import Expected, Usual
from monitor.stats.columns import Floats, Mask

LEAST_WINDOWS = 10
"""Fewer windows of a baseline cannot tell noise from chance: theory is used instead."""

SEASON_ALPHA = 1e-3
LEAST_EXPECTED = 20.0
"""Below so many missing values in a usual window their score is not normal, and counts are compared instead."""

LARGE = np.array([0.05, 0.2])
"""Shares on either side of these are of different kinds: what moves a large group hardly shows in a small one."""

ENOUGH_WINDOWS = 30
"""From so many windows on, noise is taken to be what it was found to be. Fewer cannot tell, either, whether the
variances of a kind are equal: the others then say less about each, by the square."""

_IN_DOUBT = 0.875
"""Noise beyond that of independent records counts as so many times 30 / windows - 1 more where it is learnt from fewer
than 30 windows. With 14 that is twice as much: one variance in thirteen is found to be less than half of what it is.
"""

SUMMED = (2, 4, 8)
"""Rare values are counted over so many windows together, the present one among them."""

_LEAST_OF_SPANS = 3
"""Fewer stretches of so many windows in a baseline do not tell how their sums vary."""

_LEAST_FOR_SERIAL = 20

_LOST_TO_EDGES = 6.0
"""Windows' worth of variance that counts beyond the ends of a range lose because the same windows have set the ends.

Measured on records with a serial correlation of 0.9: baselines of 14, 30 and 168 windows show 0.55, 0.8 and 1 times
what their later windows have.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """How the scores of a model's windows behave when nothing has changed.

    `windows` is the number of baseline windows that it rests on; 0: none, and records are taken to be independent.
    `course` (terms, components) is the expected score per square root of records, over the terms of the season's
    design; `certainty` (terms, terms) the covariance of its estimate in units of `variance`. `variance` (components,)
    is that of a score around its course, never below 1 (independent records), with `df` degrees of freedom. `serial` is
    the factor of the standard deviation of a sum of consecutive scores over that of independent ones.
    `rare_missing`, `rare_beyond` (columns,) are relative variances of counts between windows beyond Poisson's,
    `rare_of_sums` (spans, 2, columns) those of sums over the windows of `SUMMED`, of values beyond and of missing ones.
    `most_beyond` (columns,) is how many values beyond one of these windows had at most, `records` their number in all.
    """

    windows: int
    usual_records: float
    size_ms: int
    season: Season
    course: Floats
    certainty: Floats
    variance: Floats
    df: Floats
    serial: float
    rare_missing: Floats
    rare_beyond: Floats
    rare_of_sums: Floats
    most_beyond: Floats
    records: float

    @property
    def is_measured(self) -> bool:
        """Whether noise was measured; otherwise theory stands in for it."""
        return self.windows > 0

    @classmethod
    def by_theory(cls, components: Components, records: int, usual_records: float, size_ms: int) -> "Calibration":
        """For a baseline of so many records whose order in time is unknown: independent records, no season."""
        size, columns = len(components.column), len(components.grouping.columns)
        nothing, unity = np.zeros(columns), np.ones(size)
        course, certainty, surely = np.zeros((1, size)), np.array([[1 / records]]), np.full(size, np.inf)
        of_sums = np.zeros((len(SUMMED), 2, columns))
        known = (0, usual_records, size_ms, Season(), course, certainty, unity, surely, 1.0, nothing, nothing, of_sums)
        return cls(*known, nothing, float(records))

    @classmethod
    def measured(cls, components: Components, counts: Counts, middles_ms: Floats, size_ms: int) -> "Calibration":
        """From consecutive windows of the baseline, earliest first; at least `LEAST_WINDOWS` of them."""
        records = counts.records[:, 0]
        scores, root = components.scores(counts), np.sqrt(records)[:, np.newaxis]
        season = _season(scores, root, middles_ms, size_ms)
        design = season.design(middles_ms) * root
        course, df = _courses(design, scores)
        residual = scores - design @ course
        certainty = np.asarray(np.linalg.pinv(design.T @ design), np.float64)
        usual = float(np.median(records))
        most = MOST_PRIOR_DF * min(1.0, len(middles_ms) / ENOUGH_WINDOWS) ** 2
        variance, moderate_df = _noise(components, (residual**2).sum(axis=0) / df, df, usual, most)
        variance = 1 + (variance - 1) * in_doubt(len(middles_ms))
        serial = _serial(residual, middles_ms, size_ms)
        missing = _dispersion(counts.missing, records)
        beyond = _dispersion_beyond(components, counts, variance, usual)
        return cls(
            len(middles_ms),
            usual,
            size_ms,
            season,
            course,
            certainty,
            variance,
            moderate_df,
            serial,
            missing,
            beyond,
            _dispersions_of_sums(counts, beyond, missing, serial),
            counts.beyond.max(axis=0).astype(np.float64),
            float(records.sum()),
        )

    @property
    def own_part(self) -> float:
        """Of what windows vary by, what their mean over the baseline varies by: the part of one usual window in it."""
        return min(self.usual_records / self.records, 1.0)

    @property
    def seasonal(self) -> Mask:
        """Which components have a season."""
        found: Mask = (self.course[1:] != 0).any(axis=0)
        return found

    def usual(self) -> Usual:
        """What is usual at any time."""
        records = np.array([self.usual_records]), np.array([self.records])
        return Usual.of(self.seasonal, self.variance, self.df, *records)

    def expected(self, middles_ms: Floats) -> Expected:
        """What is expected of windows with these middles."""
        if not self.season.harmonics:
            return Expected(self.course, self.certainty)
        design = self.season.design(middles_ms)
        error = np.einsum("wt,ts,ws->w", design, self.certainty, design)
        return Expected(design @ self.course, error[:, np.newaxis])


def _season(scores: Floats, root: Floats, middles_ms: Floats, size_ms: int) -> Season:
    """The periods that are covered and significant in any component, beside those found before.

    A strong period is noise to the others until it is found: those that were not are looked at again.
    """
    season, left = Season(), [DAY_MS, WEEK_MS, YEAR_MS]
    found = True
    while found:
        found = False
        for period in tuple(left):
            wider = season.with_period(period, middles_ms, size_ms)
            if wider == season:
                continue
            p = _p_values(season.design(middles_ms) * root, wider.design(middles_ms) * root, scores)
            if p.min() * len(p) < SEASON_ALPHA:
                season, found = wider, True
                left.remove(period)
    return season


def _courses(design: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """Coefficients and degrees of freedom of every component: all terms where the season is significant."""
    windows, terms = design.shape
    course = np.zeros((terms, scores.shape[1]))
    course[0] = _fitted(design[:, :1], scores)[0]
    seasonal = np.zeros(scores.shape[1], np.bool_)
    if terms > 1:
        seasonal = _p_values(design[:, :1], design, scores) < SEASON_ALPHA
        course[:, seasonal] = _fitted(design, scores)[:, seasonal]
    return course, np.where(seasonal, windows - terms, windows - 1.0)


def _p_values(narrow: Floats, wide: Floats, scores: Floats) -> Floats:
    """Of the F test, for every component, that the terms which `wide` has beyond `narrow` are nothing."""
    left, right = (((scores - design @ _fitted(design, scores)) ** 2).sum(axis=0) for design in (narrow, wide))
    more, rest = wide.shape[1] - narrow.shape[1], len(scores) - wide.shape[1]
    ratio = (left - right) / more / np.maximum(right / rest, 1e-12)
    found: Floats = special.fdtrc(more, rest, np.maximum(ratio, 0.0))
    return found


def _fitted(design: Floats, scores: Floats) -> Floats:
    return np.asarray(np.linalg.lstsq(design, scores, rcond=None)[0], np.float64)


def _noise(
    components: Components, variance: Floats, df: Floats, usual: float, most_prior_df: float
) -> tuple[Floats, Floats]:
    """Moderated variances, at least 1; the few missing values of a column are not normal and keep theory's."""
    is_normal = ~components.is_missing
    is_normal[components.is_missing] = components.missing_share * usual >= LEAST_EXPECTED
    found, total = np.ones(len(variance)), np.full(len(variance), np.inf)
    kind = components.kind + len(Kind) * (components.kind == Kind.SHARE) * np.digitize(1 - components.weight, LARGE)
    found[is_normal], total[is_normal] = moderated(variance[is_normal], df[is_normal], kind[is_normal], most_prior_df)
    return np.maximum(found, 1.0), total


def in_doubt(windows: int) -> float:
    """How many times what so few windows show the noise of dependence counts; 1 from 30 on."""
    return 1 + _IN_DOUBT * max(0.0, ENOUGH_WINDOWS / windows - 1)


def _serial(residual: Floats, middles_ms: Floats, size_ms: int) -> float:
    """How much a long sum of consecutive scores varies more than if they were independent (at least 1)."""
    next_to = np.flatnonzero(np.diff(middles_ms) == size_ms)
    if len(next_to) < _LEAST_FOR_SERIAL:
        return 1.0
    before, after = residual[next_to], residual[next_to + 1]
    of_each = (before * after).sum(axis=0) / np.maximum((residual**2).sum(axis=0) * len(next_to) / len(residual), 1e-9)
    correlation = float(of_each.mean()) + 1 / len(residual)  # subtracting the mean pulls it below zero by that
    if correlation < 3 / np.sqrt(of_each.size * len(next_to)):
        return 1.0
    return float(np.sqrt((1 + correlation) / max(1e-3, 1 - correlation)))


def _dispersion(hits: Floats, records: Floats, lost: float = 1.0) -> Floats:
    """Relative variance of counts between windows beyond Poisson's; that of all columns together is the least.

    A column without any hit has that, too: whole numbers whose last value is the end of the range cluster as others do
    once there is one beyond. So many degrees of freedom are `lost` to what the windows themselves have set.
    """
    expected = hits.sum(axis=0) / records.sum() * records[:, np.newaxis]
    unbiased = len(hits) / (len(hits) - lost)
    beyond = ((hits - expected) ** 2 * unbiased - expected).sum(axis=0)
    square = (expected**2).sum(axis=0)
    together = max(0.0, float(beyond.sum() / max(square.sum(), 1e-9)))
    found: Floats = np.maximum(beyond / np.maximum(square, 1e-9), together)
    return found


def _dispersion_beyond(components: Components, counts: Counts, variance: Floats, usual: float) -> Floats:
    """The same of values beyond; never seen categories, which a baseline cannot show, cluster as the others do.

    Rare ones, which it shows, may cluster more.
    """
    shown = _dispersion(counts.beyond, counts.records[:, 0], _LOST_TO_EDGES)
    like_others = (inflation(components, variance) - 1) / (components.beyond_share * usual)
    of_rare = np.where(counts.beyond.any(axis=0), shown, 0.0)
    return np.where(components.grouping.is_numeric, shown, np.maximum(like_others, of_rare))


def inflation(components: Components, variance: Floats) -> Floats:
    """By how much the scores of each column vary more than those of independent records, at the most; (columns,)."""
    (members,) = components.members
    found: Floats = (members * variance[: len(members), np.newaxis]).max(axis=0, initial=1.0)
    return found


def _dispersions_of_sums(counts: Counts, beyond: Floats, missing: Floats, serial: float) -> Floats:
    """The same of sums over the windows of `SUMMED`: what their own sums show, where there are enough of them.

    At the least it is what independent windows would have, whose relative variances are these: rates that wander, or
    that have a season, add up to more. A variance that so many windows tell is taken to be one standard error larger:
    sums have less of Poisson's own variance to hide in.
    """
    hits, records = np.stack((counts.beyond, counts.missing), axis=1), counts.records[:, 0]
    found: Floats = np.stack([np.stack((beyond, missing)) * serial**2 / span for span in SUMMED])
    for place, span in enumerate(SUMMED):
        if len(records) >= _LEAST_OF_SPANS * span:
            of_span, n = _summed(hits.reshape(len(hits), -1), span), _summed(records[:, np.newaxis], span)[:, 0]
            shown = _dispersion(of_span, n, lost=0.0).reshape(hits.shape[1:])
            found[place] = np.maximum(found[place], shown / (1 - span / len(records)))
    found *= 1 + np.sqrt(2 / len(records))
    return found


def _summed(values: Floats, span: int) -> Floats:
    """Sums over all stretches of so many windows, the first axis."""
    total = np.concatenate((np.zeros((1, values.shape[1])), values.cumsum(axis=0)))
    found: Floats = total[span:] - total[:-span]
    return found
