"""Findings: what a check said about one revision of one window, with the evidence to say it again."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from json.encoder import encode_basestring_ascii
from typing import ClassVar

import msgspec

from monitor.domain.checks import Check, Threshold
from monitor.domain.models import ModelRef
from monitor.domain.values import Value
from monitor.domain.windows import Window


class Verdict(StrEnum):
    """The outcome of a check. *Not enough data* is an answer of equal rank, never an exception."""

    OK = "ok"
    WARNING = "warning"
    DRIFTED = "drifted"
    DEGRADED = "degraded"
    LOW_VOLUME = "low_volume"
    LOW_COVERAGE = "low_coverage"
    NO_DATA = "no_data"
    INSUFFICIENT_DATA = "insufficient_data"
    FAILED = "failed"

    @property
    def is_bad(self) -> bool:
        """Drifted or degraded, or records that should have come did not."""
        return self in _BAD

    @property
    def is_known(self) -> bool:
        """An answer: there was enough data, and nothing failed."""
        return self not in {Verdict.INSUFFICIENT_DATA, Verdict.FAILED}


_BAD = {Verdict.DRIFTED, Verdict.DEGRADED, Verdict.LOW_VOLUME, Verdict.LOW_COVERAGE, Verdict.NO_DATA}


class EvaluationKind(StrEnum):
    """Drift windows are judged when they close; performance windows when truth has come; the reading by the clock; what
    single records show within seconds, in minutes of event time.
    """

    DRIFT = "drift"
    PERFORMANCE = "performance"
    STREAM = "stream"
    SEQUENTIAL = "sequential"


class TestResult(Value, frozen=True):
    """What a drift test computed: a statistic in the test's unit, and what it rests on.

    `p_value` is in [0, 1] or None where the test has none. `low` and `high` bound the exact statistic on the raw
    values where the bins leave room (None: the statistic is exact). `n_*` are numbers of records.
    """

    __test__: ClassVar[bool] = False  # not a pytest class

    statistic: float
    p_value: float | None
    n_baseline: int
    n_current: int
    low: float | None = None
    high: float | None = None
    detail: Mapping[str, object] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is needed to compute a finding again, bit for bit."""

    baseline_id: str
    shares_digest: str
    offsets: Mapping[str, tuple[int, int]]
    code_version: str
    judged_at: str


class Finding(Value, frozen=True):
    """The outcome of one check on one revision of one window.

    `reason` is a sentence for people. `coverage` is the share of the window's records (or of its ground truth, for
    performance) that the finding rests on, None where unknown; `served_share` is the share of what the producers say
    they served that the window counted, None where they do not say.
    """

    model: ModelRef
    check: Check
    window: Window
    revision: int
    verdict: Verdict
    reason: str
    result: TestResult | None
    evidence: Evidence
    kind: EvaluationKind = EvaluationKind.DRIFT
    coverage: float | None = None
    served_share: float | None = None

    @property
    def id(self) -> str:
        """Hash of what the finding is about: writing it twice is writing it once."""
        return finding_id(self.model, self.check.name, self.window, self.revision, self.kind)


def finding_id(model: ModelRef, check_name: str, window: Window, revision: int, kind: EvaluationKind) -> str:
    """32 hexadecimal digits that depend on the subject alone, not on the outcome."""
    return finding_ids(model, window, revision, kind)(check_name)


def finding_ids(model: ModelRef, window: Window, revision: int, kind: EvaluationKind) -> Callable[[str], str]:
    """`finding_id` of any check of one window: what its dozens of findings have in common is put into words once."""
    before, after = _canonical([model.name, model.version]), _canonical([str(window), revision, kind.value])

    def of(check_name: str) -> str:
        return _digest(f"{before[:-1]},{encode_basestring_ascii(check_name)},{after[1:]}")

    return of


def content_id(value: object) -> str:
    """32 hexadecimal digits of the BLAKE2b hash of a JSON-able value in canonical form."""
    return _digest(_canonical(value))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str).encode


def threshold_json(threshold: Threshold) -> dict[str, object]:
    """The threshold as stored beside a finding, without its empty fields."""
    return {k: v for k, v in asdict(threshold).items() if v is not None}
