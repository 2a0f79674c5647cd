"""`driftline map`."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import yaml

from monitor.domain.errors import ConfigError


@click.command("map")
@click.option("--format", "name", required=True, help="Name of the format, or auto.")
@click.option(
    "--sample",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A message a line (.jsonl, .ndjson), or a file that is one message.",
)
@click.option(
    "--options",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="YAML file with the format's options, as under `source.formats` of monitor.yaml.",
)
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="One option; the value is YAML.")
def map_command(name: str, sample: Path, file: Path | None, pairs: tuple[str, ...]) -> None:
    """Show what a format makes of sample messages: canonical records on standard output, a JSON line each.

    What was refused goes to standard error with line and reason, and the exit code is then 1. Lines that hold an
    object {"value": ..., "headers": {...}, "key": ..., "timestamp_ms": ..., "topic": ...} say what came beside the
    value; {"value_base64": ...} holds bytes.
    """
    from monitor.adapters.formats.sample import canonical_lines, map_sample, read_sample  # noqa: PLC0415 - heavy
    from monitor.bootstrap.formats import build_format, secrets_read  # noqa: PLC0415 - heavy

    options = secrets_read({**_read(file), **dict(map(_pair, pairs))}, os.environ)
    mapped = map_sample(build_format(name, options, file), read_sample(sample))
    for line in canonical_lines(mapped.rows):
        click.echo(line)
    for number, refusal in mapped.refused:
        click.echo(f"{sample}:{number}: {refusal.reason}: {refusal.detail}", err=True)
    if mapped.refused:
        sys.exit(1)


def _read(file: Path | None) -> Mapping[str, object]:
    from monitor.config.yaml_file import read_yaml  # noqa: PLC0415 - heavy

    data = {} if file is None else read_yaml(file).data
    if not isinstance(data, dict):
        raise ConfigError("the file must hold keys and values", file, 1, "write `key: value` lines")
    return {key: value for key, value in data.items() if key != "format"}


def _pair(text: str) -> tuple[str, object]:
    key, is_there, value = text.partition("=")
    if not is_there:
        raise click.BadParameter(f"{text!r} has no value: write --set key=value", param_hint="--set")
    try:
        return key, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise click.BadParameter(f"the value of {key} is no YAML", param_hint="--set") from error
