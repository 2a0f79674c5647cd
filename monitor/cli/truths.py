"""`driftline truths`."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from monitor.cli.options import config_option, json_option, opened
from monitor.cli.output import print_json, print_table
from monitor.config.directory import Settings
from monitor.domain.errors import ConfigError
from monitor.domain.polling import TableState
from monitor.domain.records import Truth, TruthTally
from monitor.domain.time import format_instant, from_ms

_TALLIES = (
    "name", "counts", "judged_as", "statements", "predictions", "unmatched", "replaced", "annotators", "first_known",
    "last_known",
)  # fmt: skip
_SOURCES = ("source", "rows", "refused", "unlabelled", "undated", "newest", "read_to_end", "failures", "error")
_STATEMENTS = ("name", "label", "known_at", "annotator", "holds")


@click.group()
def truths() -> None:
    """What is stored of ground truth and feedback: how much, what was said of a prediction by whom, whence."""


@truths.command("list")
@config_option
@click.option("--model", required=True, help="Name of the model.")
@json_option
def list_truths(directory: Path, model: str, *, as_json: bool) -> None:
    """How much truth of each name there is.

    Counts: whether the model's metrics rest on it (`ground_truth.name`). Judged as: the name under which there are
    findings by it, of a further truth (`truths` of the model) one of its own. Unmatched: ids of which no prediction is
    stored, because it has not come, has no `prediction`, or is older than what is kept. Replaced: predictions that were
    told different labels.
    """
    with opened(directory) as app:
        judged = _judged(app.settings, model)
        rows = [_tally(one, model, judged.get(one.name)) for one in app.stores.truths.tallies(model)]
    if as_json:
        print_json(rows)
        return
    print_table(_TALLIES, (tuple(row.values()) for row in rows), empty=f"no ground truth of {model} is stored")


@truths.command("show")
@config_option
@click.option("--model", required=True, help="Name of the model.")
@click.argument("event_id")
@json_option
def show_truths(directory: Path, model: str, event_id: str, *, as_json: bool) -> None:
    """Everything that was said of the prediction EVENT_ID; of each name the statement known last holds."""
    with opened(directory) as app:
        _judged(app.settings, model)
        found = app.stores.truths.statements(model, event_id)
    if not found:
        raise ConfigError(f"nothing was said of {event_id!r}", hint="`driftline truths list` tells how much there is")
    rows = list(_statements(found))
    if as_json:
        print_json(rows)
        return
    print_table(_STATEMENTS, (tuple(row.values()) for row in rows), empty="")


@truths.command("sources")
@config_option
@json_option
def list_sources(directory: Path, *, as_json: bool) -> None:
    """How far each table of `truth_sources` has been read.

    Rows: new ones so far. Refused: those of them that are dead letters (of the first thousand, as long as these are
    kept): `driftline dead-letters list` says why. Unlabelled: rows whose label was not known yet. Undated:
    rows without `updated_at`, which are never read (counted up to a thousand). Newest: the latest `updated_at` that was
    seen.
    """
    from monitor.bootstrap.truth_sources import refused_rows, truth_states  # noqa: PLC0415 - `--help` must not wait for it

    with opened(directory) as app:
        refused = refused_rows(app)
        rows = [_source(state, refused[state.source]) for state in truth_states(app)]
    if as_json:
        print_json(rows)
        return
    print_table(_SOURCES, (tuple(row.values()) for row in rows), empty="no `truth_sources` in monitor.yaml")


def _judged(settings: Settings, model: str) -> dict[str, str]:
    """Under which name the model is judged by which truth; ConfigError without such a model."""
    if model not in settings.models:
        known = ", ".join(sorted(settings.models)) or "none"
        raise ConfigError(f"no model {model!r} is configured", hint=f"known: {known}")
    return {
        one.ground_truth.name: one.name
        for one in settings.judged.values()
        if one.ground_truth is not None and one.recorded_as == model
    }


def _tally(one: TruthTally, model: str, judged_as: str | None) -> dict[str, object]:
    return {
        "name": one.name,
        "counts": judged_as == model,
        "judged_as": judged_as,
        "statements": one.statements,
        "predictions": one.predictions,
        "unmatched": one.unmatched,
        "replaced": one.replaced,
        "annotators": one.annotators,
        "first_known": format_instant(from_ms(one.first_known_at_ms)),
        "last_known": format_instant(from_ms(one.last_known_at_ms)),
    }


def _source(state: TableState, refused: int) -> dict[str, object]:
    newest_ms, completed_ms = state.cursor.newest_ms, state.completed_at_ms
    return {
        "source": state.source,
        "rows": state.rows,
        "refused": refused,
        "unlabelled": state.unlabelled,
        "undated": state.undated,
        "newest": format_instant(from_ms(newest_ms)) if state.cursor.newest else None,
        "read_to_end": format_instant(from_ms(completed_ms)) if completed_ms else None,
        "failures": state.failures,
        "error": state.error,
    }


def _statements(found: Sequence[Truth]) -> Iterator[dict[str, object]]:
    last = {one.name: one for one in found}
    for one in found:
        yield {
            "name": one.name,
            "label": one.label,
            "known_at": format_instant(from_ms(one.known_at_ms)),
            "annotator": one.annotator,
            "holds": one is last[one.name],
        }
