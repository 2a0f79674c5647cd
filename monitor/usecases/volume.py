"""Whether as many records came as usual: *no data* and *low volume* are answers of their own, and no drift."""

from monitor.domain.checks import Check, Threshold
from monitor.domain.evaluation import Evaluation
from monitor.domain.findings import Evidence, Finding, TestResult, Verdict
from monitor.domain.models import ALL_TRAFFIC, MonitoredModel
from monitor.domain.ports import AccountReads
from monitor.rules.conditions import RECORDS, SILENCE, VOLUME
from monitor.schedule.traffic import Usual, earlier_spans, usual


class Traffic:
    """Compares windows with the model's own history; without `reads` there is none."""

    def __init__(self, reads: AccountReads | None) -> None:
        self._reads = reads

    def findings(self, model: MonitoredModel, evaluation: Evaluation, evidence: Evidence) -> list[Finding]:
        """Did records come, and (where the model's history tells) as many as usual.

        An empty window of a model that is alive is a fault, unless the same hours are usually empty, too. The volume is
        that of all versions, so that a change of version is none of traffic.
        """
        n, expected = self._compare(model, evaluation)
        found = [_records_came(evaluation, evidence, expected)]
        if evaluation.mark and expected is not None and model.low_volume is not None:
            found.append(_volume(evaluation, evidence, expected, n, model.low_volume))
        return found

    def _compare(self, model: MonitoredModel, evaluation: Evaluation) -> tuple[int, Usual | None]:
        if self._reads is None or model.low_volume is None:
            return evaluation.mark, None
        window = evaluation.window
        own, *earlier = self._reads.volumes(model.name, [(window.start_ms, window.end_ms), *earlier_spans(window)])
        return own or evaluation.mark, usual(window, earlier)


def _records_came(evaluation: Evaluation, evidence: Evidence, expected: Usual | None) -> Finding:
    n = evaluation.mark
    check = Check(SILENCE, RECORDS, ALL_TRAFFIC, Threshold(0.0, below=True), 0)
    result = TestResult(float(n), None, 0, n)
    if n:
        return _finding(evaluation, check, Verdict.OK, f"{n:,} records came", result, evidence)
    if expected is not None and not expected.records:
        reason = f"no record came, and none usually does at this hour of the week (of {expected.weeks} weeks)"
        return _finding(evaluation, check, Verdict.OK, reason, result, evidence)
    reason = "no record came, though the model was seen before: the stream is silent"
    return _finding(evaluation, check, Verdict.NO_DATA, reason, result, evidence)


def _volume(evaluation: Evaluation, evidence: Evidence, expected: Usual, n: int, limit: float) -> Finding:
    check = Check(VOLUME, RECORDS, ALL_TRAFFIC, Threshold(limit, below=True), 0)
    ratio = n / expected.records if expected.records else 1.0
    is_low = expected.is_low(n, limit)
    reason = f"{n:,} records came, {ratio:.0%} of the {expected.records:,.0f} that are usual at this hour of the week"
    reason += f" (median of {expected.weeks} weeks)" + (f"; low volume is below {limit:.0%}" if is_low else "")
    result = TestResult(ratio, None, round(expected.records), n, detail={"weeks": expected.weeks})
    return _finding(evaluation, check, Verdict.LOW_VOLUME if is_low else Verdict.OK, reason, result, evidence)


def _finding(  # noqa: PLR0917 - the parts of a finding
    evaluation: Evaluation, check: Check, verdict: Verdict, reason: str, result: TestResult, evidence: Evidence
) -> Finding:
    e = evaluation
    return Finding(e.model, check, e.window, e.revision, verdict, reason, result, evidence, e.kind)
