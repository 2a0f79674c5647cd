"""Labels that a metric counts, and that may be none: in words, for the number beside them does not show it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from monitor.stats.performance.metric import Judged, PerformanceMetric
from monitor.stats.performance.value import Value

_SHOWN, _LONGEST = 3, 40


def no_class(judged: Judged, positive: str | None) -> str:
    """True labels of a binary model that it neither predicts nor calls positive; empty where there are none.

    They stay counted, as any label but the positive one, so the number is the same whether or not they are corrected
    later. Nothing is said where no other label than the positive one was predicted: the second class is unknown then.
    """
    if positive is None:
        return ""
    classes = {positive, *judged.predictions}
    if len(classes) == 1:
        return ""
    counts = Counter(label for label in judged.labels if label not in classes)
    if not counts:
        return ""
    told = "truth is" if counts.total() == 1 else "truths are"
    return f"{counts.total():,} {told} no label that was ever predicted, counted as not {positive!r}: {_named(counts)}"


def unpriced(metric: PerformanceMetric, judged: Judged) -> str:
    """Classes of a matrix that did not occur, where one that did is spelt almost alike and not in the matrix."""
    worths = metric.priced if isinstance(metric, Value) else None
    if worths is None:
        return ""
    seen, named = {*judged.labels, *judged.predictions}, set(worths.classes)
    return "; ".join(_misspelt(sorted(named - seen), sorted(seen - named)))


def _misspelt(unseen: Sequence[str], unnamed: Sequence[str]) -> Iterator[str]:
    for label in unseen:
        if close := get_close_matches(label, unnamed, n=1):
            yield f"the matrix names the class {label!r}, which did not occur, and not {close[0]!r}, which did"


def _named(counts: Counter[str]) -> str:
    """The most frequent of them."""
    ordered = sorted(counts, key=lambda label: (-counts[label], label))
    shown = ", ".join(f"{label[:_LONGEST]!r} ({counts[label]:,})" for label in ordered[:_SHOWN])
    return shown + (f" and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else "")
