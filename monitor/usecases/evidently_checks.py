"""The findings of the metrics of Evidently that a model asks for: on raw rows, of a segment all at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Protocol

from monitor.domain.checks import RECORDS, Check, Parameter
from monitor.domain.errors import StoreUnavailable
from monitor.domain.evidently import EvidentlyAnswer, EvidentlySpec
from monitor.domain.findings import TestResult, Verdict
from monitor.domain.models import MonitoredModel
from monitor.stats.drift_test import LACKS, SAYS
from monitor.stats.judgement import judge
from monitor.stats.row_test import JointRows
from monitor.usecases.metric_limits import limit_of
from monitor.usecases.outcomes import Outcome


class EvidentlyRuns(Protocol):
    """Where Evidently is at hand."""

    def measure(self, rows: JointRows, wanted: Sequence[EvidentlySpec]) -> Sequence[EvidentlyAnswer]:
        """An answer for each, in their order; any exception when none could be had."""
        ...


class NoEvidently:
    """Where it is not."""

    def measure(self, rows: JointRows, wanted: Sequence[EvidentlySpec]) -> Sequence[EvidentlyAnswer]:  # noqa: ARG002 - there is none
        """In words that there is none."""
        return [EvidentlyAnswer(why="Evidently is not at hand here")] * len(wanted)


def evidently_outcomes(
    model: MonitoredModel, runs: EvidentlyRuns, read_rows: Callable[[str], JointRows | str]
) -> Iterator[Outcome]:
    """The outcomes, segment by segment; `read_rows` reads those of a segment, or says why they cannot be had."""
    by_segment: dict[str, list[EvidentlySpec]] = {}
    for spec in model.evidently:
        by_segment.setdefault(spec.segment, []).append(spec)
    for segment, specs in by_segment.items():
        yield from _of_segment(model, specs, runs, partial(read_rows, segment))


def check_of(model: MonitoredModel, spec: EvidentlySpec) -> Check:
    """The check that stands for the metric."""
    below = spec.is_p_value or (spec.threshold is not None and spec.threshold.below)
    limit, _ = limit_of(spec.threshold, higher_is_better=below)
    least = model.min_records if spec.min_records is None else spec.min_records
    return Check(spec.name, spec.column or RECORDS, spec.segment, limit, least, _in_words(spec))


def _in_words(spec: EvidentlySpec) -> Mapping[str, Parameter]:
    """The parameters as a finding keeps them: lists as text, and the metric where the finding is called otherwise."""
    kept = {key: ", ".join(map(str, of)) if isinstance(of, tuple) else of for key, of in spec.parameters.items()}
    return kept if spec.name == spec.metric else {"metric": spec.metric, **kept}


def _of_segment(
    model: MonitoredModel,
    specs: Sequence[EvidentlySpec],
    runs: EvidentlyRuns,
    read_rows: Callable[[], JointRows | str],
) -> list[Outcome]:
    checks = [check_of(model, spec) for spec in specs]
    try:
        rows = read_rows()
        if isinstance(rows, str):
            return [_unknown(check, rows) for check in checks]
        enough = [k for k, check in enumerate(checks) if len(rows.current) >= check.min_records]
        answers = dict(zip(enough, runs.measure(rows, [specs[k] for k in enough]) if enough else (), strict=True))
    except StoreUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - whatever is wrong with Evidently must harm no other check
        return [(check, Verdict.FAILED, f"{check.name} failed: {error}", None) for check in checks]
    too_few = EvidentlyAnswer(number=0.0)  # judged before its number is: there are not enough rows
    return [
        _judged(check, spec, answers.get(k, too_few), rows)
        for k, (check, spec) in enumerate(zip(checks, specs, strict=True))
    ]


def _judged(check: Check, spec: EvidentlySpec, answer: EvidentlyAnswer, rows: JointRows) -> Outcome:
    if answer.number is None and answer.is_fault:
        return check, Verdict.FAILED, f"{check.name} failed: {answer.why}", None
    detail: dict[str, object] = {LACKS: answer.why} if answer.number is None else {}
    detail |= {SAYS: answer.says} if answer.says else {}
    result = TestResult(answer.number or 0.0, None, len(rows.reference), len(rows.current), detail=detail)
    verdict, reason = judge(check, result)
    if verdict is Verdict.INSUFFICIENT_DATA:
        return check, verdict, reason, None
    if spec.threshold is None:
        n = f"{result.n_current:,} rows against {result.n_baseline:,} of the baseline"
        reason = f"{check.name} = {result.statistic:.4g}, no limit is set; {n}"
    return check, verdict, reason, result


def _unknown(check: Check, why: str) -> Outcome:
    return check, Verdict.INSUFFICIENT_DATA, f"{check.name}: {why}", None
