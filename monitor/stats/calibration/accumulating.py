"""The sequential test: small evidence added up over windows until it is more than chance lets it become.

For every component, both directions and three sizes of change, a Shiryaev-Roberts statistic R = (1 + R) e, where e is
the likelihood ratio of the change (an e-value: Shin, Ramdas & Rinaldo 2024). It speaks for its column when R passes a
threshold whose mean run length is known; the rates of all of them add up to the detector's share of the budget.
Part of it is spent on the shares of categories over the last few windows, all groups of a column together (`pooled`),
and on what is too rare for a score, counted over the last windows (`rare_sums`).
"""

import base64
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate, pairwise

import numpy as np

from monitor.stats.calibration.calibration import LEAST_EXPECTED, Calibration
from monitor.stats.calibration.components import Components, Kind
from monitor.stats.calibration.counts import offsets, shifted
from monitor.stats.calibration.deviations import Deviations
from monitor.stats.calibration.pooled import EARLIER, log_rarity
from monitor.stats.calibration.rare_sums import RareCounts, RareSums
from monitor.stats.calibration.run_length import log_threshold
from monitor.stats.columns import Floats, Ints, Mask

BETS = np.array([0.7, 1.5, 3.0])
"""Sizes of change that are looked for, in standard deviations of one window's score."""

NEGLIGIBLE = 0.02
"""Shifts of so many standard deviations are never added up, however many windows have them."""

OWN_ERROR = 2.0
"""Standard errors of the baseline itself that are never added up."""

_WEIGHTS = {Kind.LOCATION: 4.0, Kind.SCALE: 2.0, Kind.SKEW: 1.0, Kind.TAILS: 1.0, Kind.MISSING: 2.0}
_SHARES_TOGETHER, _POOLED = 3.0, 5.0
"""Of a categorical column: its groups one by one, and all of them over the last windows."""

_RARE_NUMERIC, _RARE_CATEGORICAL, _RARE_MISSING = 0.5, 1.0, 0.5
"""Of values beyond, and of missing ones, where they are rare."""

_STEP = 64.0
"""States are kept in steps of 1/64 of log R, so that they are small and exactly repeatable."""

_LEAST, _BEYOND = -40.0, 2.0

_OFFSET, _HIGHEST = round(-_LEAST * _STEP), 2**13
"""States lie between these steps: none is above a threshold by more than `_BEYOND`, and no threshold is at e^126."""

_ONE_MORE = np.logaddexp(0.0, np.arange(-_OFFSET, _HIGHEST + 1) / _STEP)
_GROWN = np.exp(_ONE_MORE)
"""log(1 + R) and 1 + R of every state; looked up, as logarithms would be most of a step's work."""

_FARTHEST, _NONE = 200.0, -32_768


@dataclass(frozen=True, slots=True, eq=False)
class Accumulated:
    """Where the detector stands after the windows up to `until_ms`: the whole of its memory.

    `levels` (entries, 2, bets) are log R in steps; `climb` (columns,) the evidence since `since_ms` (columns,), the
    start of the window where the present rise of the column began. `recent` (windows, shares) are the latest scores of
    categories, newest first, in steps (`_NONE`: there was no such window), `rarity` (columns,) -log p of their sum.
    `rare` is what was counted of rare values.
    """

    until_ms: int
    levels: Ints
    climb: Ints
    since_ms: Ints
    recent: Ints
    rarity: Ints
    rare: RareCounts

    def to_text(self) -> str:
        """The state as printable text; equal states give equal texts. Not compressed: that costs more than it saves."""
        small = (self.levels, self.climb, self.recent, self.rarity)
        parts = (*(part.astype("<i2") for part in small), self.since_ms.astype("<i8"))
        data = b"".join((*(part.tobytes() for part in parts), self.rare.to_bytes()))
        return f"{self.until_ms}:{base64.b64encode(zlib.compress(data, 0)).decode()}"

    @classmethod
    def joined(cls, parts: "Sequence[Accumulated]") -> "Accumulated":
        """The states of several detectors as one, up to the latest of them."""
        return cls(
            max(part.until_ms for part in parts),
            np.concatenate([part.levels for part in parts]),
            np.concatenate([part.climb for part in parts]),
            np.concatenate([part.since_ms for part in parts]),
            np.concatenate([part.recent for part in parts], axis=1),
            np.concatenate([part.rarity for part in parts]),
            RareCounts.joined([part.rare for part in parts]),
        )

    def like(self, parts: "Sequence[Accumulated]", until_ms: Sequence[int]) -> "Iterator[Accumulated]":
        """Those that were joined, each up to its own time; `parts` are as large."""
        sizes = zip(*(_sizes(part) for part in parts), strict=True)
        bounds = (pairwise(accumulate(of_kind, initial=0)) for of_kind in sizes)
        places = [[slice(*one) for one in of_kind] for of_kind in bounds]
        counted = self.rare.apart(places[1])
        for until, entries, columns, shares, rare in zip(until_ms, *places, counted, strict=True):
            climb, since, rarity = self.climb[columns], self.since_ms[columns], self.rarity[columns]
            yield Accumulated(until, self.levels[entries], climb, since, self.recent[:, shares], rarity, rare)


def _sizes(state: Accumulated) -> tuple[int, int, int]:
    return len(state.levels), len(state.climb), state.recent.shape[1]


@dataclass(frozen=True, slots=True, eq=False)
class Accumulation:
    """The detector of one model: what it looks at, and when it speaks.

    `entries` (entries,) are indices of components, `margin` what is taken off their scores, `threshold` (entries,
    bets) log R at which they speak, `weight` (entries,) their shares of their column's error. `serial` (entries,) is by
    what standard deviations of sums of consecutive scores are larger, `serial_square` (shares,) the same of variances.
    `least_rarity` (columns,) is the rarity at which the last windows' shares speak, `least_of_rare` (2, columns) that
    of what is rare.
    """

    column: Ints
    entries: Ints
    margin: Floats
    threshold: Floats
    weight: Floats
    serial: Floats
    serial_square: Floats
    columns: int
    components: Components
    least_rarity: Floats
    rare_sums: RareSums
    least_of_rare: Floats

    @classmethod
    def of(
        cls, components: Components, calibration: Calibration, false_alarms: float, shares: Floats
    ) -> "Accumulation":
        """The detector that raises so many false alarms a window, or fewer, each column its share (columns,) of them.

        Columns whose share is 0 are not watched.
        """
        of_entries = _weights(components) * _is_watched(components, calibration)
        entries = np.flatnonzero((of_entries > 0) & (shares[components.column] > 0))
        columns, rare_sums = len(components.grouping.columns), RareSums.of(components, calibration)
        weight = of_entries[entries]
        pooled, rare = _POOLED * (_groups(components) > 1), _of_rare(components, rare_sums)
        total = np.bincount(components.column[entries], weight, columns) + pooled + rare.sum(axis=0)
        weight /= total[components.column[entries]]
        margin = _margins(calibration)[entries]
        rate = false_alarms * shares[components.column[entries]] * weight / (2 * len(BETS))
        error, lengths = _own_error(calibration), np.round(-np.log(rate), 2)
        threshold = np.array(
            [
                [log_threshold(bet, low, error, length) for bet in BETS.tolist()]
                for low, length in zip(margin.tolist(), lengths.tolist(), strict=True)
            ]
        ).reshape(-1, len(BETS))
        least_rarity, least_of_rare = (
            -np.log(np.maximum(false_alarms * shares * part / np.maximum(total, 1e-9), 1e-300))
            for part in (pooled, rare)
        )
        column, serial = components.column[entries], np.full(len(entries), calibration.serial)
        square = np.full(components.shares, calibration.serial**2)
        known = (column, entries, margin, threshold, weight, serial, square, columns, components, least_rarity)
        return cls(*known, rare_sums, least_of_rare)

    @classmethod
    def joined(cls, parts: "Sequence[Accumulation]", components: Components, places: Sequence[Ints]) -> "Accumulation":
        """The detectors of several models, whose components lie at these `places` among all of them."""
        columns = [part.columns for part in parts]
        return cls(
            shifted([part.column for part in parts], offsets(columns)),
            np.concatenate([place[part.entries] for part, place in zip(parts, places, strict=True)]),
            np.concatenate([part.margin for part in parts]),
            np.concatenate([part.threshold for part in parts]),
            np.concatenate([part.weight for part in parts]),
            np.concatenate([part.serial for part in parts]),
            np.concatenate([part.serial_square for part in parts]),
            sum(columns),
            components,
            np.concatenate([part.least_rarity for part in parts]),
            RareSums.joined([part.rare_sums for part in parts]),
            np.concatenate([part.least_of_rare for part in parts], axis=1),
        )

    def start(self, at_ms: int) -> Accumulated:
        """Nothing was seen yet."""
        levels = np.full((len(self.entries), 2, len(BETS)), round(_LEAST * _STEP))
        nothing = np.zeros(self.columns, np.int64)
        recent = np.full((EARLIER, self.components.shares), _NONE)
        rare = RareCounts.nothing(self.columns)
        return Accumulated(at_ms, levels, nothing, np.full(self.columns, at_ms), recent, nothing, rare)

    def restored(self, text: str) -> Accumulated:
        """The state that `to_text` wrote; ValueError when it is of another detector.

        One from before rare values were counted goes on with none.
        """
        until, _, body = text.partition(":")
        data = zlib.decompress(base64.b64decode(body))
        shares = self.components.shares
        small = (6 * len(self.entries), self.columns, EARLIER * shares, self.columns)
        size = 2 * sum(small) + 8 * self.columns
        if len(data) not in {size, size + RareCounts.size_bytes(self.columns)}:
            raise ValueError("the state belongs to a detector of other columns")
        words = np.frombuffer(data[: 2 * sum(small)], "<i2").astype(np.int64)
        levels, climb, recent, rarity = np.split(words, np.cumsum(small)[:-1])
        since = np.frombuffer(data[2 * sum(small) : size], "<i8").astype(np.int64)
        rare = (
            RareCounts.from_bytes(data[size:], self.columns) if len(data) > size else RareCounts.nothing(self.columns)
        )
        levels, recent = levels.reshape(-1, 2, len(BETS)), recent.reshape(EARLIER, shares)
        return Accumulated(int(until), levels, climb, since, recent, rarity, rare)

    def advance(self, state: Accumulated, found: Deviations, start_ms: Ints, end_ms: int) -> Accumulated:
        """Add one window, given as the only one of `found`; `start_ms` (columns,) is where it begins."""
        places = np.clip(state.levels, -_OFFSET, _HIGHEST) + _OFFSET
        after = _ONE_MORE[places] + self._log_evidence(found)
        spoke = speaks(self.strength(state))  # what has not stopped does not begin anew
        climb, since = self._climbs(state, _GROWN[places], np.exp(after), np.where(spoke, state.since_ms, start_ms))
        kept = np.clip(after, _LEAST, self.threshold[:, np.newaxis, :] + _BEYOND)
        earlier = np.where(state.recent == _NONE, np.nan, state.recent / _STEP)
        rarity = log_rarity(self.components, found, earlier, self.serial_square)
        now = _steps(np.clip(found.normal[:, self.components.groups], -_FARTHEST, _FARTHEST))
        recent = np.concatenate((now, state.recent[:-1]))
        rare = self.rare_sums.advance(state.rare, found.counts, start_ms, _STEP)
        since = np.where(spoke, since, self._since(rare, since))
        return Accumulated(end_ms, _steps(kept), climb, since, recent, _steps(np.minimum(rarity, _FARTHEST)), rare)

    def strength(self, state: Accumulated) -> Floats:
        """How far the evidence of each column is above its threshold (below it: negative), shape (columns,)."""
        strongest: Floats = np.maximum(self._of_scores(state), self._of_rare(state.rare).max(axis=0))
        return strongest

    def rare(self, state: Accumulated) -> Ints:
        """What speaks of each column: 0 its values beyond, 1 the missing ones; -1 its scores, or nothing; (columns,).

        Where both speak, it is what says more.
        """
        of_rare = self._of_rare(state.rare)
        strongest = of_rare.max(axis=0)
        speaking = (strongest >= 0) & (strongest > self._of_scores(state))
        return np.where(speaking, of_rare.argmax(axis=0), -1)

    def _of_rare(self, rare: RareCounts) -> Floats:
        above: Floats = rare.rarity / _STEP - self.least_of_rare
        return above

    def _of_scores(self, state: Accumulated) -> Floats:
        above = _over_bets(np.maximum, state.levels / _STEP - self.threshold[:, np.newaxis, :])
        found = np.full(self.columns, -np.inf)
        np.maximum.at(found, self.column, above)
        strongest: Floats = np.maximum(found, state.rarity / _STEP - self.least_rarity)
        return strongest

    def leading(self, state: Accumulated) -> tuple[Ints, Ints]:
        """Of each column the component whose evidence is nearest to its threshold, and its direction, 1 or -1.

        The direction is 0 where the last windows' shares speak, and no group of them by itself. Shapes (columns,).
        """
        above = (state.levels / _STEP - self.threshold[:, np.newaxis, :]).max(axis=2)
        nearest = np.minimum(above.max(axis=1), _BEYOND - 1 / _STEP)  # those that went as far as they may are equal
        order = np.lexsort((-np.arange(len(nearest)), nearest))  # of equals the first comes last, and stays
        found, direction = np.zeros(self.columns, np.int64), np.zeros(self.columns, np.int64)
        found[self.column[order]] = self.entries[order]
        speaks_alone = nearest >= 0
        direction[self.column[order]] = (np.where(above[:, 0] >= above[:, 1], 1, -1) * speaks_alone)[order]
        return found, direction

    def _log_evidence(self, found: Deviations) -> Floats:
        """Log e-values of the window, shape (entries, 2, bets); 0 where a score rests on nothing."""
        size = found.size[0, self.entries]
        score = found.normal[0, self.entries] / self.serial
        noise = found.sd[0, self.entries] * self.serial
        margin = np.maximum(self.margin, NEGLIGIBLE * np.sqrt(size) / noise)
        x = np.stack((score - margin, -score - margin), axis=1)[:, :, np.newaxis]
        evidence: Floats = np.where((size > 0)[:, np.newaxis, np.newaxis], x * BETS - BETS**2 / 2, 0.0)
        return evidence

    def _climbs(self, state: Accumulated, before: Floats, after: Floats, start_ms: Ints) -> tuple[Ints, Ints]:
        """The evidence of each column since its rise began, and when that was (a cumulative sum: Page 1954).

        `before` are 1 + R of the window before, `after` R with this one.
        """
        ahead = _steps(self._together(after) - self._together(before))
        begins = state.climb <= 0
        since = np.where(begins, start_ms, state.since_ms)
        most = round(-_LEAST * _STEP)
        return np.clip(np.where(begins, 0, state.climb) + ahead, -most, most), since

    def _since(self, rare: RareCounts, since: Ints) -> Ints:
        """The same where rare values begin to speak: they remember when that was."""
        above = self._of_rare(rare)
        speaks_now = above.max(axis=0) >= 0
        if not speaks_now.any():
            return since
        began = self.rare_sums.since_ms(rare)[above.argmax(axis=0), np.arange(self.columns)]
        return np.where(speaks_now, began, since)

    def _together(self, evidence: Floats) -> Floats:
        """Log of the weighted mean of R over the entries of each column."""
        mean = _over_bets(np.add, evidence) / (2 * len(BETS))
        total = np.bincount(self.column, self.weight * mean, self.columns)
        found: Floats = np.log(np.maximum(total, 1e-300))
        return found


def speaks(strength: Floats) -> Mask:
    """Which columns' evidence has passed its threshold."""
    found: Mask = strength >= 0
    return found


def _over_bets(combine: np.ufunc, of_each: Floats) -> Floats:
    """Of (entries, 2, bets) both directions and all bets together, in their order; numpy is slow for so few."""
    found: Floats = reduce(combine, of_each.reshape(-1, 2 * len(BETS)).T)
    return found


def _steps(log: Floats) -> Ints:
    return np.rint(log * _STEP).astype(np.int64)


def _groups(components: Components) -> Ints:
    """How many groups of categories each column has."""
    mine = components.column[components.kind == Kind.SHARE]
    return np.bincount(mine, minlength=len(components.grouping.columns))


def _of_rare(components: Components, rare_sums: RareSums) -> Floats:
    """Weights of what is counted over windows, shape (2, columns)."""
    beyond = np.where(components.grouping.is_numeric, _RARE_NUMERIC, _RARE_CATEGORICAL)
    found: Floats = np.stack((beyond, np.full(len(beyond), _RARE_MISSING))) * rare_sums.is_watched
    return found


def _weights(components: Components) -> Floats:
    """Weights of all components; the share of a single group is 1 whatever happens."""
    groups = _groups(components)
    of_share = np.where(groups > 1, _SHARES_TOGETHER / np.maximum(groups, 1), 0.0)
    known = np.array([_WEIGHTS.get(Kind(kind), 0.0) for kind in components.kind.tolist()])
    found: Floats = np.where(components.kind == Kind.SHARE, of_share[components.column], known)
    return found


def _is_watched(components: Components, calibration: Calibration) -> Mask:
    """All but the rarely missing, whose scores are not normal."""
    expected = components.missing_share * calibration.usual_records
    watched = np.ones(len(components.kind), np.bool_)
    watched[components.is_missing] = expected >= LEAST_EXPECTED
    return watched


def _own_error(calibration: Calibration) -> float:
    """Standard error of the baseline's mean, in standard deviations of a window's score.

    That is off in every window; the error of a season, which goes up and down with it, hardly adds up.
    """
    return float(np.sqrt(calibration.own_part))


def _margins(calibration: Calibration) -> Floats:
    """What is taken off a usual window's scores: shifts too small to matter, and the baseline's own error."""
    sd = np.sqrt(calibration.variance) * calibration.serial
    terms = np.sqrt(np.where(calibration.seasonal, calibration.season.terms, 1))
    own = np.minimum(_own_error(calibration) * terms, 1.0)
    margin: Floats = NEGLIGIBLE * np.sqrt(calibration.usual_records) / sd + OWN_ERROR * own
    return margin
