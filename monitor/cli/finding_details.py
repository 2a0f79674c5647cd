"""What a finding says besides its sentence, as lines and tables."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeGuard

import click

from monitor.cli.attribution import show_attribution
from monitor.cli.output import number, print_table
from monitor.domain.findings import Finding
from monitor.domain.time import format_instant
from monitor.usecases.attributing import ATTRIBUTION
from monitor.usecases.whole_model import SEGMENT_STATES, STATE

_FOR_MACHINES = {STATE, SEGMENT_STATES}
_OF_ATTRIBUTION = ("bits", "columns", "segments")


def show_details(finding: Finding) -> None:
    """A heading, and below it the detail of the finding's result; nothing where it has none."""
    detail = dict(finding.result.detail) if finding.result else {}
    if not detail:
        return
    click.echo(f"\n{format_instant(finding.window.start)} {finding.check.name}, version {finding.model.version}")
    _show_confusion(detail)
    _show_attribution(detail)
    for name, value in detail.items():
        if name not in _FOR_MACHINES:
            _show(name, value)


def _show_confusion(detail: dict[str, object]) -> None:
    labels, counts = detail.pop("labels", None), detail.pop("confusion", None)
    if isinstance(labels, list) and isinstance(counts, list):
        rows = ((label, *row) for label, row in zip(labels, counts, strict=True))
        print_table(("truth \\ predicted", *labels), rows, empty="")


def _show_attribution(detail: dict[str, object]) -> None:
    """That of the check `divergence` is its whole detail, that of a model which has drifted a part of it."""
    from monitor.stats.attribution.words import of_document  # noqa: PLC0415 - heavy

    inside = detail.get(ATTRIBUTION)
    found = of_document(detail if inside is None else inside)
    if found is not None:
        show_attribution(found)
        for name in _OF_ATTRIBUTION if inside is None else (ATTRIBUTION,):
            del detail[name]


def _show(name: str, value: object) -> None:
    if _are_rows(value):
        titles = tuple(dict.fromkeys(title for row in value for title in row))
        click.echo(f"{name}:")
        print_table(titles, ([_words(row.get(title)) for title in titles] for row in value), empty="")
    else:
        click.echo(f"{name}: {_words(value)}")


def _are_rows(value: object) -> TypeGuard[Sequence[Mapping[str, object]]]:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _words(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return number(value)
        case dict():
            return _listed(f"{name} {_words(one)}" for name, one in value.items())
        case list() | tuple():
            return _listed(map(_words, value))
    return str(value)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words) or "none"
