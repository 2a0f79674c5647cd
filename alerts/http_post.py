"""One POST over guarded connections, classified: what every channel over plain HTTP has in common."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx
from pydantic import SecretStr

from alerts.egress import EgressPolicy, EgressRefused, GuardedTransport
from alerts.errors import DeliveryError, FailureReason, Permanent, Retryable, no_connection
from alerts.http_outcome import failure_of

_MAX_ANSWER_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Address:
    """Where to post, which may be secret, and what may be reached there."""

    url: SecretStr
    policy: EgressPolicy
    timeout: timedelta


def post(to: Address, body: bytes, headers: Mapping[str, str], now: datetime) -> bytes:
    """Post once; the answer's beginning. Raises Retryable or Permanent by the table in `alerts.http_outcome`.

    No redirect is followed and no proxy of the environment used. No error repeats the address.
    """
    failure: DeliveryError
    try:
        return _post(to, body, headers, now)
    except EgressRefused as refused:
        failure = Permanent(FailureReason.REFUSED, str(refused))
    except httpx.TimeoutException:
        failure = Retryable(FailureReason.TIMEOUT, detail="no answer in time")
    except httpx.TransportError as error:
        failure = no_connection(error)
    except (httpx.InvalidURL, httpx.HTTPError) as error:
        failure = Permanent(FailureReason.CLIENT_ERROR, type(error).__name__)
    raise failure from None  # the cause may repeat the address, and with it a secret


def check_url(url: str) -> None:
    """Refuse what is no address of the web; raises ValueError."""
    if not url.startswith(("https://", "http://")):
        msg = "the url begins with https:// (or http:// inside your own network)"
        raise ValueError(msg)


def _post(to: Address, body: bytes, headers: Mapping[str, str], now: datetime) -> bytes:
    timeout_s = to.timeout.total_seconds()
    stop_at = time.monotonic() + timeout_s
    request = httpx.Request(
        "POST",
        to.url.get_secret_value(),
        content=body,
        headers=dict(headers),
        extensions={"timeout": httpx.Timeout(timeout_s).as_dict()},
    )
    said = b""
    # not by a client of httpx: that would write the address, which may be the secret, into the log
    with GuardedTransport(to.policy) as transport, closing(transport.handle_request(request)) as answer:
        for chunk in answer.iter_raw():  # to the end: an answer that breaks off is no answer
            said += chunk
            if len(said) > _MAX_ANSWER_BYTES:
                break
            if time.monotonic() > stop_at:
                raise Retryable(FailureReason.TIMEOUT, detail="the answer did not end in time")
        failure = failure_of(answer.status_code, answer.headers, now)
    if failure is not None:
        raise failure
    return said
