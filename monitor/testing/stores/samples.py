"""Values that the kit stores and expects back."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from monitor.domain.checks import Check, Threshold
from monitor.domain.errors import RejectReason
from monitor.domain.evaluation import Evaluation, EvaluationCommit
from monitor.domain.findings import EvaluationKind, Evidence, Finding, TestResult, Verdict
from monitor.domain.models import ALL_TRAFFIC, ModelRef
from monitor.domain.records import DeadLetter, LetterForm, PartitionId, Prediction, Truth
from monitor.domain.retraining import JobPhase, RetrainJob, RetrainRequest
from monitor.domain.rules import AlertEvent, Chart, Severity
from monitor.domain.stream import Claim, Flush, Share, ShareKey, TopicKind
from monitor.domain.windows import Window

MODEL = ModelRef("churn", "3")
FIRST, SECOND = PartitionId("inference", 0), PartitionId("inference", 1)
START = datetime(2026, 11, 1, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOUR_MS = 3_600_000
START_MS = 1_793_527_200_000


def flush(
    claim: Claim,
    upto: int,
    shares: Sequence[Share] = (),
    predictions: Sequence[Prediction] = (),
    truths: Sequence[Truth] = (),
    *,
    dead_letters: Sequence[DeadLetter] = (),
    watermark_ms: int | None = None,
    old_offset: int | None = None,
) -> Flush:
    """A flush of the claim up to an offset, from where the claim stood unless `old_offset` says otherwise."""
    return Flush(
        claim,
        TopicKind.INFERENCE,
        claim.next_offset if old_offset is None else old_offset,
        upto,
        watermark_ms=watermark_ms,
        highwater=upto + 5,
        saved_at_ms=START_MS + 17,
        shares=shares,
        predictions=predictions,
        truths=truths,
        dead_letters=dead_letters,
    )


def share(
    claim: Claim,
    n: int,
    pane: int = 0,
    *,
    segment: str = ALL_TRAFFIC,
    ref: ModelRef = MODEL,
    payload: bytes = b"\0profile",
) -> Share:
    """The claim's share of the pane that starts so many hours after START, of n records (one of them late)."""
    start_ms = START_MS + pane * HOUR_MS
    key = ShareKey(ref.name, ref.version, segment, start_ms, "b1", claim.partition, claim.epoch)
    return Share(key, n, 1, 0, n, payload)


def prediction(event_id: str, minutes: float = 0, text: str = "yes", ref: ModelRef = MODEL) -> Prediction:
    """A prediction made so many minutes after START."""
    return Prediction(ref.name, ref.version, event_id, START_MS + round(minutes * 60_000), text, 0.75)


def truth(event_id: str, label: str = "no", minutes: float = 600, model: str = MODEL.name) -> Truth:
    """Ground truth known so many minutes after START."""
    return Truth(model, event_id, label, START_MS + round(minutes * 60_000))


def dead_letter(offset: int, partition: PartitionId = FIRST, model: str | None = None) -> DeadLetter:
    """A rejected message with bytes that are no text."""
    reason = RejectReason.MALFORMED_JSON if model is None else RejectReason.TOO_LATE
    said, form = (("ce-id", b"\0a"), ("ce-id", None)), LetterForm.MESSAGE if model else LetterForm.PART
    return DeadLetter(partition, offset, reason, "unexpected end", b"\xff\0{", 3, b"\0k", model, said, 17, form)


def window(hours: int = 0) -> Window:
    """The hour that starts so many hours after START."""
    return Window(START + hours * HOUR, START + (hours + 1) * HOUR)


def finding(
    hours: int = 0,
    revision: int = 0,
    column: str = "age",
    verdict: Verdict = Verdict.DRIFTED,
    *,
    kind: EvaluationKind = EvaluationKind.DRIFT,
    ref: ModelRef = MODEL,
) -> Finding:
    """A finding with everything that is hard to store: parameters of each type, nesting, an infinite bound."""
    threshold = Threshold(0.25, warning=0.1, alpha=0.01, below=True)
    check = Check("psi", column, "de", threshold, 100, {"pseudo_count": 1.0, "bins": 20, "mode": "1", "smooth": True})
    detail = {"worst": ["30-39", 0.5, None], "by_bin": {'é\n"quoted"': 1}}
    result = TestResult(0.3125, 1e-300, 10_000, 200, low=0.1 + 0.2, high=math.inf, detail=detail)
    evidence = Evidence("b1", "d1", {"inference/0": (0, 7)}, "0.1.0", "2026-11-01T11:00:03Z")
    return Finding(
        ref, check, window(hours), revision, verdict, "age drifted", result, evidence, kind=kind, coverage=0.5
    )


def evaluation(hours: int = 0, revision: int = 0, mark: int = 100, ref: ModelRef = MODEL) -> Evaluation:
    """The drift evaluation of an hour."""
    return Evaluation(ref, window(hours), EvaluationKind.DRIFT, revision, mark)


def judged(hours: int = 0, revision: int = 0, *findings: Finding) -> EvaluationCommit:
    """What an evaluation commits when it has findings and nothing else."""
    return EvaluationCommit(evaluation(hours, revision), findings or (finding(hours, revision),), judged_at_ms=1)


def alert_event(number: int = 0) -> AlertEvent:
    """An alert event with every field in use."""
    return AlertEvent(
        labels={"rule": "psi-high", "model": "churn", "number": str(number)},
        annotations={"summary": "zwölf Spalten\n…", "empty": ""},
        severity=Severity.CRITICAL,
        starts_at=START + timedelta(microseconds=123_457),
        ends_at=START + HOUR,
        link="https://monitor.example/f/1",
        charts=(Chart("age", ("a", "b"), (0.5, 0.5), (1.0, 0.0)),),
    )


def request(number: int = 0, model: str = MODEL.name) -> RetrainRequest:
    """A request of a rule, so many hours after START."""
    return RetrainRequest(model, MODEL.version, "psi-high", START + number * HOUR, "psi(age) is 0.31")


def job(of: RetrainRequest, phase: JobPhase = JobPhase.APPROVED, detail: str = "") -> RetrainJob:
    """A job with instants to the microsecond."""
    taken = START + timedelta(hours=3, microseconds=7)
    return RetrainJob(of, phase, taken + timedelta(seconds=len(detail)), taken, detail=detail, external_id="run-7")
