"""Terms of a quadratic classifier: every part of a row, its square, and products of two parts."""

from dataclasses import dataclass

import numpy as np

from monitor.stats.columns import Floats, Ints, Mask
from monitor.stats.joint.encoding import Encoded

MOST_MULTIPLIED = 24
"""Products are formed of so many parts: those of the columns first by name that vary most."""

_RANKS = 3
"""A part with fewer distinct values is its own square."""


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """Shape (n, terms), each with mean 0 and variance 1; `first` and `second` are the columns that a term tells of."""

    matrix: Floats
    first: Ints
    second: Ints

    def without(self, owner: int) -> Mask:
        """Terms that do not tell of this column."""
        kept: Mask = (self.first != owner) & (self.second != owner)
        return kept


def terms(encoded: Encoded) -> Terms:
    """Constant terms are left out."""
    parts, owners = encoded.matrix, np.array(encoded.owners, np.int64)
    bent = [k for k in range(parts.shape[1]) if len(np.unique(parts[:, k])) >= _RANKS]
    widest = np.sort(np.argsort(-parts.var(axis=0), kind="stable")[:MOST_MULTIPLIED])
    one, other = (widest[side] for side in np.triu_indices(len(widest), 1))
    apart = owners[one] != owners[other]
    one, other = one[apart], other[apart]
    matrix = np.concatenate((parts, parts[:, bent] ** 2, parts[:, one] * parts[:, other]), axis=1)
    first, second = (np.concatenate((owners, owners[bent], owners[side])) for side in (one, other))
    spread = matrix.std(axis=0)
    kept = spread > 1e-9
    matrix = (matrix[:, kept] - matrix[:, kept].mean(axis=0)) / spread[kept]
    return Terms(matrix, first[kept], second[kept])
