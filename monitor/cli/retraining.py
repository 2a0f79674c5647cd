"""`driftline retraining`."""

from datetime import datetime
from pathlib import Path

import click

from monitor.cli.options import config_option, instant, json_option, opened
from monitor.cli.output import print_json, print_table
from monitor.domain.retraining import JobOutcome, RetrainJob
from monitor.domain.time import format_instant


@click.group()
def retraining() -> None:
    """The ledger of retraining jobs: list, finish, approve, hold."""


@retraining.command("list")
@config_option
@click.option("--model", default=None, help="Only of this model.")
@json_option
def list_jobs(directory: Path, model: str | None, *, as_json: bool) -> None:
    """Every job, oldest first."""
    with opened(directory) as app:
        rows = [_row(job) for job in app.stores.jobs.jobs(model)]
    if as_json:
        print_json(rows)
        return
    keys = ("key", "model", "version", "phase", "hold_reason", "requested_at", "rule", "detail")
    print_table(keys, ([row[key] for key in keys] for row in rows), empty="no retraining job")


@retraining.command()
@config_option
@click.argument("key")
@click.option("--failed", "is_failed", is_flag=True, help="The run failed.")
@click.option("--version", default=None, help="Version that was trained.")
@click.option("--training-data", default=None, help="File or folder that it was trained on; becomes its baseline.")
@click.option("--from", "effective_from", callback=instant, help="Event time from which it serves.")
@click.option("--detail", default="", help="A word for people.")
def finish(  # noqa: PLR0917 - click passes options by name
    key: str,
    directory: Path,
    version: str | None,
    training_data: str | None,
    effective_from: datetime | None,
    detail: str,
    *,
    is_failed: bool,
) -> None:
    """Close a job by hand, as the pipeline's call-back would."""
    from monitor.bootstrap.retraining import build_retraining  # noqa: PLC0415 - heavy

    said = JobOutcome(key, not is_failed, version, training_data, effective_from, detail)
    with opened(directory) as app:
        _say(build_retraining(app).finish(said))


@retraining.command()
@config_option
@click.argument("key")
def approve(key: str, directory: Path) -> None:
    """Start a job that was held back."""
    from monitor.bootstrap.retraining import build_retraining  # noqa: PLC0415 - heavy

    with opened(directory) as app:
        _say(build_retraining(app).approve(key))


@retraining.command()
@config_option
@click.argument("key")
def hold(key: str, directory: Path) -> None:
    """Keep a job that waits to be started from starting."""
    from monitor.bootstrap.retraining import hold_job  # noqa: PLC0415 - heavy

    with opened(directory) as app:
        _say(hold_job(app, key))


def _say(job: RetrainJob) -> None:
    click.echo(f"job {job.request.key} is {job.phase.value}" + (f": {job.detail}" if job.detail else ""))


def _row(job: RetrainJob) -> dict[str, object]:
    request = job.request
    return {
        "key": request.key,
        "model": request.model,
        "version": request.version,
        "rule": request.rule,
        "at": format_instant(request.at),
        "why": request.why,
        "phase": job.phase.value,
        "hold_reason": job.hold_reason.value if job.hold_reason else None,
        "requested_at": format_instant(job.requested_at),
        "changed_at": format_instant(job.changed_at),
        "detail": job.detail,
        "external_id": job.external_id,
        "candidate_version": job.candidate_version,
        "candidate_baseline": job.candidate_baseline,
    }
