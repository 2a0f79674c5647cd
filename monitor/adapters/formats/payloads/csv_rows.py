"""CSV without a header, as model servers take it."""

import csv
import io
import re

from monitor.adapters.formats.payloads.json_payload import whole_number
from monitor.domain.errors import RecordRejected, RejectReason

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def rows_of_csv(text: str) -> list[list[object]]:
    """Rows of values: what is written as a number is one, what is empty is missing, the rest is text.

    RecordRejected when it cannot be CSV.
    """
    try:
        rows = [row for row in csv.reader(io.StringIO(text), strict=True) if row]
    except csv.Error as error:
        raise RecordRejected(RejectReason.NOT_OF_FORMAT, f"no CSV: {error}") from error
    if not rows:
        raise RecordRejected(RejectReason.NOT_OF_FORMAT, "CSV without a row")
    return [[_value(cell.strip()) for cell in row] for row in rows]


def _value(cell: str) -> object:
    if not cell:
        return None
    if not _NUMBER.fullmatch(cell):
        return cell
    whole = whole_number(cell.removeprefix("+"))
    return float(cell) if whole is None else whole
