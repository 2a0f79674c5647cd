"""The confusion matrix of windows: what accuracy findings keep, added up."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.domain.findings import Finding
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.ports import WindowReads
from monitor.domain.stream import JoinSpan
from monitor.domain.windows import Window
from monitor.rules.conditions import GROUND_TRUTH
from monitor.usecases.realized import known_by_ms


@dataclass(frozen=True, slots=True)
class Confusion:
    """Numbers of records by true class (rows) and predicted class, of one version in these windows, in order.

    `coverage` is the share (0 to 1) of the predictions whose truth is known; None where it is not known. `threshold` is
    the score from which on the positive label, the last one, counts as predicted; None: as the model predicted.
    """

    ref: ModelRef
    windows: tuple[Window, ...]
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    coverage: float | None
    threshold: float | None = None

    @property
    def n(self) -> int:
        """Number of predictions with truth."""
        return sum(map(sum, self.counts))


def confusion_of(findings: Sequence[Finding], *, newest: bool) -> Confusion | None:
    """Of the version whose window is the newest, in all windows or the newest alone; None where none has a matrix.

    Of several versions in the newest window it is the one with most truth.
    """
    of_accuracy = [f for f in findings if f.check.test == "accuracy" and f.check.column == GROUND_TRUTH]
    held = [(f, cells) for f in of_accuracy if (cells := _cells(f))]
    if not held:
        return None
    last = max((f for f, _ in held), key=lambda f: (f.window.end, f.result.n_current if f.result else 0))
    chosen = [(f, cells) for f, cells in held if f.model == last.model and (not newest or f.window == last.window)]
    total: Counter[tuple[str, str]] = Counter()
    for _, cells in chosen:
        total.update(cells)
    labels = tuple(sorted({label for pair in total for label in pair}))
    counts = tuple(tuple(total[truth, said] for said in labels) for truth in labels)
    windows = tuple(sorted((f.window for f, _ in chosen), key=lambda one: one.start))
    return Confusion(last.model, windows, labels, counts, _coverage([f for f, _ in chosen]))


def confusion_at(found: Confusion, model: MonitoredModel, reads: WindowReads, threshold: float) -> Confusion | None:
    """What it would be if the positive label were predicted from this score on (0 to 1), by the stored predictions.

    Predictions without a score in [0, 1] are left out. None where no score is stored, or no label is the positive one.
    """
    policy, positive = model.ground_truth, model.positive_label
    if policy is None or positive is None:
        return None
    spans = [
        JoinSpan(found.ref, one.start_ms, one.end_ms, policy.name, known_by_ms(one, policy)) for one in found.windows
    ]
    scored = [
        (one.label == positive, one.score >= threshold)
        for span in spans
        for one in reads.joined(span)
        if one.score is not None and 0 <= one.score <= 1
    ]
    if not scored:
        return None
    total = Counter(scored)
    sides = (False, True)
    counts = tuple(tuple(total[truth, said] for said in sides) for truth in sides)
    predicted = sum(reads.predictions_count(span.ref, span.since_ms, span.until_ms) for span in spans)
    coverage = min(1.0, len(scored) / predicted) if predicted else None
    return Confusion(found.ref, found.windows, (f"not {positive}", positive), counts, coverage, threshold)


def _cells(finding: Finding) -> Counter[tuple[str, str]]:
    """Records by true and predicted class, classes that never occur included; empty where it keeps none."""
    match finding.result.detail if finding.result else {}:
        case {"labels": [*labels], "confusion": [*rows]}:
            pairs = [(str(truth), str(said)) for truth in labels for said in labels]
            return Counter(dict(zip(pairs, np.array(rows, dtype=np.int64).ravel().tolist(), strict=True)))
        case _:
            return Counter()


def _coverage(findings: Sequence[Finding]) -> float | None:
    """Of all windows together: each with truth for n predictions has n / coverage of them."""
    known = [(f.result.n_current, f.coverage) for f in findings if f.result is not None and f.coverage]
    if len(known) < len(findings):
        return None
    return sum(n for n, _ in known) / sum(n / share for n, share in known)
