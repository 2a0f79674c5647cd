"""Fairness of a span of event time, category by category, from kept rows: what people and regulators ask for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import NamedTuple

import numpy as np

from monitor.domain.errors import MonitorError
from monitor.domain.findings import TestResult, content_id
from monitor.domain.models import PREDICTION, SCORE, ModelRef, MonitoredModel, truth_name
from monitor.domain.ports import EvaluationStore, PairReads, Records
from monitor.domain.stream import JoinSpan
from monitor.domain.time import format_instant, to_ms
from monitor.stats.fairness import FAIRNESS_MEASURES
from monitor.stats.fairness.outcomes import GroupCount, Groups, Rate, Smallest, counts_of, groups_of
from monitor.stats.recorded import as_numbers, as_texts
from monitor.usecases.group_fairness import RecordReads
from monitor.usecases.kept_span import why_not_kept

BY = " x "
"""Between the features, and the categories, of an intersection."""

MOST_GROUPS = 50
"""A feature of more values is a number or an id, whose values are no groups."""


@dataclass(frozen=True, slots=True)
class AuditWish:
    """Whose predictions: of the model in [since, until), of these versions (none named: all that have kept rows).

    `features` are sensitive columns, `favourable` the label that counts as selected; with `by_score` a record counts
    as selected whose score (or number predicted) lies above the median of all.
    """

    model: MonitoredModel
    since: datetime
    until: datetime
    features: tuple[str, ...]
    favourable: str
    smallest: Smallest
    versions: tuple[str, ...] = ()
    by_score: bool = False


@dataclass(frozen=True, slots=True)
class Audited:
    """One feature, or an intersection of two: its groups by each rate, and what the measures say of them."""

    feature: str
    groups: dict[Rate, Groups]
    measures: dict[str, TestResult]


@dataclass(frozen=True, slots=True)
class Audit:
    """The whole: `records` were judged, `unjudged` have no prediction or score. `evidence` hashes what was counted.

    `rate` is the share of records that was kept; `median` that of the scores, None where labels are what counts.
    `findings` are the ids of the fairness checks' findings about windows in the span.
    """

    wish: AuditWish
    features: tuple[Audited, ...]
    versions: tuple[str, ...]
    records: int
    unjudged: int
    with_truth: int
    rate: float
    median: float | None
    evidence: str
    findings: tuple[str, ...]


_LACKING = "records carry `prediction` and `score` beside their features"


class _Record(NamedTuple):
    """A kept row with its truth, as far as both are known."""

    event_id: str
    label: str | None
    score: float
    groups: tuple[str | None, ...]
    truth: str | None


@dataclass(frozen=True, slots=True)
class AuditFairness:
    """The use case; it reads and changes nothing."""

    kept: RecordReads
    records: Records
    pairs: PairReads
    findings: EvaluationStore

    def run(self, wish: AuditWish) -> Audit:
        """Audit the kept rows of the span; MonitorError says what is missing."""
        versions = self._versions(wish)
        read = [self._of_version(wish, version) for version in versions]
        records = [record for found, _ in read for record in found]
        if not records:
            raise MonitorError(why_not_kept(wish.model, to_ms(wish.since), to_ms(wish.until), self.records))
        _require_once(versions, records)
        judged = [one for one in records if (np.isfinite(one.score) if wish.by_score else one.label is not None)]
        _require(wish, judged, {rate for _, rate in read})
        median = float(np.median([one.score for one in judged])) if wish.by_score else None
        selected = [one.label == wish.favourable if median is None else one.score > median for one in judged]
        return Audit(
            wish=wish,
            features=tuple(_audited(wish, places, judged, selected) for places in _tables(wish)),
            versions=versions,
            records=len(judged),
            unjudged=len(records) - len(judged),
            with_truth=sum(one.truth is not None for one in judged),
            rate=min(rate for _, rate in read),
            median=median,
            evidence=_evidence(wish, judged, selected),
            findings=tuple(self._findings(wish)),
        )

    def _versions(self, wish: AuditWish) -> tuple[str, ...]:
        files = self.records.archived(wish.model.name, to_ms(wish.since), to_ms(wish.until))
        there = sorted({file.version for file in files})
        return tuple(version for version in there if not wish.versions or version in wish.versions)

    def _of_version(self, wish: AuditWish, version: str) -> tuple[list[_Record], float]:
        """Its records, and the share of them that was kept."""
        ref, since_ms, until_ms = ModelRef(wish.model.name, version), to_ms(wish.since), to_ms(wish.until)
        rows = self.kept.read(ref, since_ms, until_ms, [*wish.features, PREDICTION, SCORE])
        n, columns = len(rows), rows.columns
        span = JoinSpan(ref, since_ms, until_ms, truth_name(wish.model.ground_truth))
        truths = {one.event_id: one.label for one in self.pairs.judged(span)}
        scores = as_numbers(columns.get(SCORE, columns.get(PREDICTION)), n).values.tolist()
        labels = as_texts(columns.get(PREDICTION), n)
        groups = zip(*(as_texts(columns.get(feature), n) for feature in wish.features), strict=True)
        known = map(truths.get, rows.event_ids)
        return list(map(_Record, rows.event_ids, labels, scores, groups, known)), rows.rate

    def _findings(self, wish: AuditWish) -> Iterator[str]:
        for finding in self.findings.findings(wish.model.name, wish.since, wish.until):
            if finding.check.test in FAIRNESS_MEASURES and finding.model.version in (
                wish.versions or self._versions(wish)
            ):
                yield finding.id


def _require_once(versions: Sequence[str], records: Sequence[_Record]) -> None:
    """MonitorError when several versions predicted the same events: only one of them acted."""
    again = len(records) - len({one.event_id for one in records})
    if again:
        raise MonitorError(
            f"versions {', '.join(versions)} predicted the same {again:,} events, as champion and shadow do: "
            "audit the one that acted, with --version"
        )


def _require(wish: AuditWish, judged: Sequence[_Record], rates: set[float]) -> None:
    """MonitorError when there is nothing to compare, or what there is cannot be counted together."""
    name, span = wish.model.name, f"[{format_instant(wish.since)}, {format_instant(wish.until)})"
    if not judged:
        what = "score" if wish.by_score else "prediction"
        raise MonitorError(f"no kept row of {name} in {span} has a {what} to judge: {_LACKING}")
    for place, feature in enumerate(wish.features):
        found = {one.groups[place] for one in judged} - {None, ""}
        if not found:
            raise MonitorError(f"no kept row of {name} in {span} has a value of {feature!r}: is it called so?")
        if len(found) > MOST_GROUPS:
            why = f"{feature!r} has {len(found):,} different values in {span}, too many groups to compare"
            raise MonitorError(f"{why}: send bands of it as a feature of its own, such as an age band")
    if len(rates) > 1:
        raise MonitorError(f"versions of {name} were kept at different rates: audit each by itself, with --version")


def _tables(wish: AuditWish) -> list[tuple[int, ...]]:
    """The places of single features, then of every two."""
    places = range(len(wish.features))
    return [*((place,) for place in places), *combinations(places, 2)]


def _audited(wish: AuditWish, places: Sequence[int], judged: Sequence[_Record], selected: Sequence[bool]) -> Audited:
    names = [_group(one, places) for one in judged]
    is_labelled = not wish.by_score
    right = [one.truth == wish.favourable if is_labelled and one.truth is not None else None for one in judged]
    groups = {rate: _groups(wish, counts_of(rate, names, selected, right)) for rate in Rate}
    measured = {name: measure.run(groups[measure.rate]) for name, measure in FAIRNESS_MEASURES.items()}
    known = {name: result for name, result in measured.items() if result is not None}
    return Audited(BY.join(wish.features[place] for place in places), groups, known)


def _groups(wish: AuditWish, found: tuple[list[GroupCount], int]) -> Groups:
    return groups_of(found[0], wish.smallest, found[1])


def _group(record: _Record, places: Sequence[int]) -> str | None:
    """Unknown when one of its parts is."""
    parts = [record.groups[place] for place in places]
    return None if not all(parts) else BY.join(part for part in parts if part)


def _evidence(wish: AuditWish, judged: Sequence[_Record], selected: Sequence[bool]) -> str:
    """The same for the same records, features and meaning of selected."""
    pairs = zip(judged, selected, strict=True)
    counted = sorted(([one.event_id, *one.groups, hit, one.truth] for one, hit in pairs), key=repr)
    return content_id([wish.model.name, wish.features, wish.favourable, wish.by_score, counted])
