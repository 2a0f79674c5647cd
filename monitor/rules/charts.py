"""Pictures of drift as plain data: where the baseline's values lay, and where the window's lie."""

import numpy as np

from monitor.domain.rules import Chart
from monitor.stats.columns import Ints
from monitor.stats.profiles.categorical import CategoricalProfile
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.numeric import NumericProfile
from monitor.stats.profiles.words import MISSING, UNSEEN, cut, ranges

MAX_BARS = 10
"""Bars of values in a chart; those for missing, other and unseen values come on top."""


def drift_chart(column: str, baseline: Profile, current: Profile) -> Chart | None:
    """Shares of all records in a few bins or categories; None when one side is empty or the profiles do not match."""
    if not baseline.n or not current.n:
        return None
    if isinstance(baseline, NumericProfile) and isinstance(current, NumericProfile):
        labels, counts = _numeric(baseline, current)
    elif isinstance(baseline, CategoricalProfile) and isinstance(current, CategoricalProfile):
        labels, counts = _categorical(baseline, current)
    else:
        return None
    labels, counts = _with_missing(labels, counts, baseline, current)
    shares = counts / np.array([[baseline.n], [current.n]])
    first, second = (tuple(round(share, 6) for share in row) for row in shares.tolist())
    return Chart(column, tuple(labels), first, second)


def _numeric(baseline: NumericProfile, current: NumericProfile) -> tuple[list[str], Ints]:
    counts = np.array((baseline.coarse(), current.coarse()))
    edges = baseline.layout.edges[baseline.layout.coarse]
    starts = _runs(counts[0], MAX_BARS)
    grouped: Ints = np.add.reduceat(counts, starts, axis=1)
    inner = edges[starts[1:] - 1].tolist()
    return ranges(inner), grouped


def _runs(counts: Ints, bars: int) -> Ints:
    """Where runs of neighbouring bins begin, so that each holds about the same part of the counts."""
    if len(counts) <= bars:
        return np.arange(len(counts))
    before = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)[:-1]))
    run = np.minimum(before * bars // max(1, int(counts.sum())), bars - 1)
    return np.flatnonzero(np.diff(run, prepend=-1)).astype(np.int64)


def _categorical(baseline: CategoricalProfile, current: CategoricalProfile) -> tuple[list[str], Ints]:
    counts = np.array((baseline.counts, current.counts))
    shares = counts / np.array([[max(1, baseline.n)], [max(1, current.n)]])
    ranked = np.argsort(-shares.max(axis=0), kind="stable")
    shown, rest = np.sort(ranked[:MAX_BARS]), ranked[MAX_BARS:]
    labels = [cut(baseline.layout.categories[position]) for position in shown.tolist()]
    columns = [counts[:, shown]]
    if len(rest):
        labels.append(f"{len(rest)} others")
        columns.append(counts[:, rest].sum(axis=1, keepdims=True))
    if baseline.unseen or current.unseen:
        labels.append(UNSEEN)
        columns.append(np.array([[baseline.unseen], [current.unseen]]))
    return labels, np.concatenate(columns, axis=1)


def _with_missing(labels: list[str], counts: Ints, baseline: Profile, current: Profile) -> tuple[list[str], Ints]:
    missing = np.array([[profile.missing + profile.invalid] for profile in (baseline, current)])
    if not missing.any():
        return labels, counts
    return [*labels, MISSING], np.concatenate((counts, missing), axis=1)
