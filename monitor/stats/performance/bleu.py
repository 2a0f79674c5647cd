"""BLEU, from numbers of word sequences that add up over texts, windows and machines."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.domain.models import Task
from monitor.stats.columns import Floats
from monitor.stats.performance.influence import share_result, standard_error
from monitor.stats.performance.metric import Judged
from monitor.stats.performance.text_libraries import required
from monitor.stats.structured import references_of

ORDERS = 4
"""Sequences of one to four words are counted."""


@dataclass(frozen=True, slots=True, eq=False)
class BleuCounts:
    """Of texts: sequences that a reference has, all sequences, by length (4,); words said, words of the references.

    Counts of two sets of texts add up to those of both, so BLEU may be computed in parts.
    """

    matched: Floats
    total: Floats
    said: float
    due: float

    @classmethod
    def of(cls, rows: Floats) -> "BleuCounts":
        """Of rows as `text_counts` gives them, one or many."""
        summed = np.atleast_2d(rows).sum(axis=0)
        return cls(summed[:ORDERS], summed[ORDERS : 2 * ORDERS], float(summed[-2]), float(summed[-1]))

    def merge(self, other: "BleuCounts") -> "BleuCounts":
        """Of the texts of both."""
        return BleuCounts(
            self.matched + other.matched, self.total + other.total, self.said + other.said, self.due + other.due
        )

    @property
    def score(self) -> float:
        """BLEU, 0 to 1, as sacrebleu has it: a length without any match is smoothed exponentially."""
        bleu = required("sacrebleu", "sacrebleu.metrics").BLEU
        counts = self.matched.astype(int).tolist(), self.total.astype(int).tolist()
        score: float = bleu.compute_bleu(*counts, int(self.said), int(self.due), smooth_method="exp").score
        return min(1.0, score / 100)


def text_counts(predictions: Sequence[str], labels: Sequence[str]) -> Floats:
    """Counts of each text, shape (n, 10): matched and total sequences by length, words said and due."""
    scorer = required("sacrebleu", "sacrebleu.metrics").BLEU(effective_order=True)
    rows = []
    for said, truth in zip(predictions, labels, strict=True):
        one = scorer.sentence_score(said, list(references_of(truth)))
        rows.append([*one.counts, *one.totals, one.sys_len, one.ref_len])
    return np.array(rows, dtype=np.float64).reshape(len(rows), 2 * ORDERS + 2)


@dataclass(frozen=True, slots=True)
class Bleu:
    """Corpus BLEU, 0 to 100: how many sequences of 1 to 4 words the references have, too (Papineni et al. 2002).

    Geometric mean of the four precisions, times exp(1 - due / said) where less is said than is due; as sacrebleu
    computes it with its own tokens (Post 2018). For translations; of several references the best match counts.
    Delta-method interval, symmetric in the log-odds.
    """

    name: ClassVar[str] = "bleu"
    title: ClassVar[str] = "BLEU"
    unit: ClassVar[str] = "points"
    tasks: ClassVar[frozenset[Task]] = frozenset({Task.TEXT})
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None
    is_proposed: ClassVar[bool] = False
    library: ClassVar[str] = "sacrebleu"
    computed: ClassVar[str] = (
        "from numbers of word sequences, which add up over texts; these anew from the stored texts and truth"
    )

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:  # noqa: ARG002 - no class here
        """None without texts; MonitorError without the extra."""
        if not judged.n:
            return None
        rows = text_counts(judged.predictions, judged.labels)
        counts = BleuCounts.of(rows)
        value, n = counts.score, judged.n
        result = share_result(value, standard_error(value * _log_influence(rows, counts), np.ones(n)), n)
        low, high = 100 * (result.low or 0.0), 100 * (result.high or 0.0)
        detail = {"words_said": counts.said, "words_due": counts.due}
        return TestResult(100 * value, None, n, n, low, high, detail)


def _log_influence(rows: Floats, counts: BleuCounts) -> Floats:
    """By how much each text moves the logarithm of BLEU, times n."""
    n = len(rows)
    matched, total = rows[:, :ORDERS], rows[:, ORDERS : 2 * ORDERS]
    there = counts.matched > 0
    shares = matched[:, there] / counts.matched[there] - total[:, there] / counts.total[there]
    influence: Floats = n * shares.sum(axis=1) / ORDERS
    if 0 < counts.said < counts.due:
        ratio = counts.due / counts.said
        influence = influence - n * ratio * (rows[:, -1] / counts.due - rows[:, -2] / counts.said)
    return influence if math.isfinite(float(influence.sum())) else np.zeros(n)
