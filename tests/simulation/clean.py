"""The oracle: what one worker and one evaluation make of the same log when nothing ever happens to them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from monitor.adapters.sql.tables import metadata
from monitor.domain.evaluation import EvaluationCommit
from monitor.domain.records import PartitionId
from monitor.domain.stream import PartitionProgress
from monitor.stats.profiles.model import ModelProfile
from tests.simulation import product
from tests.simulation.database import Database
from tests.simulation.fates import Fates, LawBroken
from tests.simulation.group import Group, GroupSource
from tests.simulation.laws import difference
from tests.simulation.product import Disk
from tests.simulation.scene import BASELINES, PARTITIONS
from tests.simulation.world import World

_KEEPS_A_HISTORY = {"progress", "leases", "baselines", "baseline_promotions"}
"""Tables that tell who did what when, or that nobody writes here: not a function of the log."""

_DECIDED = ("evaluations", "findings", "rule_states", "transitions", "outbox", "retrain_requests")
_LED = {"retrain_jobs", "retrain_job_history"}
_BY_CLAIM = {"shares", "tallies", "served", "seen_ids", "archive_files"}
"""Tables whose rows are parts, by who wrote them and when: only what they add up to is a function of the log."""

_WHEN = {"seen_at_ms", "settled_at_ms", "relayed_at_ms", "sequence"}
"""Columns that tell when something was done, not what."""

_SHARE_OF = {"topic", "partition", "epoch", "first_offset", "next_offset", "payload"}
"""Columns of a share that tell whose part it is; everything else that is no key is a number that adds up."""

_LARGE = 10_000


class _CappedSource(GroupSource):
    """A source that ends where it is told to: `ends` by partition."""

    def __init__(self, group: Group) -> None:
        super().__init__(group, _LARGE)
        self.mine = PARTITIONS
        self.ends: Mapping[PartitionId, int] = {}

    def _records(self, partition: PartitionId) -> list[object]:  # type: ignore[override]
        return self.group.log.records[partition][: self.ends.get(partition, 0)]  # type: ignore[return-value]


class _Enough(Exception):
    """The clean evaluation has done as much as the other."""


class _Budget:
    """An evaluation store that takes so many evaluations and no more."""

    def __init__(self, inner: object) -> None:
        self._inner, self.left = inner, 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def commit(self, commit: EvaluationCommit) -> bool:
        if self.left == 0:
            raise _Enough
        is_new: bool = self._inner.commit(commit)  # type: ignore[attr-defined]
        self.left -= is_new
        return is_new


class _WindowReads:
    """The clean database's windows, with the other's progress: who has read how far, and when, is history."""

    def __init__(self, inner: object) -> None:
        self._inner = inner
        self.rows: list[PartitionProgress] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def progress(self) -> list[PartitionProgress]:
        return self.rows


class CleanPass:
    """One worker that never fails, reading as far as it is told to, and an evaluation that does the same.

    `follow` lets it do what the world has done so far, `compare` finds the first difference.
    """

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.fates = Fates()  # nobody acts in it, so nothing happens
        self.database = Database(self.fates)
        self.source = _CappedSource(world.group)
        self.disk = Disk(folder)
        self.worker = product.build_ingest(self.source, self.database, world.clocks, self.disk, "clean")
        with self._unhurried():
            self.worker.step(0)  # claims everything; nothing can be read yet
        self.reads, self.store = _WindowReads(self.database.stores.windows), _Budget(self.database.stores.evaluations)

    def read(self) -> None:
        """Read as far as the world has saved."""
        with self._unhurried():
            progress = self.world.database.stores.windows.progress()
            self.source.ends = {one.partition: one.next_offset or 0 for one in progress}
            while self.worker.step(0).records:
                pass
            self.worker.drain()

    def follow(self) -> None:
        """Read, and judge as many windows as the world has judged, one by one in the order that is due."""
        with self._unhurried():
            count = "SELECT count(*) FROM evaluations"
            self.store.left = self.world.database.rows(count)[0][0] - self.database.rows(count)[0][0]
            if self.store.left == 0:
                return
            self.read()
            self.reads.rows = self.world.database.stores.windows.progress()
            self.judge()
        for table in _DECIDED:
            _same(f"the rows of {table}", _rows(self.database, table), _rows(self.world.database, table))

    def judge(self) -> None:
        """Judge what is due, as long as there is budget."""
        try:
            product.build_evaluate(
                self.database.stores,
                self.fates,
                self.reads,
                self.store,
            ).run_once(self.world.clocks.now())
        except _Enough:
            return

    @contextmanager
    def _unhurried(self) -> Iterator[None]:
        with self.world.fates.playing(""):
            yield


def compare_at_rest(world: World, folder: Path) -> None:
    """One more clean pass, over everything at once; every stored row must be the same, every profile bit for bit."""
    clean = CleanPass(world, folder)
    clean.read()
    _same("profiles", _profiles(clean.database), _profiles(world.database))
    tables = set(metadata.tables) - _KEEPS_A_HISTORY - _LED - set(_DECIDED) - _BY_CLAIM
    _same("tallies", _tallies(clean.database), _tallies(world.database))
    _same("what producers say", _served(clean.database), _served(world.database))
    _same("remembered event ids", _remembered(clean.database), _remembered(world.database))
    for table in sorted(tables):
        _same(f"the rows of {table}", _rows(clean.database, table), _rows(world.database, table))
    _same("archived rows", _archived(clean), _archived(world))
    clean.reads.rows = world.database.stores.windows.progress()
    clean.store.left = _LARGE
    clean.judge()
    expected, found = _newest(clean.database), _newest(world.database)
    _same("what the newest revision of a window says", expected, {k: v for k, v in found.items() if k in expected})


def _profiles(database: Database) -> dict[tuple[object, ...], object]:
    """By model, version, segment, pane and baseline: the merged profile as bytes, and the sums of all other numbers."""
    table = metadata.tables["shares"]
    names = [column.name for column in table.columns]
    key = [name for name in names if table.columns[name].primary_key and name not in _SHARE_OF]
    numbers = [name for name in names if name not in _SHARE_OF and name not in key]
    found: dict[tuple[object, ...], tuple[dict[str, int], ModelProfile | None]] = {}
    for values in database.rows(f"SELECT {', '.join(names)} FROM shares ORDER BY epoch, partition"):
        row = dict(zip(names, values, strict=True))
        at = tuple(row[name] for name in key)
        sums, profile = found.get(at, (dict.fromkeys(numbers, 0), None))
        if row["payload"]:
            part = ModelProfile.from_bytes(row["payload"], BASELINES[str(row["baseline_id"])].layouts)
            profile = part if profile is None else profile.merge(part)
        found[at] = ({name: sums[name] + row[name] for name in numbers}, profile)
    return {at: (sums, profile.content() if profile else b"") for at, (sums, profile) in found.items()}


def _tallies(database: Database) -> list[tuple[object, ...]]:
    """What was not counted, and why, over the claims on a partition."""
    kept = "model, version, pane_start_ms, fate, topic, partition"
    return database.rows(f"SELECT {kept}, sum(n) FROM tallies GROUP BY {kept} ORDER BY {kept}")


def _served(database: Database) -> list[tuple[object, ...]]:
    """What producers say, over the claims on a partition."""
    kept = "model, version, pane_start_ms, producer, topic, partition"
    numbers = "sum(n), sum(weight_thousandths), min(first), max(last)"
    return database.rows(f"SELECT {kept}, {numbers} FROM served GROUP BY {kept} ORDER BY {kept}")


def _remembered(database: Database) -> dict[tuple[object, ...], bytes]:
    """The event ids of each partition and version in the order in which they were first seen."""
    kept = "topic, partition, model, version"
    found: dict[tuple[object, ...], bytes] = {}
    for *of, ids in database.rows(f"SELECT {kept}, ids FROM seen_ids ORDER BY {kept}, first"):
        found[tuple(of)] = found.get(tuple(of), b"") + ids
    return found


def _rows(database: Database, name: str) -> list[tuple[object, ...]]:
    """All rows of a table, without when they were written; of alert events, those that rules made."""
    columns = [column.name for column in metadata.tables[name].columns if column.name not in _WHEN]
    quoted = ", ".join(f'"{column}"' for column in columns)
    rows = database.rows(f'SELECT {quoted} FROM "{name}" ORDER BY {quoted}')
    return [row for row in rows if name != "outbox" or '"job"' not in str(row[0])]


def _archived(of: World | CleanPass) -> dict[tuple[object, ...], object]:
    """The rows of all listed files by model, version and pane, in the order of their ids."""
    tables: dict[tuple[object, ...], list[pa.Table]] = {}
    for path, *at in of.database.rows("SELECT path, model, version, start_ms FROM archive_files"):
        tables.setdefault(tuple(at), []).append(pq.read_table(of.disk.folder / path))
    return {at: _sorted(pa.concat_tables(parts, promote_options="permissive")) for at, parts in tables.items()}


def _sorted(table: pa.Table) -> list[str]:
    return sorted(json.dumps(row, default=str, sort_keys=True) for row in table.to_pylist())


def _newest(database: Database) -> dict[tuple[object, ...], object]:
    """What is said of every window that holds records, by its newest revision: all but when, and as which revision."""
    found: dict[tuple[object, ...], object] = {}
    for name in ("churn", "fraud"):
        store = database.stores.evaluations
        marks = {(d.model, d.window, d.kind): d.mark for d in store.done({name: 0})}
        for finding in store.findings(name):
            mark = marks[finding.model, finding.window, finding.kind]
            if mark:
                about = (str(finding.model), str(finding.window), finding.kind.value, finding.check.name)
                evidence = (finding.evidence.baseline_id, finding.evidence.shares_digest, finding.evidence.offsets)
                found[about] = (
                    mark,
                    finding.verdict,
                    finding.reason,
                    str(finding.result),
                    finding.coverage,
                    finding.served_share,
                    evidence,
                )
    return found


def _same(what: str, expected: object, found: object) -> None:
    if expected == found:
        return
    if isinstance(expected, list) and isinstance(found, list):
        expected, found = set(expected), set(found)
    raise LawBroken(f"{what} differ from those of a clean pass: {difference(expected, found)}")
