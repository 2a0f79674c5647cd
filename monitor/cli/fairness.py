"""`driftline fairness`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.options import config_option, instant, json_option, opened
from monitor.cli.output import print_table
from monitor.cli.spans import configured
from monitor.domain.errors import ConfigError

if TYPE_CHECKING:
    from monitor.domain.models import MonitoredModel
    from monitor.stats.fairness.outcomes import Groups, Smallest
    from monitor.usecases.audit_fairness import Audit, Audited


@click.command()
@config_option
@click.option("--model", "name", required=True, help="Name of the model.")
@click.option("--version", "versions", multiple=True, help="Only of this version; may be repeated.")
@click.option("--since", callback=instant, required=True, help="Event time from which on.")
@click.option("--until", callback=instant, required=True, help="Event time before which.")
@click.option("--by", "features", multiple=True, help="Sensitive column (default: the model's); may be repeated.")
@click.option("--scores", "by_score", is_flag=True, help="Selected is who scores above the median of all.")
@click.option("--format", "style", type=click.Choice(["table", "ll144"]), default="table", show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for ll144.csv and ll144.html, of ll144."
)
@json_option
def fairness(  # noqa: PLR0917 - click passes options by name
    directory: Path,
    name: str,
    versions: tuple[str, ...],
    since: datetime,
    until: datetime,
    features: tuple[str, ...],
    style: str,
    out: Path | None,
    *,
    by_score: bool,
    as_json: bool,
) -> None:
    """How the groups of sensitive features fared, with intervals; tables for audits.

    Rates, impact ratios and differences are counted from kept rows (`archive:`), and for every two features together.
    `--format ll144` gives the tables of New York City's Local Law 144: as CSV here, or with --out as files.
    """
    from monitor.bootstrap.auditing import audit_fairness  # noqa: PLC0415 - heavy
    from monitor.usecases.audit_fairness import AuditWish  # noqa: PLC0415 - as above

    if until <= since:
        raise click.UsageError("--until is not after --since.")
    with opened(directory) as app:
        model = configured(app, name)
        of, favourable = _features(model, features), _favourable(model, by_score=by_score)
        smallest = _smallest(model, is_law=style == "ll144")
        wish = AuditWish(model, since, until, of, favourable, smallest, versions, by_score)
        audit = audit_fairness(app).run(wish)
    if style == "ll144":
        _write_tables(audit, out)
    elif as_json:
        click.echo(json.dumps(_document(audit), ensure_ascii=False, allow_nan=False))
    else:
        _show(audit)


def _features(model: "MonitoredModel", named: tuple[str, ...]) -> tuple[str, ...]:
    features = named or (model.fairness.features if model.fairness else ())
    if not features:
        raise ConfigError(f"{model.name} has no sensitive feature", hint="name them with --by, or in `fairness:`")
    hidden = sorted(set(features) & set(model.archive.personal if model.archive else ()))
    if hidden:
        why = f"{', '.join(hidden)} is personal, and hidden in the kept rows of {model.name}"
        raise ConfigError(why, hint="groups can be told only by what is kept as it is")
    return tuple(dict.fromkeys(features))


def _favourable(model: "MonitoredModel", *, by_score: bool) -> str:
    label = model.fairness.favourable if model.fairness else model.positive_label
    if not label and not by_score:
        raise ConfigError(f"which prediction of {model.name} is favourable?", hint="write `favourable:`, or --scores")
    return label or ""


def _smallest(model: "MonitoredModel", *, is_law: bool) -> "Smallest":
    """The law knows a share alone."""
    from monitor.stats.fairness.outcomes import Smallest  # noqa: PLC0415 - heavy

    share = model.fairness.min_share if model.fairness else Smallest().share
    least = model.fairness.min_records if model.fairness else Smallest().records
    return Smallest(1 if is_law else least, share)


def _write_tables(audit: "Audit", out: Path | None) -> None:
    from monitor.shells.web.ll144 import ll144_csv, ll144_page  # noqa: PLC0415 - for those who ask for it

    if out is None:
        click.echo(ll144_csv(audit), nl=False)
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        for path, text in ((out / "ll144.csv", ll144_csv(audit)), (out / "ll144.html", ll144_page(audit))):
            path.write_text(text, encoding="utf-8")
            click.echo(f"wrote {path}")
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror}") from error


def _show(audit: "Audit") -> None:
    for audited in audit.features:
        titles = (audited.feature, "records", "selected", "impact ratio", "true positive rate", "false positive rate")
        print_table(titles, _rows(audited), empty=f"{audited.feature}: no group is large enough")
        for text in _measures(audited):
            click.echo(f"  {text}")
        click.echo("")
    versions = ", ".join(audit.versions)
    click.echo(f"{audit.records:,} records of version {versions}, {audit.with_truth:,} of them with truth")
    if audit.rate < 1:
        click.echo(f"rows are kept at a rate of {audit.rate:g}: the numbers are of these")
    click.echo(f"evidence {audit.evidence}")


def _rows(audited: "Audited") -> Iterator[tuple[str, ...]]:
    from monitor.stats.fairness.measures import ratio_row  # noqa: PLC0415 - heavy
    from monitor.stats.fairness.outcomes import Rate  # noqa: PLC0415 - as above

    groups = audited.groups[Rate.SELECTION]
    others = [_rates(audited.groups[rate]) for rate in (Rate.TRUE_POSITIVE, Rate.FALSE_POSITIVE)]
    for one in groups.counted:
        row = ratio_row(one, groups.most)
        ratio = _with_interval(row["ratio"], row["ratio_interval"], "{:.3f}")
        shares = [found.get(one.name, "") for found in others]
        yield one.name, f"{one.n:,}", _with_interval(one.rate, one.interval, "{:.1%}"), ratio, *shares


def _rates(groups: "Groups") -> Mapping[str, str]:
    rates = {one.name: _with_interval(one.rate, one.interval, "{:.1%}") for one in groups.counted}
    return rates | dict.fromkeys(groups.suppressed, "too few")


def _measures(audited: "Audited") -> Iterator[str]:
    from monitor.stats.fairness.outcomes import Rate  # noqa: PLC0415 - heavy

    for name, result in audited.measures.items():
        detail = result.detail
        value = _with_interval(result.statistic, (result.low, result.high), "{:.3f}")
        yield f"{name} {value}, {detail['lowest']} against {detail['highest']}"
    groups = audited.groups[Rate.SELECTION]
    yield from (f"not compared: {name} has {why}" for name, why in groups.suppressed.items())
    if groups.unknown:
        yield f"not compared: {groups.unknown:,} records whose {audited.feature} is not known"


def _with_interval(value: object, interval: object, shown: str) -> str:
    if not isinstance(value, float):
        return ""
    bounds = interval if isinstance(interval, Sequence) else ()
    return shown.format(value) + (f" [{', '.join(map(shown.format, bounds))}]" if bounds else "")


def _document(audit: "Audit") -> dict[str, object]:
    return {
        "model": audit.wish.model.name,
        "versions": list(audit.versions),
        "records": audit.records,
        "unjudged": audit.unjudged,
        "with_truth": audit.with_truth,
        "sampling_rate": audit.rate,
        "median_score": audit.median,
        "evidence": audit.evidence,
        "findings": list(audit.findings),
        "features": [_feature(one) for one in audit.features],
    }


def _feature(audited: "Audited") -> dict[str, object]:
    return {"feature": audited.feature, "measures": {name: asdict(one) for name, one in audited.measures.items()}}
