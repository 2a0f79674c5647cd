"""`driftline backfill`."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.options import config_option, json_option, opened
from monitor.cli.output import bars, print_json
from monitor.domain.findings import Verdict
from monitor.domain.time import format_instant

if TYPE_CHECKING:
    from monitor.bootstrap.backfilling import Backfilled

INCOMPLETE = 4
"""Exit code when a check could not be computed, as that of `driftline compare`."""


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@config_option
@click.option(
    "--sql",
    "sources",
    multiple=True,
    metavar="NAME",
    help="Read this source of `truth_sources`, too: what is new in it. May be given again.",
)
@click.option("--model", default=None, help="Judge this model alone (default: every model with a baseline).")
@click.option("--workers", type=click.IntRange(1), default=None, help="Processes (default: one a processor).")
@click.option(
    "--tell",
    is_flag=True,
    help="Leave alerts and retraining jobs to `driftline run` (or `tick` and `dispatch`) to send.",
)
@json_option
def backfill(
    paths: tuple[Path, ...],
    directory: Path,
    sources: tuple[str, ...],
    model: str | None,
    workers: int | None,
    *,
    tell: bool,
    as_json: bool,
) -> None:
    """Judge history from files, on all cores.

    PATHS are files or folders of JSON lines or Parquet, records of both kinds. Event time comes from the records; the
    same windows, checks and rules apply as in the daemon. Windows without records are judged between others that have
    some, of models with `silence_after`. Files that were read before are not read again. Nobody is
    told and nothing is retrained unless --tell is given. With --sql alone ground truth is read and nothing is judged:
    the daemon does that. The exit code is 4 when a check could not be computed.
    """
    from monitor.bootstrap.backfilling import backfill as run  # noqa: PLC0415 - `--help` must not wait for it

    if not paths and not sources:
        raise click.UsageError("Give files or folders to read, or --sql NAME.")
    with opened(directory) as app, bars() as progress:
        done = run(app, paths, model, progress, truth_sources=sources, workers=workers or 0, tells=tell)
    _show(done, tell=tell, as_json=as_json)
    failed = sum(report.verdicts[Verdict.FAILED.value] for report in done.judged.values())
    if failed:
        click.echo(f"{failed:,} checks could not be computed; their findings say why", err=True)
        click.get_current_context().exit(INCOMPLETE)


def _show(done: "Backfilled", *, tell: bool, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "model": name,
                "windows": report.windows,
                "verdicts": {str(verdict): n for verdict, n in report.verdicts.items()},
                "transitions": [
                    {"rule": t.subject.rule, "at": format_instant(t.at), "phase": t.after.value, "why": t.why}
                    for t in report.transitions
                ],
            }
            for name, report in done.judged.items()
        )
        return
    read = done.read
    files = "file" if done.files == 1 else "files"
    click.echo(
        f"{done.files:,} {files}, {read.records:,} records: {read.counted:,} counted, {read.truths:,} ground truth, "
        f"{read.duplicates:,} duplicates, {read.refused:,} refused; {read.late:,} of the counted were late"
    )
    if read.truths_ignored:
        click.echo(f"{read.truths_ignored:,} more are ground truth of models without `ground_truth`, and were not kept")
    for folder, truths in done.misplaced.items():
        click.echo(
            f"{truths:,} ground truth lie in {folder}, a folder of `inference`, where `driftline run` refuses them: "
            "name it under `mixed` in `source.folders`, or keep them in a folder of `ground_truth`"
        )
    for name, report in done.judged.items():
        verdicts = Counter({str(verdict): n for verdict, n in report.verdicts.items()})
        click.echo(f"{name}: {report.windows} windows; " + ", ".join(f"{n:,} {v}" for v, n in verdicts.most_common()))
        for change in report.transitions:
            click.echo(f"  {format_instant(change.at)} {change.subject.rule}: {change.after.value}, {change.why}")
        click.echo(f"see `driftline findings --model {name}`")
    if tell:
        click.echo("what there is to tell is sent by `driftline run`, or by `driftline tick` and `dispatch`")
