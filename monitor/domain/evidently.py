"""Metrics of Evidently that a model may ask for: which there are, what they take, and what came of one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from monitor.domain.checks import Parameter, Threshold

METHODS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("ed", "hellinger", "jensenshannon", "kl_div", "psi", "wasserstein"), False),
    **dict.fromkeys(
        ("anderson", "chisquare", "cramer_von_mises", "es", "fisher_exact", "g_test", "ks", "mannw", "t_test", "z"),
        True,
    ),
}
"""Methods of `ValueDrift`, with whether their number is a p-value: then small is bad."""


@dataclass(frozen=True, slots=True)
class EvidentlyMetric:
    """A metric of Evidently: its parameters, which of them it needs, whether it is about one column.

    With `is_share` it counts rows, or columns, and its number here is the share of them (0 to 1): raw rows are a
    sample, of which the count says nothing.
    """

    parameters: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    of_column: bool = False
    is_share: bool = False


def _of_column(*needs: str, also: tuple[str, ...] = (), is_share: bool = False) -> EvidentlyMetric:
    return EvidentlyMetric(frozenset({*needs, *also}), frozenset(needs), of_column=True, is_share=is_share)


_DRIFT_METHODS = ("cat_method", "cat_threshold", "method", "num_method", "num_threshold", "threshold")

EVIDENTLY_METRICS: Final[Mapping[str, EvidentlyMetric]] = {
    "ValueDrift": _of_column("method"),
    "MinValue": _of_column(),
    "MaxValue": _of_column(),
    "MeanValue": _of_column(),
    "MedianValue": _of_column(),
    "StdValue": _of_column(),
    "QuantileValue": _of_column("quantile"),
    "MissingValueCount": _of_column(is_share=True),
    "CategoryCount": _of_column("category", is_share=True),
    "InListValueCount": _of_column("values", is_share=True),
    "OutListValueCount": _of_column("values", is_share=True),
    "InRangeValueCount": _of_column("left", "right", is_share=True),
    "OutRangeValueCount": _of_column("left", "right", is_share=True),
    "DriftedColumnsCount": EvidentlyMetric(frozenset({*_DRIFT_METHODS, "columns"}), is_share=True),
    "DatasetMissingValueCount": EvidentlyMetric(is_share=True),
    "AlmostConstantColumnsCount": EvidentlyMetric(),
    "AlmostDuplicatedColumnsCount": EvidentlyMetric(),
    "ConstantColumnsCount": EvidentlyMetric(),
    "DuplicatedColumnsCount": EvidentlyMetric(),
    "EmptyColumnsCount": EvidentlyMetric(),
}
"""Those that can be computed from raw rows without their truth, and give one number."""

_COUNTS = "it counts rows, and raw rows are a sample"
_MANY = "it gives many numbers, and a limit is on one"
_TRUTH = "it needs the truth, which raw rows do not hold"
ELSEWHERE: Final[Mapping[str, tuple[str, str]]] = {
    "RowCount": (_COUNTS, "volume"),
    "SumValue": (_COUNTS, "mean_shift"),
    "DuplicatedRowCount": (_COUNTS, "duplicate_rows"),
    "EmptyRowsCount": (_COUNTS, "missing_rate"),
    "ColumnCount": ("it does not change with the window", "schema"),
    "UniqueValueCount": (_MANY, "chi_squared"),
    "ColumnCorrelations": (_MANY, "correlation"),
    "ColumnCorrelationMatrix": (_MANY, "correlation"),
    "CorrelationMatrix": (_MANY, "correlation"),
    "DatasetCorrelations": (_MANY, "correlation"),
    "EmbeddingsDrift": ("it takes columns together that are no table", "frechet_distance"),
    **{
        theirs: (_TRUTH, ours)
        for theirs, ours in {
            "Accuracy": "accuracy",
            "Precision": "precision",
            "Recall": "recall",
            "F1Score": "f1",
            "RocAuc": "roc_auc",
            "LogLoss": "log_loss",
            "TPR": "recall",
            "TNR": "specificity",
            "FPR": "specificity",
            "FNR": "recall",
            "MAE": "mae",
            "RMSE": "rmse",
            "MAPE": "mape",
            "R2Score": "r2",
            "MeanError": "bias",
            "AbsMaxError": "mae",
            "NDCG": "ndcg",
            "MRR": "mrr",
            "MAP": "map_at_k",
            "HitRate": "hit_rate",
        }.items()
    },
}
"""Metrics of Evidently that cannot serve, why not, and the test or metric here that answers the question."""


@dataclass(frozen=True, slots=True)
class EvidentlySpec:
    """A line of configuration: a metric of Evidently on the raw rows of a window and of the baseline.

    `name` is what its findings are called. Without a `threshold` it is measured and never judged bad.
    """

    metric: str
    name: str
    column: str | None = None
    segment: str = ""
    parameters: Mapping[str, Parameter | tuple[Parameter, ...]] = field(default_factory=dict)
    threshold: Threshold | None = None
    min_records: int | None = None

    @property
    def is_p_value(self) -> bool:
        """Whether its number is a p-value."""
        return self.metric == "ValueDrift" and METHODS.get(str(self.parameters.get("method")), False)


@dataclass(frozen=True, slots=True)
class EvidentlyAnswer:
    """What came of a metric: its number, or in words why there is none.

    `is_fault` tells that it broke; otherwise the rows lack what it needs. `says` is to be told beside the number.
    """

    number: float | None = None
    why: str = ""
    is_fault: bool = False
    says: str = ""
