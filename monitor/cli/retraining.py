"""`driftline retraining`."""

import getpass
from datetime import datetime
from pathlib import Path

import click

from monitor.cli.options import config_option, instant, json_option, opened
from monitor.cli.output import print_json, print_table
from monitor.domain.retraining import BY_HAND, EVERY_MODEL, LONGEST_ASKED_AS, JobOutcome, OperatorHold, RetrainJob
from monitor.domain.time import format_instant
from monitor.domain.verification import Comparison, Verification
from monitor.shells.jobs import history_row, hold_row, job_row, report_row


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "a person"


by_option = click.option("--by", default=_user, show_default="your user name", help="Who decides; kept in the ledger.")
reason_option = click.option("--reason", default="", help="Why; kept in the ledger.")


@click.group()
def retraining() -> None:
    """The ledger of retraining jobs: see, ask, approve, hold, verify, promote.

    The beginning of a job's key is enough where no other begins so.
    """


@retraining.command("list")
@config_option
@click.option("--model", default=None, help="Only of this model.")
@json_option
def list_jobs(directory: Path, model: str | None, *, as_json: bool) -> None:
    """Every job, oldest first."""
    with opened(directory) as app:
        rows = [job_row(job) for job in app.stores.jobs.jobs(model)]
        holds = app.stores.holds.holds(app.clock.now())
    if as_json:
        print_json(rows)
        return
    keys = ("key", "model", "version", "phase", "hold_reason", "end", "requested_at", "rule", "requested_by", "detail")
    print_table(keys, ([row[key] or "" for key in keys] for row in rows), empty="no retraining job")
    for hold in holds:
        click.echo(_held(hold))


@retraining.command()
@config_option
@click.argument("key")
@json_option
def show(key: str, directory: Path, *, as_json: bool) -> None:
    """One job: every step with its reason, the cost sum, the verification."""
    from monitor.bootstrap.retraining import build_ledger  # noqa: PLC0415 - heavy

    with opened(directory) as app:
        ledger = build_ledger(app)
        job = ledger.job(ledger.named(key))
        history = app.stores.jobs.history(job.request.key)
    if as_json:
        print_json([{**job_row(job), "history": [history_row(one) for one in history]}])
        return
    request = job.request
    about = f", rule {request.rule}" if request.rule != BY_HAND else ""
    click.echo(f"{request.model}:{request.version}{about}: {request.reason}")
    steps = ([format_instant(one.changed_at), _phase(one), one.by, one.detail] for one in history)
    print_table(("at", "phase", "by", "reason"), steps, empty="")
    if job.cost is not None:
        click.echo(f"cost: {job.cost.sentence}")
    if job.candidate.verification is not None:
        _print_report(job.candidate.verification)


@retraining.command()
@config_option
@click.argument("key")
@click.option("--failed", "is_failed", is_flag=True, help="The run failed.")
@click.option("--version", default=None, help="Version that was trained.")
@click.option("--training-data", default=None, help="File or folder that it was trained on; becomes its baseline.")
@click.option("--scores", default=None, help="File of predictions (event_id, version, prediction, score) to verify by.")
@click.option("--trained-until", callback=instant, help="Event time at which its training data ends.")
@click.option("--from", "effective_from", callback=instant, help="Event time from which it serves.")
@click.option("--detail", default="", help="A word for people.")
@by_option
def finish(  # noqa: PLR0917 - click passes options by name
    key: str,
    directory: Path,
    version: str | None,
    training_data: str | None,
    scores: str | None,
    trained_until: datetime | None,
    effective_from: datetime | None,
    detail: str,
    by: str,
    *,
    is_failed: bool,
) -> None:
    """Say what became of a run, as the pipeline's call-back would."""
    from monitor.bootstrap.retraining import build_decisions  # noqa: PLC0415 - heavy

    with opened(directory) as app:
        retraining = build_decisions(app)
        name = retraining.ledger.named(key)
        said = JobOutcome(name, not is_failed, version, training_data, effective_from, detail, scores, trained_until)
        _say(retraining.finish(said, by))


@retraining.command()
@config_option
@click.option("--model", required=True, help="To be retrained: the version whose window was judged last.")
@click.option("--idempotency-key", "known_as", default="", help="Asked again with the same, it is the same request.")
@by_option
@reason_option
def ask(directory: Path, model: str, known_as: str, by: str, reason: str) -> None:
    """Ask for a model to be retrained, though no rule does; the way to try a pipeline.

    Asking is approving: a policy that asks people asks nobody again. What else the guard holds against it stands.
    """
    from monitor.bootstrap.retraining import build_retraining, request_by_hand  # noqa: PLC0415 - heavy

    if len(known_as) > LONGEST_ASKED_AS:
        said = f"it has {len(known_as)} characters: at most {LONGEST_ASKED_AS} are allowed"
        raise click.BadParameter(said, param_hint="--idempotency-key")
    with opened(directory) as app:
        _say(build_retraining(app).ask(request_by_hand(app, model, by, reason, asked_as=known_as)))


@retraining.command()
@config_option
@click.argument("key")
@by_option
@reason_option
def approve(key: str, directory: Path, by: str, reason: str) -> None:
    """Start a job that was held back."""
    from monitor.bootstrap.retraining import build_retraining  # noqa: PLC0415 - heavy

    with opened(directory) as app:
        retraining = build_retraining(app)
        _say(retraining.approve(retraining.ledger.named(key), by, reason))


@retraining.command()
@config_option
@click.argument("key")
@by_option
@reason_option
def decline(key: str, directory: Path, by: str, reason: str) -> None:
    """Settle a job that was not started: it will not be. Or decline the rollback that a job suggests, with a reason."""
    from monitor.bootstrap.retraining import build_decisions  # noqa: PLC0415 - heavy

    with opened(directory) as app:
        retraining = build_decisions(app)
        _say(retraining.decline(retraining.ledger.named(key), by, reason))


@retraining.command()
@config_option
@click.argument("key", required=False)
@click.option("--model", default=None, help="Start nothing for this model (* for all), whatever its rules ask.")
@click.option("--until", callback=instant, help="When a model's hold ends (default: when it is released).")
@by_option
@reason_option
def hold(  # noqa: PLR0917 - click passes options by name
    key: str | None, directory: Path, model: str | None, until: datetime | None, by: str, reason: str
) -> None:
    """Keep a job (KEY), or every job of a model (--model), from starting.

    This is independent of silences: they keep alerts quiet and stop no machine.
    """
    if (key is None) == (model is None):
        raise click.UsageError("Name a job, or a model with --model.")
    with opened(directory) as app:
        if key is not None:
            from monitor.bootstrap.retraining import build_decisions  # noqa: PLC0415 - heavy

            retraining = build_decisions(app)
            _say(retraining.hold(retraining.ledger.named(key), by, reason))
            return
        from monitor.bootstrap.holding import operator_holds  # noqa: PLC0415 - heavy

        click.echo(_held(operator_holds(app).place(str(model), by, reason or "no reason given", until)))


@retraining.command()
@config_option
@click.option("--model", required=True, help="As it was named when it was held.")
@by_option
def release(directory: Path, model: str, by: str) -> None:
    """End the holds of a model."""
    from monitor.bootstrap.holding import operator_holds  # noqa: PLC0415 - heavy

    with opened(directory) as app:
        operator_holds(app).release(model, by)
    click.echo(f"released {model}")


@retraining.command()
@config_option
@click.option("--all", "is_all", is_flag=True, help="Those that are over, too, with who ended them.")
@json_option
def holds(directory: Path, *, is_all: bool, as_json: bool) -> None:
    """Who holds which model, why, and until when."""
    from monitor.bootstrap.holding import operator_holds  # noqa: PLC0415 - heavy

    with opened(directory) as app:
        rows = [hold_row(one) for one in operator_holds(app).seen(ever=is_all)]
    if as_json:
        print_json(rows)
        return
    keys = ("model", "by", "since", "until", "reason", *(("released_at", "released_by") if is_all else ()))
    print_table(keys, ([row[key] or "" for key in keys] for row in rows), empty="nothing is held")


@retraining.command()
@config_option
@click.argument("key")
@json_option
def verify(key: str, directory: Path, *, as_json: bool) -> None:
    """Compare the job's candidate with the champion as things stand now; changes nothing."""
    from monitor.bootstrap.retraining import build_decisions  # noqa: PLC0415 - heavy

    with opened(directory) as app:
        retraining = build_decisions(app)
        report = retraining.verify(retraining.ledger.named(key))
    if as_json:
        print_json([report_row(report)])
    else:
        _print_report(report)


@retraining.command()
@config_option
@click.argument("key")
@by_option
@reason_option
def promote(key: str, directory: Path, by: str, reason: str) -> None:
    """Say that a job's candidate serves: its baseline becomes current."""
    from monitor.bootstrap.retraining import build_decisions  # noqa: PLC0415 - heavy

    with opened(directory) as app:
        retraining = build_decisions(app)
        _say(retraining.promote(retraining.ledger.named(key), by, reason))


@retraining.command()
@config_option
@click.argument("key")
@by_option
@reason_option
def reject(key: str, directory: Path, by: str, reason: str) -> None:
    """Say that a job's candidate is not wanted."""
    from monitor.bootstrap.retraining import build_decisions  # noqa: PLC0415 - heavy

    with opened(directory) as app:
        retraining = build_decisions(app)
        _say(retraining.reject(retraining.ledger.named(key), by, reason))


def _held(hold: OperatorHold) -> str:
    about = "every model" if hold.model == EVERY_MODEL else hold.model
    until = f" until {format_instant(hold.until)}" if hold.until else ""
    return f"{hold.by} holds {about}{until}: {hold.reason}"


def _phase(job: RetrainJob) -> str:
    more = job.hold_reason or job.end
    return f"{job.phase.value} ({more.value})" if more else job.phase.value


def _say(job: RetrainJob) -> None:
    click.echo(f"job {job.request.key} is {_phase(job)}" + (f": {job.detail}" if job.detail else ""))


def _print_report(report: Verification) -> None:
    click.echo(f"{report.answer.value}: {report.because}")
    click.echo(
        f"champion {report.champion}, candidate {report.candidate}; {report.windows} windows with ground truth, the"
        f" next look is at {report.next_look}; intervals hold with {report.confidence:.2%}"
    )
    titles = ("scope", "metric", "pairs", "champion", "candidate", "gain", "low", "high")
    print_table(titles, map(_compared, report.comparisons), empty="nothing was compared")
    for note in report.notes:
        click.echo(f"note: {note}")


def _compared(one: Comparison) -> list[object]:
    values = (one.champion, one.candidate, one.gain, one.low, one.high)
    shown = ["" if value is None else f"{value:.4g}" for value in values]
    return [one.scope, one.metric, f"{one.n:,}", *shown]
