"""`driftline demo`: a real data set with a documented change, replayed through the real program."""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

import click
import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.text import Text

from monitor.bootstrap.app import App, open_app
from monitor.domain.errors import MonitorError
from monitor.domain.rules import Phase, Transition
from monitor.domain.time import format_instant
from monitor.shells.demo import story
from monitor.shells.demo.dataset import CHANGE_AT, PUBLISHED_CHANGE_DATE, Elec2, fetch_elec2, load_elec2
from monitor.shells.demo.folder import DemoFolder, example_folder
from monitor.shells.demo.model import MODEL_NAME
from monitor.shells.demo.narrator import Narrator
from monitor.shells.demo.pipeline import PipelineSettings, TrainingPipeline
from monitor.shells.demo.replay import ReplayedRecord, replay
from monitor.shells.demo.serving import Plan, Serving
from monitor.shells.demo.verdict_lag import VerdictLag
from monitor.shells.web.estimate_svg import estimate_svg
from monitor.usecases.performance_record import PerformanceRow, performance_record, record

START_WITHIN_S, SETTLE_WITHIN_S, STOP_WITHIN_S = 60.0, 45.0, 30.0
console = Console(highlight=False, soft_wrap=True)


@dataclass(slots=True)
class _Run:
    """One run of the demo; `stopping` is set when it is over, however it ended."""

    folder: DemoFolder
    environ: Mapping[str, str]
    days_per_second: float
    narrator: Narrator = field(default_factory=Narrator)
    stopping: threading.Event = field(default_factory=threading.Event)
    printed_bytes: int = 0
    is_end_told: bool = False


@click.command()
@click.option("--output", type=click.Path(path_type=Path), default=Path("demo-output"), show_default=True)
@click.option(
    "--data", type=click.Path(exists=True, path_type=Path), help="A copy of elec.csv, or of the wheel it is in."
)
@click.option("--cache", type=click.Path(path_type=Path), default=Path(".cache/demo"), show_default=True)
@click.option("--days-per-second", type=click.FloatRange(0.2, 50), default=4.0, show_default=True, help="Event time.")
@click.option("--keep", is_flag=True, help="Leave the monitor running afterwards, until Ctrl-C.")
def demo(output: Path, data: Path | None, cache: Path, days_per_second: float, keep: bool) -> None:  # noqa: FBT001 - a flag
    """Watch real traffic drift: verdicts, an alert, a retraining job.

    The electricity market of New South Wales in 1997 is replayed as a model's inference log, of a model that is trained
    on its first nine months. In May 1997 the market was joined with Victoria's. The demo shows the windows closing, the
    alert that follows, the retraining job, its call-back's new baseline and the alert resolving.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the monitor is stopped, not left behind
    environ = {name: f"whsec_{b64encode(os.urandom(24)).decode()}" for name in _SECRETS}
    run = _Run(DemoFolder(output), dict(os.environ) | environ, days_per_second)
    console.print("[bold]Driftline demo[/]: a model of the electricity market of New South Wales, 1996 to 1997\n")
    elec2 = load_elec2(data or fetch_elec2(cache, lambda said: console.print(f"  {said}")))
    port = _free_port()
    pipeline_port = _free_port()
    example = example_folder(Path(__file__).parents[1], Path(sys.prefix))
    run.folder.prepare(example, port, f"http://127.0.0.1:{pipeline_port}/train")
    console.print(f"  training the model on {story.TRAINING_START:%-d %b %Y} to {story.TRAINING_END:%-d %b %Y}")
    serving = Serving(elec2, run.folder.models, Plan(), run.stopping.is_set)
    _call(run, "baseline", "build", "--model", MODEL_NAME, "--version", "1", str(serving.training_set("1")),
          "--event-time", "event_time")  # fmt: skip
    settings = PipelineSettings(
        f"http://127.0.0.1:{port}", environ[_SECRETS[0]], environ[_SECRETS[1]], port=pipeline_port
    )
    with open_app(run.folder.config, run.environ) as app:
        pipeline = TrainingPipeline(settings, serving.retrain, app.clock.now, serving.settle)
        with pipeline, _daemon(run, port) as daemon:
            _play(run, app, elec2, serving, daemon, port)
            report = _report(run, app)
            _summary(run, app, report)
            if keep:
                _keep(daemon, port)


_SECRETS = ("DRIFTLINE_DEMO_TRIGGER_SECRET", "DRIFTLINE_DEMO_CALLBACK_SECRET")


def _play(  # noqa: PLR0917 - the parts of the demo
    run: _Run, app: App, elec2: Elec2, serving: Serving, daemon: subprocess.Popen[bytes], port: int
) -> None:
    """Write the log at the demo's pace in a thread, and tell what the monitor makes of it."""
    total = (story.REPLAY_END - story.REPLAY_START).days
    lag = VerdictLag(f"http://127.0.0.1:{port}", "", MODEL_NAME, story.REPLAY_START, story.AHEAD)
    writer = threading.Thread(target=_write, args=(run, elec2, serving, lag), daemon=True)
    span = f"{story.REPLAY_START:%-d %b} to {story.REPLAY_END:%-d %b %Y}"
    console.print(f"  replaying {span}, {run.days_per_second:g} days a second\n")
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("windows judged", total=total)
        writer.start()
        try:
            _watch(run, app, writer, daemon, lambda: progress.update(bar, completed=run.narrator.windows))
        finally:
            run.stopping.set()
            writer.join(STOP_WITHIN_S)
            lag.close()


def _watch(
    run: _Run, app: App, writer: threading.Thread, daemon: subprocess.Popen[bytes], show: Callable[[], object]
) -> None:
    """Tell what is new until the log is over and its last alert resolved, or nothing has happened for too long."""
    deadline: float | None = None
    while deadline is None or time.monotonic() < deadline:
        if daemon.poll() is not None:
            raise MonitorError(f"the monitor ended with code {daemon.returncode}: see {run.folder.log}")
        _tell(run, app)
        show()
        if not writer.is_alive():
            deadline = deadline or time.monotonic() + SETTLE_WITHIN_S
            if _is_over(app) and (run.is_end_told or _fired(app) is None):
                break
        time.sleep(0.25)
    _tell(run, app)


def _tell(run: _Run, app: App) -> None:
    stores, narrator = app.stores, run.narrator
    lines = [
        *narrator.of_findings(stores.evaluations.findings(MODEL_NAME)),
        *narrator.of_transitions(stores.evaluations.transitions(MODEL_NAME)),
        *narrator.of_jobs(stores.jobs.jobs(MODEL_NAME)),
    ]
    for line in lines:
        console.print(f"  {line}")
    _print_messages(run)


def _print_messages(run: _Run) -> None:
    """What the daemon's console channel printed since last time, in whole lines."""
    with run.folder.printed.open("rb") as printed:
        printed.seek(run.printed_bytes)
        new = printed.read()
    whole = new[: new.rfind(b"\n") + 1]
    run.printed_bytes += len(whole)
    run.is_end_told |= b"[RESOLVED]" in whole
    if whole:
        console.print(Text.from_ansi(whole.decode(errors="replace")))


def _is_over(app: App) -> bool:
    """Whether the last window that can close has been judged."""
    done = app.stores.evaluations.done({MODEL_NAME: 0})
    newest = max((evaluation.window.end for evaluation in done), default=story.REPLAY_START)
    return newest >= story.REPLAY_END - timedelta(days=1)


def _write(run: _Run, elec2: Elec2, serving: Serving, lag: VerdictLag) -> None:
    """Append the records of one day after the other to the two logs; stand still while the verdicts are far behind."""
    records = replay(elec2, story.REPLAY_START, story.REPLAY_END, serving.model_for)
    started, days = time.monotonic(), 0
    with run.folder.inference.open("ab") as inference, run.folder.ground_truth.open("ab") as ground_truth:
        for day, of_day in groupby(records, key=_day):
            while lag.is_behind(day):
                if run.stopping.wait(0.1):
                    return
            for record in of_day:
                log = inference if record.kind == "inference" else ground_truth
                log.write(record.payload + b"\n")
            inference.flush()
            ground_truth.flush()
            days += 1
            behind = started + days / run.days_per_second - time.monotonic()
            if behind < 0:
                started -= behind  # the log stood still: go on at the same pace
            if run.stopping.wait(max(0.0, behind)):
                return
    serving.end_at(story.REPLAY_END)


def _day(record: ReplayedRecord) -> datetime:
    return record.event_time.replace(hour=0, minute=0)


def _report(run: _Run, app: App) -> Path | None:
    """Evidently's report of the window in which the rule fired first."""
    fired = _fired(app)
    if fired is None:
        return None
    console.print("\n  rendering Evidently's report of the window that fired (some seconds)")
    output = run.folder.root / "evidently-report.html"
    _call(run, "report", "--model", MODEL_NAME, "--window", format_instant(fired.window.start), "--output", str(output))
    return output if output.exists() else None


def _fired(app: App) -> Transition | None:
    transitions = app.stores.evaluations.transitions(MODEL_NAME)
    return next((transition for transition in transitions if transition.after is Phase.FIRING), None)


def _summary(run: _Run, app: App, report: Path | None) -> None:
    fired, folder = _fired(app), run.folder
    console.rule("what happened")
    if fired is None:
        console.print("[red]no rule fired[/]: look at the log, this is not what the demo should show")
    else:
        _what_fired(app, fired)
    _estimates(run, app)
    console.print(f"\nmessages      {folder.mailbox}/ (.html and .eml to open, .slack.json as Slack would get it)")
    console.print(f"report        {report or 'not written'}")
    console.print(f"database      {folder.database}\nlogs          {folder.log}\n")
    console.print("Try next:")
    for command in _next_commands(folder):
        console.print(f"  {command}")


def _what_fired(app: App, fired: Transition) -> None:
    transitions = app.stores.evaluations.transitions(MODEL_NAME)
    start = fired.window.start
    found = app.stores.evaluations.findings(MODEL_NAME, start, start + timedelta(seconds=1))
    bad = sorted({finding.check.column for finding in found if finding.verdict.is_bad})
    early = [t for t in transitions if t.after is Phase.FIRING and t.at < CHANGE_AT]
    ended = [t.at for t in transitions if t.after is Phase.INACTIVE and t.before.is_active]
    quiet_days = (CHANGE_AT - story.REPLAY_START).days
    console.print(f"drifted       {', '.join(bad)}")
    console.print(f"alert         {fired.at:%-d %b %Y} (event time): {fired.why}")
    console.print(f"documented    {PUBLISHED_CHANGE_DATE}: the market was joined with Victoria's")
    console.print(
        f"in the data   {CHANGE_AT:%-d %b %Y}, so the alert came {(fired.at - CHANGE_AT).days} days later; "
        "the rule waits one"
    )
    console.print(f"false alarms  {len(early)} in the {quiet_days} days before the change")
    resolved = f"{ended[-1]:%-d %b %Y}, on windows of the retrained version" if ended else "not within the replay"
    console.print(f"resolved      {resolved}")


def _estimates(run: _Run, app: App) -> None:
    """How well performance was known before its truth came, in words and as a picture."""
    rows = performance_record(app.stores.evaluations.findings(MODEL_NAME), ["accuracy"])
    held = record(rows)
    if held is None:
        return
    console.print(
        f"estimates     accuracy of {held.windows} windows, two days before their truth: off by "
        f"{100 * held.mean_error:.1f} points in the mean, {held.held:.0%} within their 95 % interval"
    )
    worst = max((row for row in rows if row.change is not None), key=_size_of_change, default=None)
    if worst is not None:
        console.print(f"largest fall  {_fall(worst)}")
    run.folder.estimates.write_text(estimate_svg(f"accuracy of {MODEL_NAME}, before its truth and by it", rows))
    console.print(f"picture       {run.folder.estimates}")


def _size_of_change(row: PerformanceRow) -> float:
    return -row.change.statistic if row.change else 0.0


def _fall(row: PerformanceRow) -> str:
    parts = [row.part(name) for name in ("covariate_shift", "label_shift", "unexplained")]
    inputs, classes, neither = (f"{100 * part[0]:+.1f}" if part else "?" for part in parts)
    total = row.change.statistic if row.change else 0.0
    return (
        f"{100 * total:+.1f} points of accuracy in the week to {row.window.end:%-d %b %Y}: {inputs} by other inputs, "
        f"{classes} by other shares of the true classes, {neither} by neither"
    )


def _next_commands(folder: DemoFolder) -> Sequence[str]:
    driftline, config = _typed(), f"--config {folder.config}"
    return (
        f"{driftline} findings {config} --model {MODEL_NAME} --verdict drifted",
        f"{driftline} performance {config} --model {MODEL_NAME}",
        f"{driftline} baseline list {config} --model {MODEL_NAME}",
        f"{driftline} retraining list {config}",
    )


def _typed() -> str:
    """The command as this person can type it: `make demo` leaves it beside its interpreter, off the PATH."""
    ours = Path(sys.executable).with_name("driftline")
    found = shutil.which("driftline")
    on_path = found is not None and Path(found).resolve() == ours.resolve()
    return "driftline" if on_path or not ours.exists() else os.path.relpath(ours)


def _keep(daemon: subprocess.Popen[bytes], port: int) -> None:
    console.print(f"\nThe monitor keeps running: http://127.0.0.1:{port}/healthz and /metrics. Ctrl-C ends it.")
    try:
        daemon.wait()
    except KeyboardInterrupt:
        console.print("stopping")


@contextmanager
def _daemon(run: _Run, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`driftline run` as a process of its own, ready to work; stopped as an operator would stop it."""
    command = [*_DRIFTLINE, "run", "--config", str(run.folder.config)]
    environ = (
        dict(run.environ) | {"COLUMNS": str(console.width)} | ({"FORCE_COLOR": "1"} if console.is_terminal else {})
    )
    output = run.folder.printed.open("wb")
    with output, subprocess.Popen(command, env=environ, stdout=output, stderr=output) as daemon:  # noqa: S603 - ourselves
        try:
            _wait_until_ready(daemon, port, run)
            yield daemon
        finally:
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                daemon.kill()


def _wait_until_ready(daemon: subprocess.Popen[bytes], port: int, run: _Run) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    with httpx.Client(trust_env=False, timeout=2) as client:
        while time.monotonic() < deadline and daemon.poll() is None:
            try:
                if client.get(f"http://127.0.0.1:{port}/readyz").is_success:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.2)
    raise MonitorError(f"the monitor did not become ready: see {run.folder.printed} and {run.folder.log}")


_DRIFTLINE = (sys.executable, "-c", "from monitor.cli.main import main; main()")


def _call(run: _Run, *arguments: str) -> None:
    """Run one of our own commands as a person would, and show it."""
    console.print(f"  [dim]$ driftline {shlex.join(arguments)}[/]")
    command = [*_DRIFTLINE, arguments[0], *arguments[1:], "--config", str(run.folder.config)]
    done = subprocess.run(command, env=dict(run.environ), capture_output=True, text=True, check=False)  # noqa: S603 - ourselves
    if done.returncode:
        raise MonitorError(f"`driftline {shlex.join(arguments)}` failed: {(done.stderr or done.stdout).strip()[-500:]}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
