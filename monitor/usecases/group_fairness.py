"""Fairness of a window: which checks a model has, and what they say of its groups."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from monitor.domain.checks import Check, CheckSpec, Threshold
from monitor.domain.errors import MonitorError
from monitor.domain.fairness import FairnessPolicy
from monitor.domain.findings import Verdict
from monitor.domain.models import ALL_TRAFFIC, PREDICTION, ModelRef, MonitoredModel, Segment
from monitor.domain.ports import PairReads
from monitor.domain.stream import JoinSpan
from monitor.domain.verification import JudgedRecord
from monitor.rules.explain import percent
from monitor.stats.fairness import FAIRNESS_MEASURES
from monitor.stats.fairness.measures import FairnessMeasure
from monitor.stats.fairness.outcomes import GroupCount, Groups, Rate, Smallest, counts_of, groups_of
from monitor.stats.judgement import judge, measured
from monitor.stats.profiles.categorical import CategoricalProfile
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.recorded import RecordedColumns, as_texts
from monitor.usecases.outcomes import Outcome

_NO_LIMIT = sys.float_info.max


class RecordReads(Protocol):
    """Records that were kept, column by column."""

    def read(self, ref: ModelRef, since_ms: int, until_ms: int, wanted: Sequence[str] | None = None) -> RecordedColumns:
        """The version's records of [since, until), each id once, of all columns or the wanted ones."""
        ...


@dataclass(frozen=True, slots=True)
class FairnessCheck:
    """A measure on one feature; `is_limited` is False when it is shown and never judged bad."""

    check: Check
    measure: FairnessMeasure
    is_limited: bool

    def outcome(self, groups: Groups) -> Outcome:
        """What it says of these groups: a number with its verdict, or a sentence on why there is none."""
        check, result = self.check, self.measure.run(groups)
        if result is None:
            why = "fewer than two groups count" if len(groups.counted) < 2 else "nobody was selected"
            return check, Verdict.INSUFFICIENT_DATA, f"{check.name}: {why}{_left_out(groups)}", None
        verdict, reason = judge(check, result, bad=Verdict.DEGRADED)
        said = reason.rsplit("; ", 1)[0] if self.is_limited else f"{measured(check, result)}, no limit is set"
        compared = f"{self.measure.rate}: {_rated(groups.least)} against {_rated(groups.most)}"
        return check, verdict, f"{said}; {compared}{_left_out(groups)}", result


def fairness_checks(model: MonitoredModel, rates: Sequence[Rate]) -> Iterator[FairnessCheck]:
    """Every measure of these rates on every sensitive feature, as the model's checks say."""
    policy = model.fairness
    for feature in policy.features if policy else ():
        for name, measure in FAIRNESS_MEASURES.items():
            if policy and measure.rate in rates:
                yield _check(policy, measure, feature, _spec(model, name, feature))


def selection_outcomes(model: MonitoredModel, profiles: Mapping[str, ModelProfile]) -> list[Outcome]:
    """The checks that need no truth, from the profiles of all traffic and of the segments."""
    policy = model.fairness
    if policy is None:
        return []
    whole = _favoured(ALL_TRAFFIC, profiles, policy.favourable)
    if whole is None:
        why = f"the baseline never saw the prediction {policy.favourable!r}"
        return [_silent(one, why) for one in fairness_checks(model, [Rate.SELECTION])]
    outcomes = []
    for one in fairness_checks(model, [Rate.SELECTION]):
        parts = [
            _favoured(segment.name, profiles, policy.favourable) or GroupCount(segment.name, 0, 0)
            for segment in _groups(model, one.check.column)
        ]
        unknown = whole.n - sum(part.n for part in parts)
        outcomes.append(one.outcome(groups_of(parts, _smallest(one.check, policy), unknown)))
    return outcomes


@dataclass(frozen=True, slots=True)
class TruthByGroup:
    """Judges the rates that need truth: which group a prediction belongs to is read from the kept rows."""

    pairs: PairReads
    records: RecordReads

    def outcomes(self, model: MonitoredModel, span: JoinSpan) -> list[Outcome]:
        """The checks of equalised odds over the predictions of the span whose truth is known."""
        if model.fairness is None:
            return []
        checks = list(fairness_checks(model, [Rate.TRUE_POSITIVE, Rate.FALSE_POSITIVE]))
        if model.archive is None:
            why = "raw rows tell which group a prediction belongs to, and none are kept: write `archive:`"
            return [_silent(one, why) for one in checks]
        try:
            rows = self.records.read(span.ref, span.since_ms, span.until_ms, model.fairness.features)
        except (MonitorError, FileNotFoundError) as error:
            return [_silent(one, f"the kept rows cannot be read: {error}", Verdict.FAILED) for one in checks]
        truths = {one.event_id: one for one in self.pairs.judged(span)}
        return [_of_truth(one, model, rows, truths) for one in checks]


def _of_truth(
    one: FairnessCheck, model: MonitoredModel, rows: RecordedColumns, truths: Mapping[str, JudgedRecord]
) -> Outcome:
    policy, feature = model.fairness, one.check.column
    if policy is None:
        raise ValueError("a model without a policy has no such check")
    if feature in (model.archive.personal if model.archive else ()):
        return _silent(one, f"{feature} is personal, and hidden in the kept rows")
    named = {segment.value: segment.name for segment in _groups(model, feature)}
    values = dict(zip(rows.event_ids, as_texts(rows.columns.get(feature), len(rows)), strict=True))
    judged = [truth for event_id, truth in truths.items() if event_id in values]
    names = [named.get(values[truth.event_id] or "") for truth in judged]
    favoured = [truth.prediction == policy.favourable for truth in judged]
    right = [truth.label == policy.favourable for truth in judged]
    counts, unknown = counts_of(one.measure.rate, names, favoured, right)
    there = {count.name for count in counts}
    empty = [GroupCount(name, 0, 0) for name in sorted(named.values()) if name not in there]
    return one.outcome(groups_of([*counts, *empty], _smallest(one.check, policy), unknown))


def _check(policy: FairnessPolicy, measure: FairnessMeasure, feature: str, spec: CheckSpec | None) -> FairnessCheck:
    limit = (spec.threshold if spec else None) or measure.default_threshold
    is_below = measure.rate is Rate.SELECTION and measure.default_threshold is not None
    threshold = replace(limit or Threshold(_NO_LIMIT), below=is_below)
    least = spec.min_records if spec and spec.min_records is not None else policy.min_records
    return FairnessCheck(Check(measure.name, feature, ALL_TRAFFIC, threshold, least), measure, limit is not None)


def _spec(model: MonitoredModel, test: str, feature: str) -> CheckSpec | None:
    """The last line of configuration about the measure on this feature."""
    specs = [spec for spec in model.checks if spec.test == test and {"*", feature} & set(spec.columns)]
    return specs[-1] if specs else None


def _groups(model: MonitoredModel, feature: str) -> list[Segment]:
    return [segment for segment in model.segments if segment.column == feature]


def _smallest(check: Check, policy: FairnessPolicy) -> Smallest:
    return Smallest(check.min_records, policy.min_share)


def _favoured(segment: str, profiles: Mapping[str, ModelProfile], favourable: str) -> GroupCount | None:
    """How many predictions of a segment are favourable; None without a record, or where the label is not known."""
    profile = profiles[segment].columns.get(PREDICTION) if segment in profiles else None
    if not isinstance(profile, CategoricalProfile) or favourable not in profile.layout.positions:
        return None
    hits = int(profile.counters[profile.layout.positions[favourable]])
    return GroupCount(segment, hits, profile.n_values)


def _silent(one: FairnessCheck, why: str, verdict: Verdict = Verdict.INSUFFICIENT_DATA) -> Outcome:
    return one.check, verdict, f"{one.check.name}: {why}", None


def _rated(one: GroupCount) -> str:
    low, high = one.interval
    return f"{one.name} {percent(one.rate)} [{percent(low)}, {percent(high)}] of {one.n:,}"


def _left_out(groups: Groups) -> str:
    said = [f"{name} has {why}" for name, why in groups.suppressed.items()]
    said += [f"{groups.unknown:,} records of no declared group"] * bool(groups.unknown)
    return f"; not compared: {', '.join(said)}" if said else ""
