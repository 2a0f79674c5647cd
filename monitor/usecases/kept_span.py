"""Which rows of a model are kept, in words: what helps whoever asks for rows that are not."""

from monitor.domain.models import MonitoredModel
from monitor.domain.ports import Records
from monitor.domain.time import format_duration, format_instant, from_ms

_END_OF_TIME_MS = 1 << 53


def why_not_kept(model: MonitoredModel, since_ms: int, until_ms: int, records: Records) -> str:
    """Why no row of [since, until) is there, and what helps: other settings, another time, or reading again."""
    span = f"[{format_instant(from_ms(since_ms))}, {format_instant(from_ms(until_ms))})"
    if model.archive is None:
        return f"no row of {model.name} in {span} is kept: write `archive: true` in its model file"
    files = records.archived(model.name, 0, _END_OF_TIME_MS)
    if not files:
        return f"no row of {model.name} is kept yet: rows are kept from when `archive:` was written on"
    first, last = min(file.start_ms for file in files), max(file.end_ms for file in files)
    there = f"those of {format_instant(from_ms(first))} to {format_instant(from_ms(last))} are"
    keep = model.archive.keep
    setting = f"`archive.keep` ({format_duration(keep)})" if keep else "`retention.records`"
    return (
        f"no row of {model.name} in {span} is kept, {there}: ask for a time within. Rows that are gone come back by "
        f"`driftline backfill`, where the log still has them; {setting} says how long they stay"
    )
