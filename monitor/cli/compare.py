"""`driftline compare`."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.attribution import show_attribution
from monitor.cli.options import json_option
from monitor.cli.output import bars, number, print_table, verdict_text, written

if TYPE_CHECKING:
    from monitor.domain.derived import DerivedColumn, VectorColumn
    from monitor.usecases.compare import Compared, Comparison


@click.command()
@click.argument("reference", type=click.Path(path_type=Path))
@click.argument("current", type=click.Path(path_type=Path))
@click.option("--exclude", multiple=True, help="Column to leave out; may be repeated.")
@click.option("--categorical", multiple=True, help="Column of numbers that are categories; may be repeated.")
@click.option("--text", "texts", multiple=True, help="Column of free text; may be repeated.")
@click.option("--vector", "vectors", multiple=True, help="Column of vectors and their length, as embedding:384.")
@click.option("--min-records", type=click.IntRange(1), default=100, show_default=True, help="Rows a check needs.")
@click.option("--multivariate", is_flag=True, help="Compare rows as wholes, too: what goes with what.")
@click.option("--columns-only", is_flag=True, help="Leave out the check of all columns together (dependent rows).")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a page with pictures, too.")
@json_option
def compare(  # noqa: PLR0917 - click passes options by name
    reference: Path,
    current: Path,
    exclude: tuple[str, ...],
    categorical: tuple[str, ...],
    texts: tuple[str, ...],
    vectors: tuple[str, ...],
    *,
    min_records: int,
    multivariate: bool,
    columns_only: bool,
    html: Path | None,
    as_json: bool,
) -> None:
    """Compare two tables by the checks that a new model has. No configuration is needed.

    REFERENCE and CURRENT are CSV, Parquet, Arrow or JSON-lines files, or folders of one kind. The exit code is 0
    without drift, 3 with drift, 4 when nothing drifted but a check could not be computed, and 2 when a table cannot be
    read.
    """
    from monitor.bootstrap.comparing import compare_files  # noqa: PLC0415 - heavy
    from monitor.domain.derived import TextColumn  # noqa: PLC0415 - beside its only use
    from monitor.usecases.training_columns import TrainingOptions  # noqa: PLC0415 - heavy

    derived: list[DerivedColumn] = [TextColumn(name) for name in texts]
    derived += map(_vector, vectors)
    options = TrainingOptions(exclude=exclude, categorical=categorical, derived=tuple(derived))
    with bars() as progress:
        found = compare_files(
            reference, current, options, min_records, progress, multivariate=multivariate, columns_only=columns_only
        )
    if html is not None:
        from monitor.shells.web.comparison import comparison_page  # noqa: PLC0415 - for those who ask for it

        written(html, comparison_page(found))
    if as_json:
        click.echo(json.dumps(_document(found), ensure_ascii=False, allow_nan=False))
    else:
        _show(found)
    click.get_current_context().exit(found.outcome)


def _vector(said: str) -> "VectorColumn":
    from monitor.domain.derived import MOST_DIMENSIONS, VectorColumn  # noqa: PLC0415 - beside its only use

    name, _, length = said.rpartition(":")
    if not name or not length.isdecimal() or not 1 <= int(length) <= MOST_DIMENSIONS:
        why = f"{said!r} is no column with a number of dimensions from 1 to {MOST_DIMENSIONS:,}, as embedding:384"
        raise click.BadParameter(why, param_hint="--vector")
    return VectorColumn(name, int(length))


def _show(found: "Comparison") -> None:
    from monitor.shells.web.comparison import headline  # noqa: PLC0415 - heavy

    rows = (
        (
            check.column,
            check.test,
            number(check.result.statistic if check.result else None),
            number(check.limit),
            "" if check.result is None or check.result.p_value is None else f"{check.result.p_value:.2g}",
            verdict_text(check.verdict.value),
            "" if check.verdict.value == "ok" else check.reason,  # its numbers say it all
        )
        for check in found.checks
    )
    print_table(("column", "check", "statistic", "limit", "p", "verdict", "reason"), rows, empty="no column")
    for note in found.notes:
        click.echo(f"note: {note}")
    if found.attribution is not None:
        show_attribution(found.attribution)
    click.echo(headline(found))
    said = found.outcome.name.lower().replace("_", " ")
    noun = "row" if found.rows_current == 1 else "rows"
    click.echo(f"{said}: {found.rows_current:,} {noun} against {found.rows_reference:,} in the reference")


def _document(found: "Comparison") -> dict[str, object]:
    from monitor.stats.attribution.words import as_document  # noqa: PLC0415 - heavy

    return {
        "outcome": found.outcome.name.lower(),
        "rows_reference": found.rows_reference,
        "rows_current": found.rows_current,
        "notes": list(found.notes),
        "checks": [_check(check) for check in found.checks],
        "attribution": None if found.attribution is None else as_document(found.attribution),
    }


def _check(check: "Compared") -> dict[str, object]:
    result = check.result
    return {
        "column": check.column,
        "check": check.test,
        "verdict": check.verdict.value,
        "statistic": _finite(result.statistic) if result else None,
        "p_value": _finite(result.p_value) if result else None,
        "reason": check.reason,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
