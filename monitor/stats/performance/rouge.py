"""ROUGE: how much of the references' words a text has, by single words, pairs, or the longest common sequence."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.domain.models import Task
from monitor.stats.columns import Floats
from monitor.stats.performance.influence import share_result
from monitor.stats.performance.metric import Judged
from monitor.stats.performance.text_libraries import required
from monitor.stats.structured import references_of

TEXT = frozenset({Task.TEXT})


def _scores(judged: Judged, kind: str, *, stem: bool) -> Floats:
    """The F-measure of each text, that of the best of its references."""
    scorer = required("rouge_score", "rouge_score.rouge_scorer").RougeScorer([kind], use_stemmer=stem)
    return np.fromiter(_of_each(scorer, judged, kind), np.float64, judged.n)


def _of_each(scorer: object, judged: Judged, kind: str) -> Iterator[float]:
    score_multi = scorer.score_multi  # type: ignore[attr-defined]  # rouge_score has no types
    for said, truth in zip(judged.predictions, judged.labels, strict=True):
        yield score_multi(list(references_of(truth)), said)[kind].fmeasure


@dataclass(frozen=True, slots=True)
class _Rouge:
    """What the three have in common: the mean F-measure of the kind, by rouge-score."""

    kind: ClassVar[str]
    unit: ClassVar[str] = "F-measure"
    tasks: ClassVar[frozenset[Task]] = TEXT
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None
    is_proposed: ClassVar[bool] = False
    library: ClassVar[str] = "rouge_score"
    stem: bool = False

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:  # noqa: ARG002 - no class here
        """None without texts; MonitorError without the extra."""
        if not judged.n:
            return None
        scores = _scores(judged, self.kind, stem=self.stem)
        error = float(scores.std(ddof=1)) / judged.n**0.5 if judged.n > 1 else 0.5
        return share_result(min(1.0, float(scores.mean())), error, judged.n)


@dataclass(frozen=True, slots=True)
class Rouge1(_Rouge):
    """Mean F-measure of the single words that text and reference share, 0 to 1 (Lin 2004): for summaries.

    As rouge-score computes it; with `stem` words count by their English stem. Interval by the central limit theorem,
    symmetric in the log-odds.
    """

    name: ClassVar[str] = "rouge_1"
    title: ClassVar[str] = "ROUGE-1"
    kind: ClassVar[str] = "rouge1"


@dataclass(frozen=True, slots=True)
class Rouge2(_Rouge):
    """Mean F-measure of the pairs of words that text and reference share, 0 to 1 (Lin 2004): for summaries.

    As rouge-score computes it; with `stem` words count by their English stem. Interval by the central limit theorem,
    symmetric in the log-odds.
    """

    name: ClassVar[str] = "rouge_2"
    title: ClassVar[str] = "ROUGE-2"
    kind: ClassVar[str] = "rouge2"


@dataclass(frozen=True, slots=True)
class RougeL(_Rouge):
    """Mean F-measure of the longest sequence of words that text and reference have in order, 0 to 1 (Lin 2004).

    For summaries, whose words may have others between them; as rouge-score computes it, with `stem` by the English
    stem. Interval by the central limit theorem, symmetric in the log-odds.
    """

    name: ClassVar[str] = "rouge_l"
    title: ClassVar[str] = "ROUGE-L"
    kind: ClassVar[str] = "rougeL"
