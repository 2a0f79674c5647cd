"""What every channel must do, as checks that raise AssertionError with the sentence that was broken.

A case says how to make the channel; `check_channel` runs all checks that apply. A channel over HTTP gives
`HttpCase`, which also puts it before every status, a time-out and an answer that breaks off.
"""

from __future__ import annotations

import io
import logging
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import timedelta

from alerts.errors import DeliveryError, FailureReason, Permanent, Retryable
from alerts.model import NotifyReason, Receipt
from alerts.ports import Channel
from alerts.render.document import Message
from alerts.testing.messages import alert, hostile, huge, message, resolution
from alerts.testing.servers import Answer, HttpReceiver

RETRYABLE_STATUSES = (408, 425, 429, 500, 501, 502, 503, 504, 507, 520, 529)
PERMANENT_STATUSES = (300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 406, 409, 410, 411, 413, 415, 422, 451)


@dataclass(frozen=True, slots=True)
class Case:
    """A channel that should work, with the secrets that it was given."""

    kind: str
    make: Callable[[], Channel]
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HttpCase:
    """A channel over HTTP: `server` makes what it talks to, `make` a channel that times out within 2 s."""

    kind: str
    server: Callable[[Sequence[Answer]], HttpReceiver]
    make: Callable[[HttpReceiver], Channel]
    secrets: tuple[str, ...]


def check_channel(case: Case) -> None:
    """Everything that is asked of any channel that works."""
    for check in (check_messages, check_update, check_repeat, check_hostile_and_huge, check_no_secret_in_repr):
        check(case)


def check_messages(case: Case) -> None:
    """A message is sent, and the receipt is plain text without a secret."""
    with _nothing_leaks(case.secrets):
        receipt = case.make().send(message(), None)
    _is_receipt(receipt)
    _hides(repr(receipt), case.secrets, "a receipt")


def check_update(case: Case) -> None:
    """The receipt of one message is taken back with the next of the same group, up to the end."""
    channel = case.make()
    receipt = channel.send(message(), None)
    worse = message(alert(), alert("psi-tenure"), reason=NotifyReason.NEW_ALERTS, number=3)
    receipt = channel.send(worse, receipt)
    _is_receipt(channel.send(resolution(), receipt))


def check_repeat(case: Case) -> None:
    """The same delivery may come twice, and a receipt that leads nowhere does not stop a message."""
    channel = case.make()
    channel.send(message(), None)
    _is_receipt(channel.send(message(), None))
    _is_receipt(channel.send(message(), Receipt({"unknown": "handle"})))


def check_hostile_and_huge(case: Case) -> None:
    """Hostile text and a message far too large are sent, cut with a mark where they must be."""
    for one in (hostile(), huge()):
        _is_receipt(case.make().send(one, None))


def check_no_secret_in_repr(case: Case) -> None:
    """A channel that is printed, or is in a traceback, shows no secret."""
    channel = case.make()
    _hides(f"{channel!r} {channel}", case.secrets, "its repr")


def check_http_channel(case: HttpCase) -> None:
    """Everything that is asked of a channel over HTTP besides."""
    for status in RETRYABLE_STATUSES:
        expect_failure(case, Answer(status, body=b"no"), Retryable)
    for status in PERMANENT_STATUSES:
        expect_failure(case, Answer(status, body=b"no"), Permanent)
    check_rate_limit(case)
    check_timeout(case)
    check_break_off(case)
    check_nobody_there(case)


def check_rate_limit(case: HttpCase) -> None:
    """429 is waited for as long as it says, in seconds; one that says nothing is still waited for."""
    failure = expect_failure(case, Answer(429, {"Retry-After": "37"}, b"{}"), Retryable)
    _holds(failure.reason is FailureReason.RATE_LIMITED, f"429 must be {FailureReason.RATE_LIMITED}")
    after = failure.after if isinstance(failure, Retryable) else None
    _holds(after == timedelta(seconds=37), f"Retry-After: 37 was read as {after}")
    unreadable = expect_failure(case, Answer(429, {"Retry-After": "soon"}, b"{}"), Retryable)
    _holds(getattr(unreadable, "after", None) is None, "an unreadable Retry-After is no waiting time")


def check_timeout(case: HttpCase) -> None:
    """A receiver that does not answer is a time-out, to be tried again."""
    failure = expect_failure(case, Answer(200, delay_s=3.0), Retryable)
    _holds(failure.reason is FailureReason.TIMEOUT, f"no answer must be a time-out, not {failure.reason}")


def check_break_off(case: HttpCase) -> None:
    """An answer that breaks off in the middle is no answer."""
    failure = expect_failure(case, Answer(200, body=b'{"ok": tr', breaks_off=True), Retryable)
    _holds(failure.reason is FailureReason.CONNECTION, f"a broken answer must be {FailureReason.CONNECTION}")


def check_nobody_there(case: HttpCase) -> None:
    """A port on which nobody listens is tried again."""
    with case.server(()) as server:
        channel = case.make(server)
    failure = _failure(channel, message(), case.secrets)
    _holds(isinstance(failure, Retryable), f"a refused connection must be Retryable, not {failure!r}")


def expect_failure(case: HttpCase, answer: Answer, kind: type[DeliveryError]) -> DeliveryError:
    """Answer so once; raises AssertionError unless the channel fails in this way, without a secret."""
    with case.server((answer,)) as server:
        failure = _failure(case.make(server), message(), case.secrets)
    what = f"{case.kind}: HTTP {answer.status} must be {kind.__name__}, not {failure!r}"
    _holds(isinstance(failure, kind), what)
    return failure


def _failure(channel: Channel, one: Message, secrets: tuple[str, ...]) -> DeliveryError:
    try:
        with _nothing_leaks(secrets):
            channel.send(one, None)
    except DeliveryError as failure:
        told = f"{failure} {failure!r} {''.join(traceback.format_exception(failure))}"
        _hides(told, secrets, "an error")
        return failure
    except Exception as error:
        msg = f"{channel.name} raised {type(error).__name__}, which is neither Retryable nor Permanent"
        raise AssertionError(msg) from error
    msg = f"{channel.name} took a failure for success"
    raise AssertionError(msg)


@contextmanager
def _nothing_leaks(secrets: tuple[str, ...]) -> Iterator[None]:
    """Record all logs and all that is printed meanwhile; no secret may be among them."""
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with redirect_stdout(heard), redirect_stderr(heard):
            yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        _hides(heard.getvalue(), secrets, "the log")


def _is_receipt(receipt: object) -> None:
    _holds(isinstance(receipt, Receipt), f"send must return a Receipt, not {receipt!r}")
    handle: Mapping[str, object] = receipt.handle if isinstance(receipt, Receipt) else {}
    is_text = all(isinstance(part, str) for part in (*handle, *handle.values()))
    _holds(is_text, f"a receipt's handle is text to text, so that it can be stored: {handle!r}")


def _hides(text: str, secrets: tuple[str, ...], where: str) -> None:
    for secret in secrets:
        _holds(secret not in text, f"a secret is in {where}")


def _holds(is_true: bool, sentence: str) -> None:  # noqa: FBT001 - a condition and its sentence, like assert
    if not is_true:
        raise AssertionError(sentence)
