"""The laws that hold after every line of a script, looked at in the database's own rows."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import pairwise

import pyarrow.parquet as pq

from alerts.wire import dump_event
from monitor.adapters.alert_relay import translated
from monitor.adapters.sql.documents import event_from_json, job_from_json
from monitor.domain.errors import RejectReason
from monitor.domain.records import PartitionId
from monitor.domain.retraining import JobPhase
from monitor.domain.rules import Phase
from monitor.domain.time import duration_ms
from monitor.rules.job_events import ALERT_NAME, ROLLBACK_NAME, job_event
from tests.simulation.fates import LawBroken
from tests.simulation.ledger import Ledger
from tests.simulation.scene import MODELS, PARTITIONS
from tests.simulation.world import World

_LEGAL = {
    (Phase.INACTIVE, Phase.PENDING),
    (Phase.INACTIVE, Phase.FIRING),
    (Phase.PENDING, Phase.INACTIVE),
    (Phase.PENDING, Phase.FIRING),
    (Phase.FIRING, Phase.RECOVERING),
    (Phase.FIRING, Phase.INACTIVE),
    (Phase.RECOVERING, Phase.FIRING),
    (Phase.RECOVERING, Phase.INACTIVE),
}


class Laws:
    """Looks after one world. Keeps ledgers of its own, and what it saw before where that must not change."""

    def __init__(self, world: World) -> None:
        self.world, self.database = world, world.database
        self.ledgers = {partition: Ledger(world.producers.said[partition]) for partition in PARTITIONS}
        self._epochs: dict[PartitionId, int] = {}
        self._final: dict[tuple[object, ...], tuple[object, ...]] = {}
        self._readable: set[str] = set()
        self._judged = 0

    def check(self) -> None:
        """Everything that must hold at any time; LawBroken says what does not."""
        self._progress_goes_on()
        self._each_record_is_counted_once_in_its_pane()
        self._what_was_known_already_is_not_counted()
        self._statements_of_producers_are_those_of_the_log()
        self._dead_letters_are_those_of_the_log()
        self._records_kept_one_by_one_are_those_of_the_log()
        self._archive_holds_each_row_once()
        self._who_was_fenced_writes_nothing()
        self._nothing_is_judged_before_its_watermark()
        self._transitions_are_legal()
        self._nobody_hears_the_same_twice()
        self._one_job_is_in_flight()
        self._every_job_has_its_whole_history()

    # --- counting

    def _progress_goes_on(self) -> None:
        for topic, number, epoch, offset, watermark_ms in self.database.rows(
            "SELECT topic, partition, epoch, next_offset, watermark_ms FROM progress"
        ):
            partition = PartitionId(topic, number)
            ledger = self.ledgers[partition]
            at, before = offset or 0, self._epochs.get(partition, 0)
            _demand(at >= ledger.offset, f"the saved offset of {partition} went back from {ledger.offset} to {at}")
            _demand(at <= len(ledger.said), f"offset {at} of {partition} was saved, the log ends at {len(ledger.said)}")
            _demand(epoch >= before, f"the epoch of {partition} went back from {before} to {epoch}")
            ledger.go_to(at)
            self._epochs[partition] = epoch
            _equal(f"the saved watermark of {partition}", ledger.watermark_ms, watermark_ms)

    def _each_record_is_counted_once_in_its_pane(self) -> None:
        counted: dict[PartitionId, Counter[tuple[object, ...]]] = defaultdict(Counter)
        late: dict[PartitionId, Counter[tuple[object, ...]]] = defaultdict(Counter)
        for *pane, topic, number, n, of_late in self.database.rows(
            "SELECT model, version, pane_start_ms, topic, partition, sum(n), sum(late) FROM shares"
            " WHERE segment = '' GROUP BY 1, 2, 3, 4, 5"
        ):
            partition = PartitionId(topic, number)
            counted[partition][tuple(pane)] += n
            late[partition][tuple(pane)] += of_late
        for partition, ledger in self.ledgers.items():
            where = f"of {partition} up to offset {ledger.offset}"
            _equal(f"records by pane {where}", ledger.counted, counted[partition])
            _equal(f"late records by pane {where}", +ledger.late, +late[partition])

    def _what_was_known_already_is_not_counted(self) -> None:
        found: dict[PartitionId, Counter[tuple[object, ...]]] = defaultdict(Counter)
        for *pane, topic, number, n in self.database.rows(
            "SELECT model, version, pane_start_ms, topic, partition, n FROM tallies WHERE fate = 'duplicate'"
        ):
            found[PartitionId(topic, number)][tuple(pane)] += n
        for partition, ledger in self.ledgers.items():
            where = f"of {partition} up to offset {ledger.offset}"
            _equal(f"duplicates by pane {where}", ledger.duplicates, found[partition])

    def _statements_of_producers_are_those_of_the_log(self) -> None:
        found: dict[PartitionId, dict[tuple[object, ...], tuple[object, ...]]] = defaultdict(dict)
        for model, version, start_ms, producer, topic, number, *numbers in self.database.rows(
            "SELECT model, version, pane_start_ms, producer, topic, partition,"
            " sum(n), sum(weight_thousandths), min(first), max(last) FROM served GROUP BY 1, 2, 3, 4, 5, 6"
        ):
            found[PartitionId(topic, number)][(model, version, start_ms), producer] = tuple(numbers)
        for partition, ledger in self.ledgers.items():
            stated = {of: (one.n, one.thousandths, one.first, one.last) for of, one in ledger.stated.items()}
            where = f"of {partition} up to offset {ledger.offset}"
            _equal(f"what producers say by pane {where}", stated, found[partition])

    def _dead_letters_are_those_of_the_log(self) -> None:
        stored: dict[PartitionId, dict[int, RejectReason]] = defaultdict(dict)
        for topic, number, offset, reason in self.database.rows(
            "SELECT topic, partition, offset, reason FROM dead_letters"
        ):
            stored[PartitionId(topic, number)][offset] = RejectReason(reason)
        for partition, ledger in self.ledgers.items():
            _equal(f"dead letters of {partition} up to {ledger.offset}", ledger.refused, stored[partition])

    def _records_kept_one_by_one_are_those_of_the_log(self) -> None:
        predicted = set().union(*(ledger.predicted for ledger in self.ledgers.values()))
        stored = set(self.database.rows("SELECT model, event_id, version FROM predictions"))
        _equal("predictions", predicted, stored)
        truths: dict[str, tuple[int, str]] = {}
        for ledger in self.ledgers.values():
            for event_id, known in ledger.truths.items():
                truths[event_id] = max(known, truths.get(event_id, known))
        rows = self.database.rows("SELECT event_id, known_at_ms, label FROM truths")
        _equal("truths", truths, {event_id: (at_ms, label) for event_id, at_ms, label in rows})

    def _archive_holds_each_row_once(self) -> None:
        listed: dict[PartitionId, Counter[tuple[object, ...]]] = defaultdict(Counter)
        for path, model, version, start_ms, topic, number, rows in self.database.rows(
            "SELECT path, model, version, start_ms, topic, partition, rows FROM archive_files"
        ):
            listed[PartitionId(topic, number)][model, version, start_ms] += rows
            file = self.world.disk.folder / path
            _demand(file.exists(), f"the archive lists {file.name}, which is not there")
            if path not in self._readable:
                _equal(f"rows of {file.name}", rows, pq.read_metadata(file).num_rows)
                self._readable.add(path)
        for partition, ledger in self.ledgers.items():
            _equal(f"archived rows of {partition} up to {ledger.offset}", ledger.archived, listed[partition])

    def _who_was_fenced_writes_nothing(self) -> None:
        for row in self.database.rows(
            "SELECT s.* FROM shares s JOIN progress p USING (topic, partition) WHERE s.epoch < p.epoch"
        ):
            key = row[:8]
            _equal(f"the share {key} of an epoch that is over", self._final.setdefault(key, row), row)

    # --- deciding

    def _nothing_is_judged_before_its_watermark(self) -> None:
        rows = self.database.rows(
            "SELECT model, window_end_ms, mark, revision FROM evaluations ORDER BY rowid LIMIT -1 OFFSET"
            f" {self._judged}"
        )
        self._judged += len(rows)
        reached = self.database.rows(
            "SELECT watermark_ms, coalesce(next_offset, 0) >= highwater AND caught_up_at_ms IS NOT NULL,"
            " caught_up_at_ms FROM progress"
        )
        for name, end_ms, _, _ in rows:
            model = MODELS[str(name)]
            closed_ms = end_ms + duration_ms(model.lateness)
            for watermark_ms, is_read, seen_ms in reached:
                is_past = watermark_ms is not None and watermark_ms >= closed_ms
                is_silent = model.silence_after is not None and seen_ms is not None and seen_ms >= closed_ms
                _demand(
                    bool(is_past or is_read or is_silent),
                    f"a window of {name} that ends at {end_ms} was judged; a partition is read up to {watermark_ms}",
                )

    def _transitions_are_legal(self) -> None:
        phases: dict[tuple[object, object], Phase] = defaultdict(lambda: Phase.INACTIVE)
        for rule, model, before, after in self.database.rows(
            "SELECT rule, model, before, after FROM transitions ORDER BY sequence"
        ):
            step = (Phase(before), Phase(after))
            _equal(f"the phase of {rule} of {model} before it became {after}", phases[rule, model], step[0])
            _demand(step in _LEGAL, f"{rule} of {model} went from {before} to {after}")
            phases[rule, model] = step[1]
        for rule, model, phase in self.database.rows("SELECT rule, model, phase FROM rule_states"):
            _equal(f"the phase of {rule} of {model} after its transitions", phases[rule, model], Phase(phase))

    # --- telling

    def _nobody_hears_the_same_twice(self) -> None:
        sent = Counter(message.delivery_id for message in self.world.box.sent)
        excused = self.world.troubles["teller"]
        for delivery, times in sent.items():
            _demand(
                times - 1 <= excused,
                f"message {delivery} was sent {times} times, the dispatcher failed {excused} times",
            )
        told: dict[tuple[object, ...], object] = {}
        for *whom, body in self.database.rows(
            "SELECT group_key, generation, channel, body FROM alerts_deliveries ORDER BY seq"
        ):
            news = _news(str(body))
            _demand(told.get(tuple(whom)) != news, f"{whom[2]} is told twice in a row: {news}")
            told[tuple(whom)] = news

    def _one_job_is_in_flight(self) -> None:
        open_jobs = Counter(
            model
            for (model,) in self.database.rows(
                "SELECT model FROM retrain_jobs WHERE phase NOT IN ('held', 'promoted', 'rejected', 'settled')"
            )
        )
        _demand(all(n == 1 for n in open_jobs.values()), f"jobs in flight: {dict(open_jobs)}")
        running = Counter(self.world.pipeline.running.values())
        _demand(all(n == 1 for n in running.values()), f"pipelines that run: {dict(running)}")
        started = Counter(self.world.pipeline.started)
        _demand(all(n == 1 for n in started.values()), f"a job was started twice: {started.most_common(1)}")

    # --- at rest

    def check_at_rest(self) -> None:
        """What must have come to be once everything is read, judged and told."""
        self.check()
        self._who_fires_is_shown()
        self._every_job_was_told()
        made = {
            dump_event(translated(event_from_json(str(text))))
            for (text,) in self.database.rows("SELECT event FROM outbox")
        }
        taken = Counter(str(body) for (body,) in self.database.rows("SELECT body FROM alerts_events"))
        _equal("alert events, made and handed over", Counter(made), taken)

    def _who_fires_is_shown(self) -> None:
        firing = set(self.database.rows("SELECT rule, model FROM rule_states WHERE phase IN ('firing', 'recovering')"))
        shown = {
            (alert.labels["alertname"], alert.labels["model"]) for alert in self.world.teller.service.open_alerts()
        }
        _equal(
            "alerts that fire and alerts that are shown",
            firing,
            {one for one in shown if one[0] not in {ALERT_NAME, ROLLBACK_NAME}},
        )

    def _every_job_was_told(self) -> None:
        told: dict[str, str] = {}
        for (text,) in self.database.rows("SELECT event FROM outbox ORDER BY sequence"):
            annotations = json.loads(str(text))["value"]["annotations"]
            if "job" in annotations:
                told[annotations["job"]] = annotations["summary"]
        jobs = {
            str(key): job_event(job_from_json(str(document))).annotations["summary"]
            for key, document in self.database.rows("SELECT key, document FROM retrain_jobs")
        }
        _equal("retraining jobs as people know them", jobs, told)

    def _every_job_has_its_whole_history(self) -> None:
        steps: dict[str, list[JobPhase]] = defaultdict(list)
        for key, phase in self.database.rows("SELECT key, phase FROM retrain_job_history ORDER BY sequence"):
            steps[str(key)].append(JobPhase(phase))
        for key, phase in self.database.rows("SELECT key, phase FROM retrain_jobs"):
            _demand(steps[str(key)][:1] == [JobPhase.REQUESTED], f"job {key} began as {steps[str(key)][:1]}")
            _equal(f"the last step of job {key} and where it stands", steps[str(key)][-1], JobPhase(phase))
            for step in pairwise(steps[str(key)]):
                _demand(step[1] in _NEXT[step[0]], f"job {key} went from {step[0]} to {step[1]}")


_ANY_END = {JobPhase.SETTLED}
_NEXT: Mapping[JobPhase, set[JobPhase]] = {
    JobPhase.REQUESTED: {JobPhase.HELD, JobPhase.APPROVED, *_ANY_END},
    JobPhase.HELD: {JobPhase.HELD, JobPhase.APPROVED, *_ANY_END},
    JobPhase.APPROVED: {JobPhase.SENDING, JobPhase.HELD, JobPhase.CANDIDATE, *_ANY_END},
    JobPhase.SENDING: {JobPhase.RUNNING, JobPhase.APPROVED, JobPhase.LOST, JobPhase.CANDIDATE, *_ANY_END},
    JobPhase.RUNNING: {JobPhase.LOST, JobPhase.CANDIDATE, *_ANY_END},
    JobPhase.LOST: {JobPhase.RUNNING, JobPhase.CANDIDATE, *_ANY_END},
    JobPhase.CANDIDATE: {JobPhase.CANDIDATE, JobPhase.VERIFYING, JobPhase.PROMOTED, JobPhase.REJECTED},
    JobPhase.VERIFYING: {JobPhase.VERIFYING, JobPhase.PROMOTED, JobPhase.REJECTED},
    JobPhase.PROMOTED: _ANY_END,
    JobPhase.REJECTED: _ANY_END,
    JobPhase.SETTLED: set(),
}


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise LawBroken(otherwise)


def _equal(what: str, expected: object, found: object) -> None:
    if expected != found:
        raise LawBroken(f"{what}: {difference(expected, found)}")


def difference(expected: object, found: object) -> str:
    """Where two values differ, short enough to read."""
    if isinstance(expected, dict) and isinstance(found, dict):
        keys = [key for key in {**expected, **found} if expected.get(key) != found.get(key)]
        shown = [f"{key}: expected {expected.get(key)}, found {found.get(key)}" for key in keys[:3]]
    elif isinstance(expected, set) and isinstance(found, set):
        shown = [f"missing {one}" for one in list(expected - found)[:2]] + [
            f"too much {one}" for one in list(found - expected)[:2]
        ]
    else:
        shown = [f"expected {expected}, found {found}"]
    return "; ".join(text if len(text) < 400 else f"{text[:400]}..." for text in shown)


def _news(body: str) -> tuple[object, ...]:
    """What a message says: who fires how badly since when, and who does not any more."""
    entries = json.loads(body)["entries"]
    return tuple(sorted((e["fingerprint"], e["severity"], e["is_resolved"], e["starts_at"]) for e in entries))
