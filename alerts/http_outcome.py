"""What an HTTP answer means for a delivery: sent, try again, or never. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from alerts.errors import DeliveryError, FailureReason, Permanent, Retryable

_BUSY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}
_UNAUTHORISED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED}


def failure_of(status: int, headers: Mapping[str, str], now: datetime) -> DeliveryError | None:
    """Classify a status; None for 2xx. Redirects are failures: a moved receiver is the operator's to mend."""
    if 200 <= status < 300:
        return None
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Retryable(FailureReason.RATE_LIMITED, retry_after(headers, now), detail=f"HTTP {status}")
    if status in _BUSY or status >= 500:
        return Retryable(FailureReason.SERVER_ERROR, retry_after(headers, now), detail=f"HTTP {status}")
    reason, advice = _final(status)
    return Permanent(reason, f"HTTP {status}: {advice}")


def _final(status: int) -> tuple[FailureReason, str]:
    if status in _UNAUTHORISED:
        return FailureReason.AUTH_ERROR, "check the secret of this channel"
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return FailureReason.OVERSIZE, "the receiver takes only smaller messages"
    if status == HTTPStatus.GONE:
        return FailureReason.GONE, "the receiver asks not to be called again; remove the channel"
    if 300 <= status < 400:
        return FailureReason.CLIENT_ERROR, "redirects are not followed; configure the final address"
    return FailureReason.CLIENT_ERROR, "the receiver refuses this request; check the address of this channel"


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Read `Retry-After` in seconds or as a date (RFC 9110, 10.2.3); None when absent or unreadable."""
    value = next((text for name, text in headers.items() if name.lower() == "retry-after"), "").strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value), 10**7))
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    return max(at - now, timedelta(0))
