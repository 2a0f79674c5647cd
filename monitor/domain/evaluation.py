"""One evaluation: a window of one model version that is due, and what judging it commits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from monitor.domain.findings import EvaluationKind, Finding
from monitor.domain.models import ModelRef
from monitor.domain.retraining import RetrainRequest
from monitor.domain.rules import AlertEvent, RuleState, Subject, Transition
from monitor.domain.windows import Window


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A window that is due. `mark` tells which state of the data it covers: the number of records, or statements, seen.

    A later evaluation of the same window with a larger mark is the next `revision` (the first is 0).
    """

    model: ModelRef
    window: Window
    kind: EvaluationKind
    revision: int
    mark: int


@dataclass(frozen=True, slots=True)
class DoneEvaluation:
    """The newest judged revision of a window, as stored."""

    model: ModelRef
    window: Window
    kind: EvaluationKind
    revision: int
    mark: int


@dataclass(frozen=True, slots=True)
class EvaluationCommit:
    """What one transaction saves: findings, rule states, transitions, alert events for the relay, requests.

    Unique by (model, window, kind, revision): a second commit of the same evaluation writes nothing and returns False.
    """

    evaluation: Evaluation
    findings: Sequence[Finding]
    states: Mapping[Subject, RuleState] = field(default_factory=dict)
    transitions: Sequence[Transition] = field(default=())
    events: Sequence[AlertEvent] = field(default=())
    requests: Sequence[RetrainRequest] = field(default=())
    judged_at_ms: int = 0
