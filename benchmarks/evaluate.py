"""Judging 1,000 models of 25 features on one core: merge the stored shares, test every feature, judge it.

Ours starts from the bytes of the shares as the database holds them (two partitions a window) and ends with findings,
through the code that the scheduler runs, in a process that is set up like its own; baselines and bound checks are at
hand, as they are after the first run, and the database itself is left out on all sides. One distribution test a
feature, PSI; `seconds_1000x25_all_checks` is the same with every check that a baseline proposes,
`seconds_1000x25_default` with all that a new model has: those and the alarm budget's. In a fifth of the windows
fourteen columns have moved, and what carries the drift is worked out; `seconds_1000x25_default_quiet` is the same where
nothing has, and `seconds_1000x25_default_checks` the checks of these alone, from merged profiles in memory to findings:
what peers are measured by, who get their rows in memory.

The peers start from the window's raw rows and the training rows as arrays in memory: scipy runs Kolmogorov-Smirnov on
numbers and chi-squared on words, Evidently its DataDriftPreset. Both are measured on a few models in the same run and
extrapolated. Seconds are those of the processor, the median of rounds.

`seconds_1000x25_database` is a whole knock by the wall clock: the same windows with PSI in a SQLite file, read, judged,
folded and committed one by one; `queries_per_model` counts its statements.
"""

import os
import statistics
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from scipy import stats

from benchmarks.payloads import HOUR, START, columns
from benchmarks.stored_fleet import judge_fleet
from benchmarks.stored_shares import StoredShares
from monitor.cli.main import sweep_seldom
from monitor.domain.budgets import ONE_A_MONTH, AlarmBudget
from monitor.domain.checks import CheckSpec
from monitor.domain.evaluation import Evaluation
from monitor.domain.findings import EvaluationKind
from monitor.domain.models import ALL_TRAFFIC, ModelRef, MonitoredModel
from monitor.domain.partitions import PartitionId
from monitor.domain.stream import Share, ShareKey
from monitor.domain.time import to_ms
from monitor.domain.windows import Window, WindowSpec
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stats.drift import DRIFT_TESTS
from monitor.stats.performance import PERFORMANCE_METRICS
from monitor.stats.profiles.model import ModelProfile
from monitor.usecases.compared import Compared, compared_ahead
from monitor.usecases.judging import Judge
from monitor.usecases.model_checks import ModelChecks
from monitor.usecases.stored_windows import StoredWindows, Wanted, in_portions
from monitor.usecases.whole_model import Before
from monitor.usecases.window_content import window_content

MODELS, ROUNDS = 1_000, 5
TRAINING_ROWS, WINDOW_ROWS, PARTITIONS = 20_000, 2_000, 2
DISTINCT_BASELINES, DISTINCT_WINDOWS = 10, 100
SCIPY_MODELS, EVIDENTLY_MODELS = 20, 3
WINDOW = Window(START, START + HOUR)
SHIFTED = 0.2
"""A fifth of the windows drift, so that judging sees both outcomes."""

Say = Callable[[str], object]


def run(progress: Say) -> dict[str, float | int]:
    """Seconds for all models, and how many times as long the peers take."""
    sweep_seldom()
    progress(f"making {DISTINCT_BASELINES} baselines and the shares of {MODELS:,} windows")
    baselines, payloads = _made()
    stored = _stored(baselines, payloads)
    one_each = _ours(stored, (CheckSpec("psi"),), progress, "one test a feature")
    everything = _ours(stored, (), progress, "every proposed check")
    default = _ours(stored, (), progress, "every check of a new model", ONE_A_MONTH)
    nothing_moved = _stored(baselines, payloads[round(SHIFTED * DISTINCT_WINDOWS) :])
    quiet = _ours(nothing_moved, (), progress, "every check of a new model, no window drifts", ONE_A_MONTH)
    checks_alone = _checks_alone(nothing_moved, progress)
    database = judge_fleet(_models((CheckSpec("psi"),)), WINDOW, baselines, payloads, WINDOW_ROWS, progress)
    training, window = columns(TRAINING_ROWS, seed=99), columns(WINDOW_ROWS, seed=5)
    scipy_s = _scipy(training, window, progress)
    evidently_s = _evidently(training, window, progress)
    return {
        "seconds_1000x25": round(one_each, 3),
        "vs_scipy": round(scipy_s / one_each, 1),
        "vs_evidently": round(evidently_s / one_each, 1),
        "seconds_1000x25_all_checks": round(everything, 3),
        "seconds_1000x25_default": round(default, 3),
        "seconds_1000x25_default_quiet": round(quiet, 3),
        "seconds_1000x25_default_checks": round(checks_alone, 3),
        **database,
        "scipy_seconds_1000x25": round(scipy_s, 1),
        "evidently_seconds_1000x25": round(evidently_s, 1),
        "window_rows": WINDOW_ROWS,
        "training_rows": TRAINING_ROWS,
        "rounds": ROUNDS,
    }


def _made() -> tuple[list[Baseline], list[list[bytes]]]:
    baselines = [
        Baseline.build(ModelRef("benchmark", str(n)), columns(TRAINING_ROWS, seed=100 + n), "made", with_pairs=True)
        for n in range(DISTINCT_BASELINES)
    ]
    return baselines, [_payloads(baselines[n % DISTINCT_BASELINES], n) for n in range(DISTINCT_WINDOWS)]


def _stored(baselines: Sequence[Baseline], payloads: Sequence[list[bytes]]) -> StoredShares:
    shares = {
        ModelRef(f"model-{n}", "1"): _shares(
            f"model-{n}", payloads[n % len(payloads)], baselines[n % DISTINCT_BASELINES]
        )
        for n in range(MODELS)
    }
    return StoredShares(shares, {one.id: one.to_bytes() for one in baselines})


def _payloads(baseline: Baseline, seed: int) -> list[bytes]:
    part, shift = WINDOW_ROWS // PARTITIONS, 1.0 if seed < SHIFTED * DISTINCT_WINDOWS else 0.0
    made = []
    for partition in range(PARTITIONS):
        profile = ModelProfile.empty(baseline.layouts)
        profile.update(columns(part, seed=1_000 * partition + seed, shift=shift), part)
        made.append(profile.to_bytes())
    return made


def _shares(model: str, payloads: list[bytes], baseline: Baseline) -> list[Share]:
    part = WINDOW_ROWS // PARTITIONS
    return [
        Share(ShareKey(model, "1", "", to_ms(START), baseline.id, PartitionId("log", n), 1), part, 0, 0, part, payload)
        for n, payload in enumerate(payloads)
    ]


def _ours(
    stored: StoredShares, checks: tuple[CheckSpec, ...], progress: Say, what: str, budget: AlarmBudget | None = None
) -> float:
    judge, wanted = _judge(stored), _wanted(_models(checks, budget))

    def once() -> float:
        began = time.process_time()
        for portion in in_portions(wanted):
            held = judge.read(portion)
            for _ in judge.judge_all(portion, held, WINDOW.end):
                pass
        return time.process_time() - began

    return _median(once, what, progress)


def _checks_alone(stored: StoredShares, progress: Say) -> float:
    """Of every check of a new model, without reading and merging shares."""
    judge, wanted = _judge(stored), _wanted(_models((), ONE_A_MONTH))
    checks = ModelChecks(DRIFT_TESTS, PERFORMANCE_METRICS)
    baselines: dict[str, Baseline] = {}

    def read(model: MonitoredModel, evaluation: Evaluation, held: StoredWindows) -> Compared:
        shares = held.shares_of(evaluation.model, ALL_TRAFFIC, WINDOW)
        at = shares[0].key.baseline_id
        baseline = baselines.get(at) or baselines.setdefault(at, Baseline.from_bytes(stored.get(at)))
        content = window_content({ALL_TRAFFIC: shares}, at, baseline)
        bound = checks.of_model(model, at, baseline), checks.of_drift(model, at, baseline)
        return Compared(at, baseline, content, *bound, Before())

    def judged(portion: Sequence[Wanted], held: StoredWindows, known: Mapping[ModelRef, Compared]) -> None:
        ahead = compared_ahead(portion, lambda _, evaluation: known[evaluation.model])
        for place, (model, evaluation) in enumerate(portion):
            judge.judge(model, evaluation, held, WINDOW.end, compared=ahead[place])

    def once() -> float:
        spent = 0.0
        for portion in in_portions(wanted):
            held = judge.read(portion)
            known = {evaluation.model: read(model, evaluation, held) for model, evaluation in portion}
            began = time.process_time()
            judged(portion, held, known)
            spent += time.process_time() - began
        return spent

    return _median(once, "every check of a new model, no window drifts, profiles at hand", progress)


def _judge(stored: StoredShares) -> Judge:
    return Judge(DRIFT_TESTS, PERFORMANCE_METRICS, stored, stored, "benchmark")  # type: ignore[arg-type]


def _wanted(models: Sequence[MonitoredModel]) -> list[Wanted]:
    return [
        (model, Evaluation(ModelRef(model.name, "1"), WINDOW, EvaluationKind.DRIFT, 0, WINDOW_ROWS)) for model in models
    ]


def _median(once: Callable[[], float], what: str, progress: Say) -> float:
    """Of rounds; a first run, which makes what later ones find, is not counted."""
    rounds = []
    for number in range(ROUNDS + 1):
        rounds.append(once())
        progress(f"{what}, {'first run' if not number else f'round {number}'}: {rounds[-1]:.2f} s")
    return statistics.median(rounds[1:])


def _models(checks: tuple[CheckSpec, ...], budget: AlarmBudget | None = None) -> list[MonitoredModel]:
    spec, of_each = WindowSpec(HOUR, HOUR), {"checks": checks, "propose_checks": not checks, "alarm_budget": budget}
    return [
        MonitoredModel(f"model-{n}", spec, timedelta(0), HOUR, **of_each)  # type: ignore[arg-type]  # by their names
        for n in range(MODELS)
    ]


def _scipy(training: Mapping[str, Column], window: Mapping[str, Column], progress: Say) -> float:
    began = time.process_time()
    for _ in range(SCIPY_MODELS):
        for name, column in training.items():
            _scipy_test(column, window[name])
    seconds = (time.process_time() - began) / SCIPY_MODELS * MODELS
    progress(f"scipy, extrapolated from {SCIPY_MODELS} models: {seconds:.1f} s")
    return seconds


def _scipy_test(training: Column, window: Column) -> float:
    if isinstance(training, NumericColumn) and isinstance(window, NumericColumn):
        return float(stats.ks_2samp(training.values, window.values, method="asymp").pvalue)
    assert isinstance(training, CategoricalColumn)
    assert isinstance(window, CategoricalColumn)
    before, now = np.array(training.values), np.array(window.values)
    names = np.unique(np.concatenate((before, now)))
    counts = [np.bincount(np.searchsorted(names, values), minlength=len(names)) for values in (before, now)]
    return float(stats.chi2_contingency(np.array(counts)).pvalue)


def _evidently(training: Mapping[str, Column], window: Mapping[str, Column], progress: Say) -> float:
    warnings.simplefilter("ignore")
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    numbers = [name for name, column in training.items() if isinstance(column, NumericColumn)]
    words = [name for name in training if name not in numbers]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=words)
    reference, current = (
        Dataset.from_pandas(pd.DataFrame({k: v.values for k, v in made.items()}), data_definition=definition)
        for made in (training, window)
    )
    Report([DataDriftPreset()]).run(current, reference)  # imports and caches are not counted
    began = time.process_time()
    for _ in range(EVIDENTLY_MODELS):
        Report([DataDriftPreset()]).run(current, reference)
    seconds = (time.process_time() - began) / EVIDENTLY_MODELS * MODELS
    progress(f"evidently, extrapolated from {EVIDENTLY_MODELS} models: {seconds:.0f} s")
    return seconds
