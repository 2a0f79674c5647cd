"""Results of drift tests on the columns of many windows, one call a test."""

from collections.abc import Iterator, Mapping, Sequence

from monitor.domain.errors import BaselineError
from monitor.domain.findings import TestResult
from monitor.stats.baseline import Baseline
from monitor.stats.drift_test import DriftTest, run_windows
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.side_by_side import ComparedColumns, Portion
from monitor.usecases.model_checks import BoundChecks

Place = tuple[str, int]
"""A segment, and the place of a test among those of its checks that compare columns."""

TestedWindow = tuple[Mapping[str, BoundChecks], Baseline, Mapping[str, ModelProfile]]
"""The checks by segment, and both sides that they compare; the window's profiles by segment."""

Results = Mapping[Place, Sequence[TestResult]]


def tested_ahead(windows: Sequence[TestedWindow]) -> list[Results]:
    """What the tests say of each window. A test that breaks says nothing here: it tells which column it was later."""
    found: list[dict[Place, Sequence[TestResult]]] = [{} for _ in windows]
    asked: dict[DriftTest, list[tuple[int, Place, ComparedColumns]]] = {}
    held = [(k, side) for k, window in enumerate(windows) for side in _sides(*window)]
    portion = Portion([(reference, current) for _, (*_, reference, current) in held])
    for beside, (k, (segment, bound, reference, current)) in enumerate(held):
        for at, tested in enumerate(bound.by_test):
            columns = ComparedColumns(reference, current, tested.names, portion, beside)
            asked.setdefault(tested.test, []).append((k, (segment, at), columns))
    for test, compared in asked.items():
        try:
            results = run_windows(test, [columns for _, _, columns in compared])
        except Exception:  # noqa: BLE001, S112 - tests are plug-ins; it comes again when its window is judged
            continue
        begin = 0
        for k, place, columns in compared:
            found[k][place] = results[begin : begin + len(columns.names)]
            begin += len(columns.names)
    return list(found)


def _sides(
    checks: Mapping[str, BoundChecks], baseline: Baseline, profiles: Mapping[str, ModelProfile]
) -> Iterator[tuple[str, BoundChecks, ModelProfile, ModelProfile]]:
    """The segments that are on both sides, with their checks and profiles."""
    for segment, bound in checks.items():
        current = profiles.get(segment)
        if current is None:
            continue
        try:
            reference = baseline.profile(segment)
        except BaselineError:
            continue
        yield segment, bound, reference, current
