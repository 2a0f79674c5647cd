"""An attribution for people, and as plain data."""

from collections.abc import Sequence

import msgspec

from monitor.stats.attribution.attribution import Attribution, ColumnPart, Division, GroupPart, SegmentPart

_WORTH_A_WORD = 0.05
NAMED, NAMED_GROUPS = 3, 2
"""So many columns, and groups of each, are named in a sentence."""


def carried_by(found: Attribution) -> str:
    """Which columns and groups carry the drift, with their shares of it; empty where nothing moved.

    The arrows show shares of all records.
    """
    named = found.columns[:NAMED]
    if not named:
        return ""
    left = found.columns[NAMED:]
    rest = f", {len(left)} more {percent(found.share(sum(part.bits for part in left)))}" if left else ""
    return ", ".join(f"{part.column} {percent(found.share(part.bits))} ({_moves(part)})" for part in named) + rest


def divided_among(divisions: Sequence[Division]) -> str:
    """Which segments carry it; empty where none is declared, or nothing moved."""
    return "; ".join(_division_words(one) for one in divisions if one.bits)


def as_document(found: Attribution) -> dict[str, object]:
    """Plain data, with every number; shares (0 to 1) are of the whole."""
    return {
        "bits": found.bits,
        "columns": [_column(found, part) for part in found.columns],
        "segments": [_division_document(one) for one in found.divisions],
    } | ({"lacking": found.lacking} if found.lacking else {})


def of_document(document: object) -> Attribution | None:
    """What `as_document` wrote, but for the numbers of columns and records compared (0); None when it is none."""
    try:
        read = msgspec.convert(document, _Document)
    except msgspec.ValidationError:
        return None
    columns = tuple(_column_part(read.bits, one) for one in read.columns)
    return Attribution(read.bits, columns, 0, 0, 0, tuple(map(_division_part, read.segments)), read.lacking)


def percent(share: float) -> str:
    """A share (0 to 1), short.

    >>> percent(0.621), percent(0.004)
    ('62 %', '0.4 %')
    """
    return f"{100 * share:.0f} %" if share >= 0.01 or not share else f"{100 * share:.1g} %"


def move(part: GroupPart) -> str:
    """A group and its shares of all records, before and now."""
    return f"{part.name}: {percent(part.baseline)} -> {percent(part.current)}"


def foremost(part: ColumnPart, most: int = NAMED_GROUPS) -> list[GroupPart]:
    """The groups of a column that are worth a word: the largest, each a twentieth of it at least."""
    return [group for group in part.groups[:most] if group.bits >= _WORTH_A_WORD * part.bits]


def _moves(part: ColumnPart) -> str:
    return "; ".join(map(move, foremost(part)))


def _division_words(one: Division) -> str:
    named = ", ".join(f"{part.segment} {percent(part.bits / one.bits)}" for part in one.segments if part.bits)
    return f"by {one.column}: {named}"


def _column(found: Attribution, part: ColumnPart) -> dict[str, object]:
    groups = [
        {"group": one.name, "baseline": one.baseline, "current": one.current, "share": found.share(one.bits)}
        for one in part.groups
    ]
    return {"column": part.column, "share": found.share(part.bits), "bits": part.bits, "groups": groups}


def _division_document(one: Division) -> dict[str, object]:
    segments = [
        {
            "segment": part.segment,
            "share": part.bits / one.bits if one.bits else 0.0,
            "baseline": part.baseline,
            "current": part.current,
            "columns": [{"column": name, "bits": bits} for name, bits in part.columns],
        }
        for part in one.segments
    ]
    return {"by": one.column, "bits": one.bits, "segments": segments}


class _Group(msgspec.Struct, frozen=True):
    group: str
    baseline: float
    current: float
    share: float


class _Column(msgspec.Struct, frozen=True):
    column: str
    bits: float
    groups: list[_Group] = []


class _Segment(msgspec.Struct, frozen=True):
    segment: str
    share: float
    baseline: float
    current: float
    columns: list[_Column]


class _Division(msgspec.Struct, frozen=True):
    by: str
    bits: float
    segments: list[_Segment]


class _Document(msgspec.Struct, frozen=True):
    bits: float
    columns: list[_Column]
    segments: list[_Division]
    lacking: str = ""


def _column_part(whole: float, one: _Column) -> ColumnPart:
    groups = tuple(GroupPart(part.group, part.baseline, part.current, part.share * whole) for part in one.groups)
    return ColumnPart(one.column, one.bits, groups)


def _division_part(one: _Division) -> Division:
    segments = tuple(
        SegmentPart(
            part.segment,
            part.baseline,
            part.current,
            part.share * one.bits,
            tuple((column.column, column.bits) for column in part.columns),
        )
        for part in one.segments
    )
    return Division(one.by, one.bits, segments)
