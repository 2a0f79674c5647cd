"""`driftline traffic`: the demo's model serves into a real Kafka, and its training pipeline answers."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from monitor.adapters.system import SystemClock
from monitor.cli.options import instant
from monitor.domain.errors import MonitorError
from monitor.shells.demo.dataset import Elec2, fetch_elec2, load_elec2
from monitor.shells.demo.model import MODEL_NAME
from monitor.shells.demo.pipeline import PipelineSettings, TrainingPipeline
from monitor.shells.demo.replay import Kind, ReplayedRecord, replay
from monitor.shells.demo.serving import Plan, Serving
from monitor.shells.demo.story import AHEAD, REPLAY_END, REPLAY_START
from monitor.shells.demo.traffic import Pace, Sent, Topics, send_all
from monitor.shells.demo.verdict_lag import VerdictLag
from monitor.shells.signals import stopping_on_signals

TRIGGER_SECRET, CALLBACK_SECRET = "DRIFTLINE_TRIGGER_SECRET", "DRIFTLINE_CALLBACK_SECRET"
TOKEN = "DRIFTLINE_TOKEN"  # noqa: S105 - the name of a variable
RUNS_DEADLINE_S = 15.0
REPORT_EVERY = timedelta(days=7)

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Options:
    bootstrap_servers: str
    topic_inference: str
    topic_ground_truth: str
    partitions: int
    rate: float | None
    days_per_second: float
    data: Path | None
    cache: Path
    training_out: Path
    until: datetime
    prepare_only: bool
    from_start: bool
    pipeline_host: str
    pipeline_port: int | None
    monitor_url: str
    wait_for_monitor: bool
    days_ahead: float


@click.command()
@click.option(
    "--bootstrap-servers", default="localhost:9092", show_default=True, help="Brokers, host:port[,host:port]."
)
@click.option("--topic-inference", default="inference", show_default=True, help="Topic of the inference log.")
@click.option("--topic-ground-truth", default="ground-truth", show_default=True, help="Topic of the ground truth.")
@click.option("--partitions", type=click.IntRange(min=1), default=4, show_default=True, help="Of topics made here.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Records a second, instead of days.")
@click.option(
    "--days-per-second",
    type=click.FloatRange(min=0, min_open=True),
    default=2.0,
    show_default=True,
    help="Days of event time a second; a day has 48 predictions and 48 truths.",
)
@click.option("--data", type=click.Path(path_type=Path), help="elec.csv, or the wheel that holds it; else downloaded.")
@click.option("--cache", type=click.Path(path_type=Path), default=Path(".cache/demo"), show_default=True)
@click.option(
    "--training-out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("training"),
    show_default=True,
    help="Folder for training sets; the monitor must see it under the same path.",
)
@click.option("--until", callback=instant, default=REPLAY_END.date().isoformat(), show_default=True, help="Event time.")
@click.option("--prepare-only", is_flag=True, help="Write the first training set, create the topics and stop.")
@click.option("--from-start", is_flag=True, help="Send all again, whatever the topics hold already.")
@click.option("--pipeline-host", default="127.0.0.1", show_default=True, help="Where the training pipeline listens.")
@click.option("--pipeline-port", type=click.IntRange(0, 65_535), help="Play the training pipeline on this port, too.")
@click.option("--monitor-url", default="http://127.0.0.1:8484", show_default=True, help="Where the monitor listens.")
@click.option(
    "--wait-for-monitor",
    is_flag=True,
    help="Stand still while the monitor's verdicts are too many days of event time behind.",
)
@click.option(
    "--days-ahead",
    type=click.FloatRange(min=2),
    default=AHEAD / timedelta(days=1),
    show_default=True,
    help="How many days of event time they may be behind.",
)
def traffic(**values: object) -> None:
    """Send the demo's inference log and ground truth into Kafka, as its model would have written them.

    The replay goes on after the last record that the topics hold. With --pipeline-port this process also plays the
    training pipeline: it takes the retraining webhook (signed with DRIFTLINE_TRIGGER_SECRET), trains the next version
    on what is known by then, calls the monitor back (signed with DRIFTLINE_CALLBACK_SECRET), serves the new version
    from then on, and keeps listening until it is stopped. With --wait-for-monitor the replay asks the monitor how far
    its verdicts are (with the bearer token DRIFTLINE_TOKEN, if set).
    """
    options = _Options(**values)  # type: ignore[arg-type] # click has converted them
    stop = threading.Event()
    with stopping_on_signals(stop, lambda name: _say(f"{name}: stopping")):
        _play(options, stop, _say)


def _play(options: _Options, stop: threading.Event, tell: Tell) -> None:
    data = load_elec2(options.data or fetch_elec2(options.cache, tell))
    tell("training version 1 of elec2-price")
    serving = Serving(data, options.training_out, Plan(), stop.is_set)
    tell(f"training sets are in {options.training_out.resolve()}")
    names: dict[Kind, str] = {"inference": options.topic_inference, "ground_truth": options.topic_ground_truth}
    topics = Topics(options.bootstrap_servers, names, options.partitions)
    for name in topics.create_missing():
        tell(f"created topic {name} with {options.partitions} partitions")
    if options.prepare_only or stop.is_set():
        return
    with _pipeline(options, serving, tell) as pipeline:
        records = _log(data, topics, serving, options, tell)
        pace = Pace(options.days_per_second, options.rate)
        with _progress(options.until) as show, _verdict_lag(options) as is_too_far_ahead:
            sent = send_all(topics, records, pace, stop, on_sent=show, is_too_far_ahead=is_too_far_ahead)
        tell(f"sent {sent.records['inference']} predictions and {sent.records['ground_truth']} truths")
        if pipeline is not None and not stop.is_set():
            serving.end_at(options.until)
            tell(f"the log is over; the training pipeline keeps listening on {pipeline.url} until it is stopped")
            stop.wait()
        if pipeline is not None:
            pipeline.wait_until_idle(RUNS_DEADLINE_S)


def _log(data: Elec2, topics: Topics, serving: Serving, options: _Options, tell: Tell) -> Iterator[ReplayedRecord]:
    """The records that the topics do not hold yet."""
    if options.from_start:
        return replay(data, REPLAY_START, options.until, serving.model_for)
    held = {kind: topics.last_event_time(kind) for kind in topics.names}
    start = resume_at(held["inference"], held["ground_truth"])
    if latest := max(filter(None, held.values()), default=None):
        tell(f"the topics hold records up to {latest:%Y-%m-%d %H:%M}; going on after them")
    records = replay(data, start, options.until, serving.model_for)
    return (each for each in records if (last := held[each.kind]) is None or each.event_time > last)


@contextmanager
def _verdict_lag(options: _Options) -> Iterator[Callable[[datetime], bool]]:
    """Whether the monitor is too far behind to send a record; never so when it need not be waited for."""
    if not options.wait_for_monitor:
        yield lambda _: False
        return
    ahead, token = timedelta(days=options.days_ahead), os.environ.get(TOKEN, "")
    lag = VerdictLag(options.monitor_url, token, MODEL_NAME, REPLAY_START, ahead)
    try:
        yield lag.is_behind
    finally:
        lag.close()


def resume_at(inference: datetime | None, ground_truth: datetime | None) -> datetime:
    """The day from which the replay makes again what is missing: truths follow their predictions by a day."""
    if inference is None:
        return REPLAY_START
    last = min(inference, ground_truth or REPLAY_START)
    midnight = last.replace(hour=0, minute=0, second=0)
    return max(REPLAY_START, midnight - timedelta(days=1))


def _pipeline(options: _Options, serving: Serving, tell: Tell) -> AbstractContextManager["TrainingPipeline | None"]:
    if options.pipeline_port is None:
        return nullcontext()
    trigger_secret, callback_secret = _secret(TRIGGER_SECRET), _secret(CALLBACK_SECRET)
    settings = PipelineSettings(
        options.monitor_url, trigger_secret, callback_secret, options.pipeline_host, options.pipeline_port
    )

    def answered(key: str, accepted: bool) -> None:  # noqa: FBT001 - called by place
        tell(f"retraining job {key}: the monitor {'accepted' if accepted else 'did not accept'} the call-back")
        serving.settle(key, accepted)

    try:
        pipeline = TrainingPipeline(settings, serving.retrain, SystemClock().now, answered)
    except OSError as error:
        address = f"{options.pipeline_host} port {options.pipeline_port}"
        raise MonitorError(f"cannot listen on {address}: {error.strerror}; choose another --pipeline-port") from error
    tell(f"the training pipeline listens on {pipeline.url}")
    return pipeline


def _secret(name: str) -> str:
    secret = os.environ.get(name, "")
    if not secret:
        raise MonitorError(f"environment variable {name} is not set; --pipeline-port needs it (whsec_...)")
    return secret


@contextmanager
def _progress(until: datetime) -> Iterator[Callable[[Sent], None]]:
    """A bar over event time on a terminal, a line a week elsewhere; on standard error."""
    if not sys.stderr.isatty():
        yield _Weekly()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[sent]} records"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bars:
        total_days = (until - REPLAY_START) / timedelta(days=1)
        task = bars.add_task("replaying", total=total_days, sent=0)

        def show(sent: Sent) -> None:
            at = sent.up_to or REPLAY_START
            days = (at - REPLAY_START) / timedelta(days=1)
            bars.update(task, completed=days, description=f"{at:%Y-%m-%d}", sent=sum(sent.records.values()))

        yield show


class _Weekly:
    """Says a line a week of event time."""

    def __init__(self) -> None:
        self._next = datetime.min.replace(tzinfo=UTC)

    def __call__(self, sent: Sent) -> None:
        if sent.up_to is not None and sent.up_to >= self._next:
            self._next = sent.up_to + REPORT_EVERY
            _say(f"{sent.up_to:%Y-%m-%d}: {sum(sent.records.values())} records sent")


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)
