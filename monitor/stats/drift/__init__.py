"""Drift tests, one a file. Further ones are found at start-up through the entry-point group `driftline.drift_tests`."""

from collections.abc import Mapping
from types import MappingProxyType

from monitor.stats.drift.anderson_darling import AndersonDarling
from monitor.stats.drift.chi_squared import ChiSquared
from monitor.stats.drift.cramer_von_mises import CramerVonMises
from monitor.stats.drift.energy_distance import EnergyDistance
from monitor.stats.drift.fisher_exact import FisherExact
from monitor.stats.drift.g_test import GTest
from monitor.stats.drift.hellinger import Hellinger
from monitor.stats.drift.jensen_shannon import JensenShannon
from monitor.stats.drift.kolmogorov_smirnov import KolmogorovSmirnov
from monitor.stats.drift.kuiper import Kuiper
from monitor.stats.drift.kullback_leibler import KullbackLeibler
from monitor.stats.drift.l_infinity import LInfinity
from monitor.stats.drift.levene import Levene
from monitor.stats.drift.mann_whitney import MannWhitney
from monitor.stats.drift.mean_shift import MeanShift
from monitor.stats.drift.missing_rate import MissingRate
from monitor.stats.drift.out_of_range import OutOfRange
from monitor.stats.drift.proportion import Proportion
from monitor.stats.drift.psi import Psi
from monitor.stats.drift.quantile_shift import QuantileShift
from monitor.stats.drift.total_variation import TotalVariation
from monitor.stats.drift.unseen_category import UnseenCategory
from monitor.stats.drift.variance_shift import VarianceShift
from monitor.stats.drift.wasserstein import Wasserstein
from monitor.stats.drift.welch_t import WelchT
from monitor.stats.drift_test import DriftTest

_SHIPPED: tuple[DriftTest, ...] = (
    Psi(),
    KolmogorovSmirnov(),
    ChiSquared(),
    JensenShannon(),
    Wasserstein(),
    MissingRate(),
    UnseenCategory(),
    OutOfRange(),
    CramerVonMises(),
    AndersonDarling(),
    Kuiper(),
    EnergyDistance(),
    MannWhitney(),
    WelchT(),
    MeanShift(),
    QuantileShift(),
    VarianceShift(),
    Levene(),
    Hellinger(),
    KullbackLeibler(),
    TotalVariation(),
    LInfinity(),
    GTest(),
    Proportion(),
    FisherExact(),
)

DRIFT_TESTS: Mapping[str, DriftTest] = MappingProxyType({test.name: test for test in _SHIPPED})
"""The shipped tests by name, with their default parameters."""
