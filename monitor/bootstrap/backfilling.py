"""History from files: each worker process reads files of its own, this process judges what they saved."""

import multiprocessing
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from monitor.adapters.files.source import FilesSource, Folder, record_files
from monitor.bootstrap.app import App, open_app
from monitor.bootstrap.consuming import build_ingest
from monitor.bootstrap.evaluating import build_evaluate
from monitor.bootstrap.reading_truth import read_truth
from monitor.config.source_section import FilesSource as FilesSection
from monitor.domain.errors import BaselineError, ConfigError, SourceUnavailable
from monitor.domain.models import MonitoredModel
from monitor.domain.progress import Progress, ProgressTask
from monitor.domain.stream import HISTORY_PREFIX, TopicKind
from monitor.usecases.backfill import FinishedReads, QuietStore, ReadTotals, of_history, read_to_end
from monitor.usecases.evaluate import EvaluateReport

_WORTH_A_PROCESS_BYTES = 32 * 1024**2
_HANDS_A_PROCESS = 4
"""Files are dealt into so many hands for each process, so that all end at about the same time."""


@dataclass(frozen=True, slots=True)
class Backfilled:
    """What a backfill came to: records, and what was judged by model.

    `misplaced` is how much ground truth it took from folders that are configured for inference records alone.
    """

    files: int
    read: ReadTotals
    judged: Mapping[str, EvaluateReport]
    misplaced: Mapping[Path, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Silent:
    """No bar."""

    def advance(self, steps: int = 1) -> None:
        """Nothing to show."""


def backfill(
    app: App,
    paths: Sequence[Path],
    model: str | None,
    progress: Progress,
    *,
    truth_sources: Sequence[str] = (),
    workers: int = 0,
    tells: bool = False,
) -> Backfilled:
    """Read all records below the paths and judge the windows of one model (or of every model with a baseline).

    `truth_sources` are read after the files. Without paths nothing is judged. `workers` is the number of processes
    (0: one a processor). Unless `tells`, alerts and retraining stay away. ConfigError, BaselineError and
    SourceUnavailable say what is missing before any file is read.
    """
    models = _models(app, model) if paths else []
    files = _files(paths) if paths else []
    with progress.task("reading", None) as bar:
        read = _read(app, files, workers or _useful_processes(files), bar)
        read.merge(read_truth(app, truth_sources, bar))
    topics = frozenset(file.resolve().as_posix() for file in files)
    judged, to_judge = {}, [*models, *_further(app, models)]
    with progress.task("judging", len(to_judge)) as bar:
        for one in to_judge:
            judged[one.name] = _judge(app, one, topics, tells=tells)
            bar.advance()
    return Backfilled(len(files), read, judged, _misplaced(app, read))


def _misplaced(app: App, read: ReadTotals) -> dict[Path, int]:
    """Ground truth by the folder of `inference` that it lies in: a backfill takes both kinds, the daemon does not."""
    source = app.settings.monitor.source
    found: Counter[Path] = Counter()
    for folder in source.folders.inference if isinstance(source, FilesSection) else ():
        for file, truths in read.truths_by_file.items():
            if Path(file).is_relative_to(folder.resolve()):
                found[folder] += truths
    return dict(found)


def read_files(directory: Path, paths: Sequence[Path]) -> ReadTotals:
    """What a worker process does: open the program for itself, read its files, save."""
    with open_app(directory, os.environ) as app:
        return _read_here(app, paths, _Silent())


def _models(app: App, name: str | None) -> list[MonitoredModel]:
    models = app.settings.models
    if name is not None and name not in models:
        raise ConfigError(f"no model {name!r} is configured", hint=f"known: {', '.join(sorted(models)) or 'none'}")
    wanted = [models[name]] if name is not None else list(models.values())
    with_baseline = [model for model in wanted if app.stores.baselines.timeline(model.name)]
    if not with_baseline:
        names = ", ".join(model.name for model in wanted) or "any model"
        raise BaselineError(f"there is no baseline of {names}: make one first with `driftline baseline build`")
    return with_baseline


def _further(app: App, models: Sequence[MonitoredModel]) -> list[MonitoredModel]:
    """The same models by their further truths."""
    names = {model.name for model in models}
    return [model for model in app.settings.further.values() if model.recorded_as in names]


def _files(paths: Sequence[Path]) -> list[Path]:
    for path in paths:
        if not path.exists():
            raise SourceUnavailable(f"{path} does not exist")
    files = [file for path in paths for file in record_files(path)]
    if not files:
        raise SourceUnavailable(f"no records below {', '.join(map(str, paths))}: give .jsonl, .ndjson, .json, .parquet")
    return files


def _read(app: App, files: Sequence[Path], most_processes: int, bar: ProgressTask) -> ReadTotals:
    processes = min(len(files), most_processes)
    if not processes:
        return ReadTotals()
    return _read_here(app, files, bar) if processes == 1 else _read_apart(app, files, processes, bar)


def _read_here(app: App, files: Sequence[Path], bar: ProgressTask) -> ReadTotals:
    source = FilesSource([Folder(file, TopicKind.MIXED) for file in files], follow=False)
    ingest = build_ingest(app, source, HISTORY_PREFIX + app.owner)
    try:
        return read_to_end(source, ingest, bar)
    finally:
        source.close()


def _useful_processes(files: Sequence[Path]) -> int:
    """One a processor, but none for less than what one reads while another starts."""
    size = sum(file.stat().st_size for file in files)
    return min(os.cpu_count() or 1, 1 + size // _WORTH_A_PROCESS_BYTES)


def _read_apart(app: App, files: Sequence[Path], processes: int, bar: ProgressTask) -> ReadTotals:
    """Deal the files out, largest first; a file is a partition, so no two processes write the same share."""
    totals = ReadTotals()
    by_size = sorted(files, key=lambda file: file.stat().st_size, reverse=True)
    hands = [by_size[first :: processes * _HANDS_A_PROCESS] for first in range(processes * _HANDS_A_PROCESS)]
    context = multiprocessing.get_context("spawn")  # threads and connections do not survive a fork
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        futures: list[Future[ReadTotals]] = [
            pool.submit(read_files, app.settings.directory, hand) for hand in hands if hand
        ]
        try:
            for future in as_completed(futures):
                done = future.result()
                totals.merge(done)
                bar.advance(done.records)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return totals


def _judge(app: App, model: MonitoredModel, topics: frozenset[str], *, tells: bool) -> EvaluateReport:
    reads = FinishedReads(app.stores.windows, model, topics, app.clock)
    store = app.stores.evaluations
    evaluate = build_evaluate(app, {model.name: of_history(model)}, reads, store if tells else QuietStore(store))
    return evaluate.run_once(app.clock.now())
