"""Performance metrics, one family a file, each with its sampling error."""

from collections.abc import Mapping
from types import MappingProxyType

from monitor.stats.performance.at_cut import PrecisionAt, RecallAt
from monitor.stats.performance.bleu import Bleu
from monitor.stats.performance.classification import F1, Accuracy, FBeta, Matthews, Precision, Recall, Specificity
from monitor.stats.performance.forecasting import IntervalCoverage, IntervalScore, IntervalWidth, ScaledError
from monitor.stats.performance.generated import Approval, ExactMatch, Rating, RefusalRate, TextLength
from monitor.stats.performance.lift import Lift
from monitor.stats.performance.metric import PerformanceMetric
from monitor.stats.performance.pr_auc import PrAuc
from monitor.stats.performance.probabilities import Brier, CalibrationError, LogLoss
from monitor.stats.performance.recommendation import HitRate, MeanAveragePrecision, Ndcg, ReciprocalRank
from monitor.stats.performance.regression import (
    Bias,
    Determination,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    QuantileLoss,
    RootMeanSquareError,
    SymmetricPercentageError,
)
from monitor.stats.performance.roc_auc import RocAuc
from monitor.stats.performance.rouge import Rouge1, Rouge2, RougeL
from monitor.stats.performance.value import Value
from monitor.stats.performance.variety import CatalogueCoverage, Diversity

_SHIPPED: tuple[PerformanceMetric, ...] = (
    Accuracy(),
    Precision(),
    Recall(),
    Specificity(),
    F1(),
    FBeta(),
    Matthews(),
    RocAuc(),
    PrAuc(),
    LogLoss(),
    Brier(),
    CalibrationError(),
    PrecisionAt(),
    RecallAt(),
    Lift(),
    Value(),
    MeanAbsoluteError(),
    RootMeanSquareError(),
    MeanAbsolutePercentageError(),
    SymmetricPercentageError(),
    Determination(),
    QuantileLoss(),
    Bias(),
    ScaledError(),
    IntervalCoverage(),
    IntervalScore(),
    IntervalWidth(),
    Ndcg(),
    MeanAveragePrecision(),
    ReciprocalRank(),
    HitRate(),
    CatalogueCoverage(),
    Diversity(),
    Bleu(),
    Rouge1(),
    Rouge2(),
    RougeL(),
    ExactMatch(),
    TextLength(),
    RefusalRate(),
    Rating(),
    Approval(),
)

PERFORMANCE_METRICS: Mapping[str, PerformanceMetric] = MappingProxyType({metric.name: metric for metric in _SHIPPED})
"""The shipped metrics by name."""
