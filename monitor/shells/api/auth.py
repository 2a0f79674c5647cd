"""Who may ask: a bearer token in constant time, the signature of a call-back, no page of another site."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any

from litestar import Request
from standardwebhooks import Webhook, WebhookVerificationError

from monitor.shells.api.problems import Problem


def require_token(given: str | None, token: str | None) -> None:
    """Refuse unless the request carries the token; without a configured token everybody on loopback may ask."""
    if token is None:
        return
    expected = f"Bearer {token}"
    if given is None or not hmac.compare_digest(given.encode(), expected.encode()):
        raise Problem("send the header `Authorization: Bearer ...` with this server's token", status_code=401)


def require_json(request: "Request[Any, Any, Any]") -> None:
    """Refuse what is not declared as JSON: a browser must ask before it sends that to another site."""
    if request.content_type[0] != "application/json":
        raise Problem("send JSON, with Content-Type: application/json", status_code=415)


def require_signature(body: bytes, headers: Mapping[str, str], secret: str | None, *, is_loopback: bool) -> None:
    """Refuse a call-back that the pipeline did not sign (Standard Webhooks), or that is older than five minutes.

    Without a secret, only a server that this machine alone can reach takes it.
    """
    if secret is None:
        if not is_loopback:
            raise Problem("the server has no callback_secret, so it takes no call-backs", status_code=403)
        return
    _verify(secret, body, {key.lower(): value for key, value in headers.items()}, "call-back")


def require_mlflow_signature(body: bytes, headers: Mapping[str, str], secret: str) -> str:
    """Refuse an event that MLflow did not sign, or that is older than five minutes; the message's id.

    MLflow signs as Standard Webhooks has it, under names of its own, with the secret's text itself as the key.
    """
    named = {
        "webhook-id": headers.get("x-mlflow-delivery-id", ""),
        "webhook-timestamp": headers.get("x-mlflow-timestamp", ""),
        "webhook-signature": headers.get("x-mlflow-signature", ""),
    }
    _verify(base64.b64encode(secret.encode()).decode(), body, named, "event")
    return named["webhook-id"]


def refuse_another_content(first: Callable[[str, str], str], message_id: str, content: bytes) -> None:
    """A message's id stands for one content for ever: the same again is a re-send, another is a forgery."""
    digest = hashlib.sha256(content).hexdigest()
    if first(message_id, digest) != digest:
        raise Problem(
            f"the message {message_id!r} came before with another content: give every message an id of its own",
            status_code=409,
        )


def _verify(secret: str, body: bytes, headers: Mapping[str, str], what: str) -> None:
    try:
        Webhook(secret).verify(body, dict(headers))
    except WebhookVerificationError as error:
        reason = str(error) or "the signature does not match"
        if "too old" in reason:
            reason = "it is too old: sign every attempt anew; what is older than five minutes may be a replay"
        raise Problem(f"the {what}'s signature was refused: {reason}", status_code=401) from error
    except ValueError as error:  # it reads what it has verified
        raise Problem(f"the {what} is no JSON: {error}", status_code=400) from error
