"""Values that decoders hand out and JSON has no word for."""

import base64
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from monitor.domain.time import format_instant


def plain(value: object) -> object:
    """The value as JSON says it: instants as RFC 3339, decimals as numbers, bytes as text or else base64."""
    if isinstance(value, datetime):
        return format_instant(value) if value.tzinfo else value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes | bytearray):
        return _text(bytes(value))
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value) if isinstance(value, UUID | date) else repr(value)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()
