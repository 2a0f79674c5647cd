"""`driftline check-config`."""

import json
import os
from pathlib import Path

import click

from monitor.cli.options import config_option, json_option


@click.command("check-config")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@config_option
@json_option
@click.option("--strict", is_flag=True, help="Let warnings fail, too.")
@click.option("--schema", is_flag=True, help="Print the JSON schema of the files instead.")
def check_config(folder: Path | None, directory: Path, *, as_json: bool, strict: bool, schema: bool) -> None:
    """Report every mistake of the configuration.

    Each with file, line, cause and a hint. The exit code is 0 when the configuration can be used, else 2.
    """
    from monitor.bootstrap.schema import whole_schema  # noqa: PLC0415 - `--help` must not wait for it
    from monitor.bootstrap.vocabulary import known_columns, vocabulary  # noqa: PLC0415 - as above
    from monitor.config.directory import check  # noqa: PLC0415 - as above

    if schema:
        click.echo(whole_schema(), nl=False)
        return
    directory = folder or directory
    checked = check(directory, vocabulary(known_columns(directory, os.environ)), os.environ)
    levels = [("error", error) for error in checked.mistakes.errors]
    levels += [("warning", error) for error in checked.mistakes.warnings]
    for level, error in levels:
        if as_json:
            row = {"level": level, "file": str(error.path), "line": error.line}
            click.echo(json.dumps(row | {"message": error.message, "hint": error.hint}))
        else:
            colour = "red" if level == "error" else "yellow"
            click.echo(f"{click.style(level, fg=colour)}: {error}")
    if not as_json:
        click.echo(_summary(directory, len(checked.mistakes.errors), len(checked.mistakes.warnings)))
    is_bad = bool(checked.mistakes.errors or (strict and checked.mistakes.warnings))
    click.get_current_context().exit(2 if is_bad else 0)


def _summary(directory: Path, errors: int, warnings: int) -> str:
    if not errors and not warnings:
        return f"{directory}: no mistakes"
    parts = [f"{n} {word}{'s' * (n != 1)}" for n, word in ((errors, "error"), (warnings, "warning")) if n]
    return f"{directory}: {' and '.join(parts)}"
