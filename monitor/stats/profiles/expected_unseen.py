"""How many values that a baseline does not know a window has where nothing has changed (Good 1953)."""

import numpy as np

from monitor.stats.columns import Mask
from monitor.stats.profiles.categorical import MAX_CATEGORIES, RARE, CategoricalProfile


def expected_unseen(baseline: CategoricalProfile) -> tuple[int, float]:
    """How many values of the baseline would be unseen if left out, and the information in that number against a count.

    A category is kept when it occurs at least t times, where t is 1, or the count at the edge of what is kept. With N_t
    categories that occur t times, and U values that are not kept, U + t N_t would be unseen if left out. That estimates
    the mass of what is not kept without bias, and (counts being Poisson) with variance U + t N_t + t (t + 1) N_{t+1},
    of which t = 1 gives Good's N_1 + 2 N_2; a plain count has the first two terms alone. Without values nothing is
    expected.
    """
    if not baseline.n_values:
        return 0, 1.0
    counts = baseline.counts
    expected, beyond = baseline.unseen, 0
    for t, those in _edges(baseline):
        expected += t * int(np.count_nonzero(those & (counts == t)))
        beyond += t * (t + 1) * int(np.count_nonzero(those & (counts == t + 1)))
    plain = expected * (1 - expected / baseline.n_values)
    return expected, plain / (plain + beyond) if beyond else 1.0


def _edges(baseline: CategoricalProfile) -> list[tuple[int, Mask]]:
    """The least count with which a category is kept, and of which categories that is true.

    Where the cut goes through categories of one count, it goes by name: those behind the last name that is kept with
    this count would need one record more.
    """
    counts, everyone = baseline.counts, np.ones(len(baseline.counts), np.bool_)
    if not baseline.unseen or not len(counts) or bool((counts[1:] > counts[:-1]).any()):
        return [(1, everyone)]  # everything is kept; or these are a segment's counts, and the edge is not among them
    last = int(counts[-1])
    if len(counts) < MAX_CATEGORIES and last > RARE + 1:
        return []  # rare categories were left out, and none that is kept is nearly as rare
    names = baseline.layout.categories
    behind = np.fromiter((name > names[-1] for name in names), np.bool_, len(names))
    return [(last, ~behind), (last + 1, behind)]
