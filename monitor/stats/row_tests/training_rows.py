"""Whether rows of a window are rows of the training data."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.domain.models import LATENCY, PREDICTION, SCORE
from monitor.stats.columns import Rows
from monitor.stats.drift_test import LACKS, SAYS
from monitor.stats.joint.exchange import LEAST_ROWS
from monitor.stats.joint.row_ids import row_ids
from monitor.stats.proportions import excess_p
from monitor.stats.row_test import JointRows

_OUTPUTS = frozenset({PREDICTION, SCORE, LATENCY})


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """Share of the window's rows whose features are all equal to those of a row of the baseline: 0 to 100.

    Of n rows (at most `most_rows`), 100 times the share that are in the baseline's sample, less the share of the
    baseline's own rows that are there another time: where few values are possible, rows are alike by chance.
    Predictions, scores and latencies are left out, missing values are values. Unit: percentage points. The p-value is
    that of a larger share than the baseline's, one-sided: the pooled z-test, or the conditional binomial test where
    few are expected (Przyborowski & Wilenski 1940). The default threshold asks for 1 point *and* p <= 0.001. Use it
    where training data may be served again, in a test that was left on or a back-fill: performance on rows that a
    model was trained on is too good, and its drift too small. It needs raw rows: `archive` in the model's file, or
    `driftline compare --multivariate`. Of training data with more rows than the sample keeps (50,000) it sees the part
    that is in it.
    """

    name: ClassVar[str] = "training_rows"
    title: ClassVar[str] = "Training rows in the window"
    unit: ClassVar[str] = "percentage points"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 100.0
    default_threshold: ClassVar[Threshold] = Threshold(drifted=1.0, warning=0.2, alpha=0.001)
    most_rows: int = 5_000

    def __post_init__(self) -> None:
        """ValueError for a number that makes no sense."""
        if self.most_rows < 1:
            raise ValueError("most_rows must be at least 1")

    def run_rows(self, rows: JointRows) -> TestResult:
        """Look the rows of the window up among those of the baseline."""
        n_baseline, n_current = len(rows.reference), len(rows.current)
        if min(n_baseline, n_current) < LEAST_ROWS:
            return TestResult(0.0, None, n_baseline, n_current, detail={"needs": LEAST_ROWS})
        names = sorted((rows.reference.columns.keys() & rows.current.columns.keys()) - _OUTPUTS)
        if not names:
            return TestResult(0.0, None, n_baseline, n_current, detail={LACKS: "no feature is on both sides"})
        random = np.random.default_rng(rows.seed)
        at: Rows = np.sort(random.choice(n_current, min(n_current, self.most_rows), replace=False))
        ids = row_ids((rows.reference.columns[name], rows.current.columns[name].take(at)) for name in names)
        _, which, times = np.unique(ids[:n_baseline], return_inverse=True, return_counts=True)
        again = int((times[which] > 1).sum())
        known = int(np.isin(ids[n_baseline:], ids[:n_baseline]).sum())
        before, now = again / n_baseline, known / len(at)
        detail: dict[str, object] = {
            "baseline_share": before,
            "share": now,
            SAYS: f"{known:,} of {len(at):,} rows are among {n_baseline:,} of the baseline, {again:,} of which repeat",
        }
        p_value = excess_p(again, n_baseline, known, len(at)) if known else 1.0
        return TestResult(100 * max(0.0, now - before), p_value, n_baseline, n_current, detail=detail)
