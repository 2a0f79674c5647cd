"""The alarm budget as statistics: p-values, false alarms, power and run length, each in a seeded band."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from scipy import optimize, special, stats

from benchmarks.detectors import joined
from benchmarks.traffic_streams import CHANGES, HOUR_MS, Change, Latent, Stream
from monitor.domain.budgets import AlarmBudget, parse_alarm_budget
from monitor.domain.models import ModelRef
from monitor.domain.time import from_ms
from monitor.domain.windows import Window, WindowSpec
from monitor.stats.baseline import Baseline
from monitor.stats.budgeted import model_drift
from monitor.stats.calibration import noise, run_length, sudden
from monitor.stats.calibration.components import Components, Kind, arcsine
from monitor.stats.calibration.deviations import Deviations
from monitor.stats.calibration.model_drift import Detector, DriftVerdict, ModelDrift
from monitor.stats.calibration.power import visible
from monitor.stats.calibration.rare import RareLaw
from monitor.stats.calibration.windows import BaselineWindows
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stats.profiles.model import ModelProfile

HOUR = timedelta(hours=1)
SPEC = WindowSpec(HOUR, HOUR)
ROWS, WINDOWS = 500, 96


class Traffic:
    """A stream with a baseline of four days, judged within a budget of so many false alarms a window."""

    def __init__(
        self,
        null: str,
        seed: int,
        a_window: float,
        windows: int = WINDOWS,
        held: Callable[[int], bool] = lambda _: True,
    ) -> None:
        self.stream = Stream(null, ROWS, seed)
        seen = [one for one in self.stream.windows(windows) if held(one[0] // HOUR_MS)]
        columns = joined([window for _, window in seen])
        whole = Baseline.build(ModelRef("m", "1"), columns)
        times = np.repeat(np.array([start for start, _ in seen]), ROWS)
        own = BaselineWindows.of(whole.whole, columns, times, HOUR_MS)
        assert own is not None
        self.windows = own
        self.baseline = replace(whole, windows=own.stored())
        judge = model_drift(self.baseline, SPEC, AlarmBudget(a_window, HOUR))
        assert judge is not None
        self.judge: ModelDrift = judge

    def profiles(self, number: int, change: Change | None = None) -> Iterator[tuple[Window, ModelProfile]]:
        for start, columns in self.stream.windows(number, change):
            profile = ModelProfile.empty(self.baseline.layouts)
            profile.update(columns, ROWS)
            yield Window(from_ms(start), from_ms(start + HOUR_MS)), profile

    def verdicts(self, number: int, change: Change | None = None) -> list[DriftVerdict]:
        found: list[DriftVerdict] = []
        for window, profile in self.profiles(number, change):
            found.append(self.judge.judge(profile, window, found[-1].state if found else None))
        return found

    def deviations(self, number: int) -> Deviations:
        seen = list(self.profiles(number))
        counts = self.judge.components.grouping.count(np.array([profile.block for _, profile in seen]))
        middles = np.array([float(window.start_ms + HOUR_MS / 2) for window, _ in seen])
        calibration = self.judge.calibration
        return Deviations.of(self.judge.components, calibration.usual(), calibration.expected(middles), counts)


@pytest.fixture(scope="module")
def quiet() -> Traffic:
    return Traffic("iid", 7, 1e-3)


# --- under no change


@pytest.mark.parametrize("null", ["iid", "ar1", "season"])
def test_false_alarms_stay_within_the_budget_whatever_the_dependence_of_the_traffic(null: str) -> None:
    """At 1 in 50 windows: 3 of 150 are expected at most; more than 10 have a chance of 0.0004."""
    verdicts = Traffic(null, 3, 0.02).verdicts(150)

    alarmed = sum(bool(verdict.columns) for verdict in verdicts)

    assert alarmed <= stats.binom.isf(1e-3, 150, 0.02) + 1


def test_a_short_baseline_of_dependent_records_does_not_alarm_for_its_own_error() -> None:
    """20 windows, each worth 26 independent records: at 1 in 50, 8 of 400 are expected at most; 18 by chance 0.001."""
    alarmed = [bool(one.columns) for seed in range(4) for one in Traffic("ar1", seed, 0.02, 20).verdicts(100)]

    assert sum(alarmed) <= stats.binom.isf(1e-3, 400, 0.02) + 1


def test_fourteen_windows_of_dependent_records_keep_the_budget_whatever_baseline_chance_gave() -> None:
    """At 1 in 50, 16 of 800 are expected at most; 30 by chance 0.001. With noise as it was found 52 alarm."""
    alarmed = [bool(one.columns) for seed in range(4) for one in Traffic("ar1", seed, 0.02, 14).verdicts(200)]

    assert sum(alarmed) <= stats.binom.isf(1e-3, 800, 0.02) + 1


def test_whole_numbers_beyond_a_range_that_ends_with_a_common_value_come_in_clusters() -> None:
    """Of this baseline's 7,000 rows none is beyond; of later windows one has six, which depend on each other."""
    traffic = Traffic("ar1", 5, 1e-3, 14)
    calibration, column = traffic.judge.calibration, traffic.judge.components.grouping.columns.index("num_16")

    assert traffic.windows.counts.beyond[:, column].sum() == 0
    assert calibration.rare_beyond[column] > 1


@pytest.mark.parametrize("null", ["iid", "ar1", "season"])
def test_p_values_of_location_are_uniform_where_nothing_changed(null: str) -> None:
    """1,600 scores of columns that do not depend on each other: a Kolmogorov-Smirnov test at 0.001.

    With dependence the noise is learnt and never below that of independent records: only too small p-values count.
    """
    traffic = Traffic(null, 5, 1e-3)
    found = traffic.deviations(80)

    p = 2 * special.ndtr(-np.abs(found.normal[:, traffic.judge.components.kind == Kind.LOCATION])).ravel()

    assert len(p) == 1600
    assert stats.kstest(p, "uniform", alternative="greater").pvalue > 1e-3
    if null == "iid":
        assert stats.kstest(p, "uniform").pvalue > 1e-3


# --- power


def test_a_quarter_of_a_standard_deviation_in_one_of_25_columns_is_found_within_three_windows(quiet: Traffic) -> None:
    runs = [quiet.verdicts(3, CHANGES["mean +0.25 sd"]) for _ in range(12)]

    named = [[any(one.column == "num_00" for one in verdict.columns) for verdict in run] for run in runs]

    assert sum(run[0] for run in named) >= 6, "0.8 at once: less than 6 of 12 has a chance of 0.004"
    assert sum(any(run) for run in named) >= 11
    others = {one.column for run in runs for verdict in run for one in verdict.columns} - {"num_00"}
    assert others == set()


@pytest.mark.parametrize(
    ("change", "what"),
    [("missing +5 points", "missing values"), ("new category 2 %", "unseen values"), ("mean +0.50 sd", "location")],
)
def test_a_fault_is_found_at_once_and_named(quiet: Traffic, change: str, what: str) -> None:
    verdict = quiet.verdicts(2, CHANGES[change])[1]

    assert [(one.column, one.what) for one in verdict.columns] == [(CHANGES[change].column, what)]
    assert Detector.SUDDEN in verdict.detectors


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda rows, _: rows + 3.0 * (np.arange(len(rows)) % 2), "location"),
        (lambda rows, _: 10.0 + rows, "location"),
        (lambda rows, _: rows * 1.5, "spread"),
    ],
    ids=["half of it moves far", "all of it leaves the range", "it spreads"],
)
def test_a_large_change_is_told_by_the_simplest_word_that_is_nearly_as_loud(change: Latent, what: str) -> None:
    """One that moves far moves location, spread, skew and tails: the loudest of them may be the least telling."""
    (found,) = Traffic("iid", 8, 1e-3).verdicts(1, Change("num_00", change))[0].columns

    assert found.what == what


def test_a_share_that_moved_is_told_as_what_it_was_and_is(quiet: Traffic) -> None:
    """500 records: four standard errors of 7 % are 0.046, of the usual 2 % in 48,000 they are 0.003.

    Of 500 the new category is expected in 10: between 1 and 25 but by chance 0.0001.
    """
    (missing,) = quiet.verdicts(1, CHANGES["missing +5 points"])[0].columns
    (new,) = quiet.verdicts(1, CHANGES["new category 2 %"])[0].columns
    (number,) = quiet.verdicts(1, CHANGES["mean +0.50 sd"])[0].columns

    assert missing.rates == pytest.approx((0.02, 0.07), abs=0.046)
    assert missing.rates is not None
    assert missing.rates[0] == pytest.approx(0.02, abs=0.003)
    assert new.rates is not None
    assert new.rates[0] < 0.001
    assert new.rates[1] == pytest.approx(0.026, abs=0.024)
    assert number.rates is None


def test_small_evidence_adds_up_and_the_verdict_says_since_when(quiet: Traffic) -> None:
    quiet.verdicts(5)
    verdicts = quiet.verdicts(20, CHANGES["mean +0.10 sd"])

    speaking = [verdict for verdict in verdicts if verdict.columns]

    assert speaking, "0.10 sd at 500 records takes about six windows"
    assert speaking[0].detectors == (Detector.ACCUMULATING,)
    began = verdicts[0].state.until_ms - HOUR_MS
    assert speaking[0].since_ms is not None
    assert began - 4 * HOUR_MS <= speaking[0].since_ms < speaking[0].state.until_ms - HOUR_MS


@pytest.mark.parametrize("seed", [11, 12])
def test_a_change_that_lasts_keeps_its_beginning(seed: int) -> None:
    """Scores and rare values take turns in telling of it, and windows that show little of it come between."""
    told = Traffic("iid", seed, 1e-3).verdicts(80, CHANGES["variance x1.3"])
    parts = [[part.since_ms for part in one.columns if part.column == "num_00"] for one in told]
    began = [since for of_window in parts for since in of_window if since is not None]

    assert len(began) > 70
    assert len(set(began)) == 1


def test_of_what_went_as_far_as_it_may_the_simplest_is_named(quiet: Traffic) -> None:
    """Location moves all the others, too, and a step of rounding says nothing about which is more."""
    accumulation, components = quiet.judge.accumulation, quiet.judge.components
    state = accumulation.start(0)
    farthest = np.rint((accumulation.threshold + 2.0)[:, np.newaxis, :] * 64).astype(np.int64)
    capped = replace(state, levels=np.broadcast_to(farthest, state.levels.shape))

    leading, _ = accumulation.leading(capped)

    numeric = components.grouping.is_numeric
    assert set(components.kind[leading[numeric]].tolist()) == {Kind.LOCATION}


def test_a_change_of_the_season_is_found_against_the_same_hour_of_other_days() -> None:
    """The season moves every column by up to half a standard deviation, and is no alarm; a quarter on top of it is."""
    traffic = Traffic("season", 11, 1e-3)

    verdicts = traffic.verdicts(6, CHANGES["mean +0.25 sd"])

    assert traffic.judge.calibration.season.harmonics
    assert {one.column for verdict in verdicts for one in verdict.columns} == {"num_00"}


def test_the_stated_smallest_change_is_the_one_that_is_found_so_often(quiet: Traffic) -> None:
    """A shift as large as `visible` says is found at once in 90 % of windows: less than 14 of 20 by chance 0.002."""
    found = next(one for one in visible(quiet.judge, ROWS) if one.column == "num_00")
    assert found.at_once is not None
    in_normal = found.at_once / np.sqrt(3 / np.pi)  # of ranks to that of a normal variable
    change = Change("num_00", lambda rows, _: rows + in_normal)

    named = [bool(quiet.verdicts(1, change)[0].columns) for _ in range(20)]

    assert 14 <= sum(named) <= 20
    assert found.in_time is not None
    assert found.in_time < found.at_once


def test_the_stated_rise_of_missing_values_is_the_one_that_is_found_so_often(quiet: Traffic) -> None:
    """As above, in a column of which nothing was missing; half of the rise is found in half of the windows at most."""
    rise = next(one for one in visible(quiet.judge, ROWS) if one.column == "num_19").missing_points / 100

    found, of_half = (
        sum(bool(quiet.verdicts(1, Change("num_19", missing=share))[0].columns) for _ in range(20))
        for share in (rise, rise / 2)
    )

    assert 14 <= found <= 20
    assert of_half <= 10
    assert rise < 0.03


def test_what_is_visible_does_not_hang_on_hours_that_the_baseline_hardly_has() -> None:
    """Nights of which one or two have enough traffic tell no course: what is usual then may be anything."""
    whole, by_day = (
        Traffic("season", 11, 1e-3, 336, held)
        for held in (lambda _: True, lambda hour: hour % 24 in range(5, 23) or hour % 11 == 0)
    )

    said = [
        np.array([one.in_time for one in visible(traffic.judge, 5_000) if one.column.startswith("num")], np.float64)
        for traffic in (whole, by_day)
    ]

    assert by_day.judge.calibration.season.harmonics
    assert np.median(said[1] / said[0]) < 1.25


# --- the sequential part


@pytest.mark.parametrize(("bet", "margin"), [(0.7, 0.3), (1.5, 0.5), (3.0, 0.0)])
def test_the_detector_runs_as_long_as_computed_before_a_false_alarm(bet: float, margin: float) -> None:
    """600 simulated runs of mean 100: the standard error is 4 %, the band four of them."""
    threshold = run_length.log_threshold(bet, margin, 0.0, float(np.log(100)))
    random = np.random.default_rng(1)
    log, lengths = np.full(600, -np.inf), np.zeros(600)
    running = np.ones(600, np.bool_)
    for _ in range(2000):
        log = np.logaddexp(0.0, log) + bet * (random.standard_normal(600) - margin) - bet**2 / 2
        lengths += running
        running &= log < threshold

    assert not running.any()
    assert lengths.mean() >= 84
    assert lengths.mean() <= 116


@pytest.mark.parametrize(("bet", "margin"), [(0.7, 0.5), (1.5, 0.5), (3.0, 0.4)])
def test_baselines_that_are_off_by_their_own_error_keep_the_rate_on_average(bet: float, margin: float) -> None:
    """One false alarm in 1,000 windows, mean over 6,000 baselines of 25 windows: the band is four standard errors.

    With the threshold of a baseline that is not off there would be 1.3 to 2.3 times as many.
    """
    threshold, not_off = (run_length.log_threshold(bet, margin, error, float(np.log(1_000))) for error in (0.2, 0.0))

    assert 0.9 <= _alarms(threshold, bet, margin, 0.2) * 1_000 <= 1.1
    assert _alarms(not_off, bet, margin, 0.2) * 1_000 >= 1.2


def _alarms(threshold: float, bet: float, margin: float, error: float) -> float:
    """Alarms a window of 6,000 detectors, each of which goes on from nothing after one; the first 50 do not count."""
    random = np.random.default_rng(1)
    off, log, alarms = random.normal(0, error, 6_000), np.full(6_000, -np.inf), 0
    for window in range(-50, 400):
        score = random.standard_normal(6_000) + off
        log = np.logaddexp(0.0, log) + bet * (score - margin) - bet**2 / 2
        passed = log >= threshold
        alarms += int(passed.sum()) * (window >= 0)
        log[passed] = -np.inf
    return alarms / (400 * 6_000)


def test_a_state_survives_being_written_and_overlapping_windows_add_nothing(quiet: Traffic) -> None:
    (first, _), (second, profile) = quiet.profiles(2)
    state = quiet.judge.judge(profile, second, None).state

    read = quiet.judge.accumulation.restored(state.to_text())
    overlapping = Window(first.start + HOUR / 2, second.end - HOUR / 2)

    assert read.to_text() == state.to_text()
    assert quiet.judge.judge(profile, overlapping, read).state.to_text() == state.to_text()
    later = Window(second.end, second.end + HOUR)
    once, again = (quiet.judge.judge(profile, later, one).state.to_text() for one in (state, read))
    assert once == again != state.to_text()
    with pytest.raises(ValueError, match="other columns"):
        quiet.judge.accumulation.restored(replace(state, levels=state.levels[1:]).to_text())


# --- parts against other programs


def test_the_signed_root_is_that_of_the_likelihood_ratio() -> None:
    """Against a search for the tilt by scipy, on a skewed column with an atom."""
    random = np.random.default_rng(2)
    values = np.where(random.random(4_000) < 0.3, 0.0, random.exponential(1.0, 4_000))
    whole = Baseline.build(ModelRef("m", "1"), {"x": NumericColumn(values)}).whole
    components = Components.of(whole, 1_000)
    counts = components.grouping.count(whole.block[np.newaxis])
    shares = counts.groups[0] / counts.groups[0].sum()
    moved = np.random.default_rng(3).multinomial(1_000, shares * np.linspace(0.7, 1.3, len(shares)) / 1.0 / np.sum(
        shares * np.linspace(0.7, 1.3, len(shares)))).astype(np.float64)  # fmt: skip
    phi = components.phi[:, 0]

    assert shares @ phi == pytest.approx(0, abs=1e-12)
    assert shares @ phi**2 == pytest.approx(1)
    mean = moved @ phi / 1_000
    best = optimize.minimize_scalar(lambda tilt: np.log(shares @ np.exp(tilt * phi)) - tilt * mean)
    expected = np.sign(mean) * np.sqrt(-2 * 1_000 * best.fun)
    window = replace(counts, groups=moved[np.newaxis], values=np.array([[1_000.0]]))
    assert components.scores(window)[0, 0] == pytest.approx(expected, rel=1e-3)


def test_the_polynomials_of_many_equal_groups_are_those_of_legendre() -> None:
    whole = Baseline.build(ModelRef("m", "1"), {"x": NumericColumn(np.arange(32_000.0))}).whole
    components = Components.of(whole, 10_000)
    middle = (np.arange(32) + 0.5) / 16 - 1

    for order in range(4):
        legendre = np.sqrt(2 * order + 3) * special.eval_legendre(order + 1, middle)
        np.testing.assert_allclose(components.phi[:, order], legendre, atol=0.1)


def test_the_arcsine_score_is_normal_where_the_binomial_is() -> None:
    hits = np.array([[150.0, 190.0]])
    exact = stats.norm.isf(stats.binom.sf(hits - 0.5, 1_000, 0.15))

    np.testing.assert_allclose(arcsine(hits, np.array([[1_000.0]]), np.array([0.15])), exact, atol=0.06)


def test_tails_of_counts_and_of_student_are_those_of_scipy() -> None:
    hits, expected, spread = np.array([1.0, 7, 40]), np.array([2.0, 2, 12]), np.array([0.5, 0.1, 0.02])
    found = RareLaw(spread, np.zeros(3)).p_value(hits, expected, np.ones(3), np.ones(3, np.bool_))
    r = 1 / spread
    np.testing.assert_allclose(found, stats.nbinom.sf(hits - 1, r, r / (r + expected)), rtol=1e-9)

    t, df = np.array([-6.0, 0.5, 9.0, 3.0]), np.array([12.0, 100, 30, np.inf])
    tails = np.append(stats.t.sf(t[:3], df[:3]), stats.norm.sf(3.0))
    np.testing.assert_allclose(noise.normal_scores(t, df, np.arange(3)), stats.norm.isf(tails), rtol=1e-8)


def test_variances_are_moderated_as_by_smyth() -> None:
    """Drawn from the model itself (prior 2 with 20 degrees of freedom): both are found again, and errors halve."""
    random = np.random.default_rng(4)
    true = 2 * 20 / random.chisquare(20, 400)
    df = np.full(400, 15.0)
    seen = true * random.chisquare(15, 400) / 15

    found, total = noise.moderated(seen, df, np.zeros(400, np.int64))

    assert total[0] - 15 == pytest.approx(20, rel=0.35)
    assert np.mean((np.log(found) - np.log(true)) ** 2) < 0.6 * np.mean((np.log(seen) - np.log(true)) ** 2)
    assert noise.inverse_trigamma(float(special.polygamma(1, 3.7))) == pytest.approx(3.7)


def test_holm_rejects_step_by_step() -> None:
    p = np.array([0.04, 0.001, 0.013, 0.3])

    assert sudden.holm(p, 0.05, np.full(4, 0.25)).tolist() == [False, True, True, False]
    assert sudden.holm(np.array([0.001, 0.002]), 0.05, np.full(2, 0.5)).tolist() == [True, True]


# --- baselines


def test_windows_are_stored_exactly_and_merge_into_longer_ones(quiet: Traffic) -> None:
    stored = quiet.windows.stored()

    restored = BaselineWindows.restored(stored, quiet.baseline.whole)
    longer = restored.merged(6 * HOUR_MS)

    assert restored.stored() == stored
    assert longer is not None
    assert len(longer.starts_ms) == WINDOWS // 6
    assert longer.counts.groups.sum() == restored.counts.groups.sum()
    assert restored.merged(HOUR_MS * 3 // 2) is None


def test_a_baseline_keeps_its_windows_and_one_without_them_its_id(quiet: Traffic) -> None:
    again = Baseline.from_bytes(quiet.baseline.to_bytes())
    without = replace(quiet.baseline, windows=None)

    assert again.windows == quiet.baseline.windows
    assert again.id == quiet.baseline.id != without.id
    assert Baseline.from_bytes(without.to_bytes()).windows is None


@pytest.mark.parametrize("number", [1, 4])
def test_odd_columns_get_a_verdict_and_stop_no_other(number: int) -> None:
    """Constant, all missing, all unseen, infinite: whatever comes, the verdict is there and finite."""
    random = np.random.default_rng(number)
    good = random.normal(size=2_000)
    columns: dict[str, Column] = {
        "constant": NumericColumn(np.ones(2_000)),
        "empty": NumericColumn(np.full(2_000, np.nan)),
        "one": CategoricalColumn(["x"] * 2_000),
        "good": NumericColumn(good),
    }
    baseline = Baseline.build(ModelRef("m", "1"), columns)
    judge = model_drift(baseline, SPEC, parse_alarm_budget("1 per month"))
    assert judge is not None
    profile = ModelProfile.empty(baseline.layouts)
    profile.update({"constant": NumericColumn(np.full(500, 2.0)), "one": CategoricalColumn(["y"] * 500),
                    "good": NumericColumn(np.full(500, np.inf))}, 500)  # fmt: skip

    verdict = judge.judge(profile, SPEC.starting(0), None)

    assert {one.column for one in verdict.columns} == {"constant", "one", "good"}
    assert all(np.isfinite(one.effect) for one in verdict.columns)
    quiet = ModelProfile.empty(baseline.layouts)
    quiet.update({name: column.take(np.arange(500)) for name, column in columns.items()}, 500)
    assert judge.judge(quiet, SPEC.starting(0), None).columns == ()


# --- categories over a few windows


def test_a_change_of_several_categories_is_found_by_all_of_them_together(quiet: Traffic) -> None:
    """One up by 4 points, one down by 6: on average in 4 windows, in at least 6 of 8 runs within seven."""
    runs = [quiet.verdicts(7, CHANGES["category +5 points"]) for _ in range(8)]

    found = sum(any(one.column == "cat_1" for verdict in run for one in verdict.columns) for run in runs)

    assert found >= 6


def test_categories_over_a_few_windows_are_as_rare_as_stated_where_nothing_changed(quiet: Traffic) -> None:
    """Of 380 overlapping windows 3.8 are expected beyond 1 in 100 at most; more than 12 by chance: 0.0003."""
    verdicts = quiet.verdicts(76)

    rarity = np.array([verdict.state.rarity for verdict in verdicts]) / 64

    assert (rarity > np.log(100)).sum() <= 12
    assert (rarity > np.log(2)).any(), "it does look at them"
    assert (rarity[:, quiet.judge.components.grouping.is_numeric] == 0).all()
    assert (rarity[0] == 0).all(), "the first window has none before it"


@pytest.mark.parametrize("of_many", [special.chdtrc, special.betainc])
def test_functions_of_several_numbers_leave_out_what_is_masked(of_many: np.ufunc) -> None:
    """Our p-values rest on it. Those of one number, as `special.ndtr`, do not (scipy 1.17 with numpy 2.4)."""
    rng = np.random.default_rng(7)
    numbers, wanted = rng.uniform(0.01, 0.99, (of_many.nin, 1, 9_920)), rng.random((1, 9_920)) < 0.05
    found = np.ones(wanted.shape)

    of_many(*numbers, out=found, where=wanted)

    assert (found == np.where(wanted, of_many(*numbers), 1.0)).all()
