"""Which groups cannot be compared by truth, and what is said of that."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from monitor.domain.checks import CheckSpec, Threshold
from monitor.domain.errors import StoreUnavailable
from monitor.domain.fairness import FairnessPolicy
from monitor.domain.findings import Verdict
from monitor.domain.models import ArchivePolicy, ModelRef, MonitoredModel, Personal, Segment
from monitor.domain.stream import JoinSpan
from monitor.domain.verification import JudgedRecord
from monitor.domain.windows import WindowSpec
from monitor.stats.columns import CategoricalColumn
from monitor.stats.fairness.outcomes import Rate
from monitor.stats.recorded import RecordedColumns
from monitor.usecases.group_fairness import TruthByGroup, fairness_checks, selection_outcomes
from monitor.usecases.outcomes import Outcome

HOUR = timedelta(hours=1)
MODEL = MonitoredModel(
    "credit",
    WindowSpec(HOUR, HOUR),
    timedelta(0),
    HOUR,
    segments=(Segment("women", "sex", "f"), Segment("men", "sex", "m")),
    fairness=FairnessPolicy(("sex",), "yes"),
    archive=ArchivePolicy(),
)
SPAN = JoinSpan(ModelRef("credit", "1"), 0, 1)


@dataclass
class Kept:
    """Rows of 80 people, women first, and their truth; every second of them is rightly told yes."""

    broken: Exception | None = None

    def read(self, ref: ModelRef, since_ms: int, until_ms: int, wanted: Sequence[str] | None = None) -> RecordedColumns:
        if self.broken is not None:
            raise self.broken
        sex = CategoricalColumn(["f"] * 40 + ["m"] * 40)
        return RecordedColumns(tuple(str(k) for k in range(80)), {"sex": sex})

    def judged(self, span: JoinSpan) -> list[JudgedRecord]:
        return [JudgedRecord(str(k), 0, "yes" if k % 2 else "no", None, "yes") for k in range(100)]


def outcomes(model: MonitoredModel, kept: Kept | None = None) -> list[Outcome]:
    rows = kept or Kept()
    return TruthByGroup(rows, rows).outcomes(model, SPAN)


def test_rates_are_counted_where_row_and_truth_are_both_known() -> None:
    missed, wrongly = outcomes(MODEL)

    assert missed[3] is not None
    assert (missed[3].statistic, missed[3].n_current, missed[1]) == (0.0, 80, Verdict.OK)
    assert wrongly[1] is Verdict.INSUFFICIENT_DATA
    assert "men has 0 records, fewer than 30, women has 0 records" in wrongly[2]


@pytest.mark.parametrize(
    ("model", "kept", "verdict", "why"),
    [
        (replace(MODEL, archive=None), Kept(), Verdict.INSUFFICIENT_DATA, "none are kept: write `archive:`"),
        (
            replace(MODEL, archive=ArchivePolicy(personal={"sex": Personal.HASH})),
            Kept(),
            Verdict.INSUFFICIENT_DATA,
            "sex is personal, and hidden in the kept rows",
        ),
        (MODEL, Kept(FileNotFoundError("a.parquet")), Verdict.FAILED, "the kept rows cannot be read: a.parquet"),
        (MODEL, Kept(StoreUnavailable("no bucket")), Verdict.FAILED, "the kept rows cannot be read: no bucket"),
    ],
)
def test_what_cannot_be_compared_says_why_and_stops_nothing(
    model: MonitoredModel, kept: Kept, verdict: Verdict, why: str
) -> None:
    found = outcomes(model, kept)

    assert [one[1] for one in found] == [verdict, verdict]
    assert all(why in one[2] for one in found)


def test_a_model_without_sensitive_features_has_no_such_checks() -> None:
    model = replace(MODEL, fairness=None)

    assert (outcomes(model), selection_outcomes(model, {})) == ([], [])


def test_a_favourable_prediction_that_no_baseline_saw_is_insufficient_data() -> None:
    found = selection_outcomes(MODEL, {})

    assert [one[1] for one in found] == [Verdict.INSUFFICIENT_DATA] * 2
    assert "the baseline never saw the prediction 'yes'" in found[0][2]


def test_the_last_line_about_a_feature_sets_its_limit_and_smallest_group() -> None:
    specs = (
        CheckSpec("impact_ratio", threshold=Threshold(0.7)),
        CheckSpec("impact_ratio", ("sex",), threshold=Threshold(0.9), min_records=50),
        CheckSpec("tpr_difference", ("age",), threshold=Threshold(0.1)),
    )

    ratio, parity, missed, _ = fairness_checks(replace(MODEL, checks=specs), list(Rate))

    assert (ratio.check.threshold, ratio.check.min_records, ratio.is_limited) == (Threshold(0.9, below=True), 50, True)
    assert (parity.is_limited, missed.is_limited, missed.check.min_records) == (False, False, 30)
