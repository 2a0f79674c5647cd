"""Which rows could be those of the window if nothing had changed: the law of a statistic under the null, by exchange.

Where the baseline's rows have event times, whole windows change places: each of its windows is compared with all others
as the window that is judged is (a permutation test over windows; Vovk, Gammerman & Shafer 2005). What rows of one hour
have in common is part of that, so autocorrelation and seasons raise no alarm. Otherwise rows change places (Fisher
1935), which takes them to be independent.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from monitor.domain.findings import TestResult
from monitor.stats.columns import Column, Floats, Ints, Rows
from monitor.stats.drift_test import LACKS
from monitor.stats.joint.encoding import Encoded, encode
from monitor.stats.row_test import JointRows, RawRows

Encoding = Callable[[RawRows, RawRows], Encoded]

FOLDS = 4
LEAST_WINDOWS, MOST_WINDOWS = 49, 99
"""With 49 windows a p-value reaches 0.02; more than 99 take time and tell little more."""

LEAST_ROWS = 40
"""Of a window, and of a baseline."""

_LEFT_OUT = 0.02
"""So many of the windows may have fewer rows than are drawn of each, and are left out: those at the ends of the data,
and odd ones. Were they more, they would be hours with little traffic, and each such hour be far from all others."""

MOST_OF_WINDOW = 200
"""So many rows of each window are drawn where windows change places."""


@dataclass(frozen=True, slots=True, eq=False)
class Exchange:
    """Rows of both sides as numbers; `labels` (n, k) are 1 for the rows of the window, and 0 for others.

    The first column of labels is how it is, each other one how it could as well have been. `folds` (n,) deal the rows
    of every unit out evenly. `words` say for people what changed places.
    """

    encoded: Encoded
    labels: Floats
    folds: Ints
    words: str

    def p_value(self, statistics: Floats) -> float:
        """Share of exchanges (the real one among them) whose statistic, of shape (k,), is as large as the real one."""
        return float((statistics >= statistics[0]).mean())


def exchange(rows: JointRows, most_rows: int, permutations: int, encoding: Encoding = encode) -> Exchange | TestResult:
    """Draw rows of both sides and say how they change places; a result that says so where there are too few.

    `encoding` makes numbers of them, whichever of them are of which side.
    """
    reference, current = rows.reference, rows.current
    if min(len(reference), len(current)) < LEAST_ROWS:
        return TestResult(0.0, None, len(reference), len(current), detail={"needs": LEAST_ROWS})
    random = np.random.default_rng(rows.seed)
    drawn = _windows(reference, current, random)
    if drawn is None:
        made = _of_rows(rows, most_rows, permutations, random, encoding)
    else:
        made = _of_windows(rows, drawn, random, encoding)
    if not made.encoded.names:
        why = "no column varies, of one kind on both sides"
        return TestResult(0.0, None, len(reference), len(current), detail={LACKS: why})
    return made


def _of_rows(
    rows: JointRows, most_rows: int, permutations: int, random: np.random.Generator, encoding: Encoding
) -> Exchange:
    before, now = (_drawn(len(side), most_rows, random) for side in (rows.reference, rows.current))
    encoded = encoding(_taken(rows.reference, before), _taken(rows.current, now))
    folds = np.concatenate((_dealt(len(before), random), _dealt(len(now), random)))
    labels = np.zeros((len(folds), permutations + 1))
    labels[len(before) :, 0] = 1
    for fold in range(FOLDS):
        of_fold = np.flatnonzero(folds == fold)
        for k in range(1, permutations + 1):
            labels[of_fold, k] = random.permutation(labels[of_fold, 0])
    words = f"p by {permutations} permutations of rows, taken as independent"
    return Exchange(encoded, labels, folds, words)


def _of_windows(rows: JointRows, drawn: list[Rows], random: np.random.Generator, encoding: Encoding) -> Exchange:
    size = len(drawn[0])
    now = _drawn(len(rows.current), size, random)
    encoded = encoding(_taken(rows.reference, np.concatenate(drawn)), _taken(rows.current, now))
    units = np.repeat(np.arange(len(drawn) + 1), size)
    order = np.concatenate(([len(drawn)], np.arange(len(drawn))))
    labels = (units[:, None] == order[None, :]).astype(np.float64)
    folds = np.concatenate([_dealt(size, random) for _ in range(len(drawn) + 1)])
    words = f"p by {len(drawn)} windows of the baseline, {size} rows each"
    return Exchange(encoded, labels, folds, words)


def _windows(reference: RawRows, current: RawRows, random: np.random.Generator) -> list[Rows] | None:
    """Rows of equally many for each window that holds enough; None where these windows are too few."""
    if reference.window_of is None:
        return None
    numbers, counts = np.unique(reference.window_of[reference.window_of >= 0], return_counts=True)
    enough = np.sort(counts[counts >= LEAST_ROWS])[::-1]
    if len(enough) < LEAST_WINDOWS:
        return None
    smallest = min(int(enough[-1 - int(len(enough) * _LEFT_OUT)]), int(enough[LEAST_WINDOWS - 1]))
    size = min(MOST_OF_WINDOW, smallest, len(current))
    able = numbers[counts >= size]
    chosen = able[np.linspace(0, len(able) - 1, min(len(able), MOST_WINDOWS)).astype(np.int64)]
    of_window = [np.flatnonzero(reference.window_of == number) for number in chosen.tolist()]
    return [held[_drawn(len(held), size, random)] for held in of_window]


def _drawn(n: int, most: int, random: np.random.Generator) -> Rows:
    rows: Rows = np.arange(n) if n <= most else np.sort(random.choice(n, most, replace=False))
    return rows


def _dealt(n: int, random: np.random.Generator) -> Ints:
    return random.permutation(np.arange(n) % FOLDS)


def _taken(side: RawRows, rows: Rows) -> RawRows:
    columns: dict[str, Column] = {name: column.take(rows) for name, column in side.columns.items()}
    return RawRows(columns)
