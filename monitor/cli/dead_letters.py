"""`driftline dead-letters`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.options import config_option, json_option, opened
from monitor.cli.output import print_json, print_table
from monitor.domain.errors import ConfigError, RejectReason
from monitor.domain.partitions import PartitionId
from monitor.domain.records import KeptLetter, LetterQuery
from monitor.domain.time import format_instant, from_ms

if TYPE_CHECKING:
    from monitor.usecases.replay_letters import Replayed

_SHOWN_BYTES = 200


def _partition(_: click.Context, param: click.Parameter, value: str | None) -> PartitionId | None:
    if value is None:
        return None
    topic, slash, number = value.rpartition("/")
    if not slash or not number.isdecimal():
        raise click.BadParameter(f"{value!r} is no partition: write it like inference/0, as `list` does", param=param)
    return PartitionId(topic, int(number))


@click.group("dead-letters")
def dead_letters() -> None:
    """Records that were refused, and why."""


@dead_letters.command("list")
@config_option
@click.option("--model", default=None, help="Only records of this model.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The newest so many.")
@json_option
def list_dead_letters(directory: Path, model: str | None, limit: int, *, as_json: bool) -> None:
    """The newest refused records, with their reasons, and when those were replayed that were counted after all."""
    with opened(directory) as app:
        found = app.stores.records.dead_letters(limit, model)
        counts = app.stores.records.dead_letter_counts()
    if as_json:
        print_json(map(_shown, found))
        return
    keys = ["seen_at", "partition", "offset", "reason", "detail", "value"]
    if any(kept.replayed_at_ms is not None for kept in found):
        keys.insert(4, "replayed_at")
    cells = ([_cell(row[key]) for key in keys] for row in map(_shown, found))
    print_table(keys, cells, empty="no record was refused")
    if counts:
        click.echo("in all: " + ", ".join(f"{number:,} {reason}" for reason, number in sorted(counts.items())))


@dead_letters.command("show")
@config_option
@click.argument("partition", callback=_partition)
@click.argument("offset", type=int)
@json_option
def show_dead_letter(directory: Path, partition: PartitionId, offset: int, *, as_json: bool) -> None:
    """One refused message, whole as it was kept. PARTITION is written like inference/0."""
    with opened(directory) as app:
        found = app.stores.records.kept_letters(LetterQuery(partition=partition, offset=offset), 1)
    if not found:
        raise ConfigError(
            f"no dead letter at offset {offset} of {partition}", hint="`driftline dead-letters list` shows them"
        )
    row = _shown(found[0])
    if as_json:
        print_json([row])
        return
    for name, value in row.items():
        if name != "value":
            click.echo(f"{name + ':':<13}{'' if value is None else value}")
    click.echo(_pretty(str(row["value"])))


@dead_letters.command("replay")
@config_option
@click.option("--model", default=None, help="Only records of this model.")
@click.option(
    "--reason", type=click.Choice([r.value for r in RejectReason]), default=None, help="Only for this reason."
)
@click.option("--partition", callback=_partition, default=None, help="Only of this partition, like inference/0.")
@click.option("--offset", type=int, default=None, help="Only this offset (needs --partition).")
@click.option(
    "--limit", type=click.IntRange(1), default=10_000, show_default=True, help="At most so many, oldest first."
)
@json_option
def replay_dead_letters(  # noqa: PLR0917 - click passes options by name
    directory: Path,
    model: str | None,
    reason: str | None,
    partition: PartitionId | None,
    offset: int | None,
    limit: int,
    *,
    as_json: bool,
) -> None:
    """Count refused messages after all, once what refused them is mended.

    Each goes through the same decoding and folding as a message from the stream, and is counted at most once however
    often this is called. What is refused again stays as it is.
    """
    if offset is not None and partition is None:
        raise click.UsageError("--offset needs --partition")
    from monitor.bootstrap.consuming import build_replay  # noqa: PLC0415 - `--help` must not wait for it
    from monitor.usecases.replay_letters import fates  # noqa: PLC0415 - as above

    with opened(directory) as app:
        query = LetterQuery(model, RejectReason(reason) if reason else None, partition, offset)
        done = build_replay(app).run(query, limit)
    if as_json:
        print_json(map(_replayed, done))
        return
    titles = ("partition", "offset", "refused for", "became", "why")
    print_table(titles, (tuple(_replayed(one).values()) for one in done), empty="no refused message waits here")
    if done:
        click.echo("in all: " + ", ".join(f"{n:,} {fate}" for fate, n in fates(done).items()))


def _replayed(one: "Replayed") -> dict[str, object]:
    return {
        "partition": str(one.letter.partition),
        "offset": one.letter.offset,
        "refused_for": one.letter.reason.value,
        "became": one.fate.value,
        "why": one.why,
    }


def _shown(kept: KeptLetter) -> dict[str, object]:
    letter = kept.letter
    return {
        "partition": str(letter.partition),
        "offset": letter.offset,
        "reason": letter.reason.value,
        "detail": letter.detail,
        "model": letter.model,
        "key": None if letter.key is None else letter.key.decode("utf-8", errors="replace"),
        "seen_at": format_instant(from_ms(kept.seen_at_ms)),
        "replayed_at": None if kept.replayed_at_ms is None else format_instant(from_ms(kept.replayed_at_ms)),
        "size_bytes": letter.size_bytes,
        "kept_bytes": len(letter.value),
        "form": letter.form.value,
        "value": letter.value.decode("utf-8", errors="replace"),
    }


def _cell(value: object) -> str:
    return "" if value is None else str(value)[:_SHOWN_BYTES]


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text
