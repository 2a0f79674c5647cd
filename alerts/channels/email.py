"""The email channel: SMTP by the standard library, one conversation a message."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping, Sequence
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr, StringConstraints

from alerts.errors import DeliveryError, FailureReason, Permanent, Retryable, no_connection
from alerts.model import Receipt
from alerts.ports import ChannelKind, Clock
from alerts.render.document import Message
from alerts.render.mime import mail_of, message_id
from alerts.settings import ChannelSettings, PositiveDuration, Secret

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_PENDING = "pending"
_DELIVERY = "delivery"
_TOO_LARGE = 552

Address = Annotated[str, StringConstraints(pattern=r"^[^\s@,<>]+@[^\s@,<>]+$")]


class EmailSettings(ChannelSettings):
    """Settings of `kind: email`. `ca_file` trusts a company's own authority."""

    kind: Literal["email"]
    host: str
    port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: Secret | None = None
    ca_file: Path | None = None
    sender: Annotated[str, Field(alias="from", pattern=r"^[^\r\n]*[^\s@<>]+@[^\s@<>]+>?$")]
    to: Annotated[tuple[Address, ...], Field(min_length=1)]
    timeout: PositiveDuration = timedelta(seconds=15)
    charts: bool = True


class EmailChannel:
    """Sends one mail to all recipients; who was refused for now is tried again, the others are not."""

    def __init__(self, name: str, settings: EmailSettings, password: SecretStr | None) -> None:
        """Send as these settings say."""
        self.name = name
        self._settings = settings
        self._password = password

    def send(self, message: Message, previous: Receipt | None) -> Receipt:
        """Send the mail; raises Retryable or Permanent by the code that the server answers with."""
        settings = self._settings
        recipients = _pending(message, previous) or settings.to
        mail = mail_of(message, settings.sender, settings.to, with_charts=settings.charts)
        failure: DeliveryError | None = None
        refused: Mapping[str, tuple[int, bytes]] = {}
        try:
            refused = self._converse(mail, recipients)
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
        except (smtplib.SMTPException, OSError) as error:
            failure = _failure_of(error)
        if failure is not None:
            raise failure from None  # the cause may repeat what was said, and with it a secret
        return self._receipt(message, recipients, refused)

    def _converse(self, mail: EmailMessage, recipients: Sequence[str]) -> Mapping[str, tuple[int, bytes]]:
        with self._connect() as server:
            if self._settings.security == "starttls":
                server.starttls(context=self._trust())
            if self._settings.username is not None and self._password is not None:
                server.login(self._settings.username, self._password.get_secret_value())
            return server.send_message(mail, from_addr=None, to_addrs=list(recipients))

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        port = settings.port or _PORTS[settings.security]
        timeout_s = settings.timeout.total_seconds()
        if settings.security == "tls":
            return smtplib.SMTP_SSL(settings.host, port, timeout=timeout_s, context=self._trust())
        return smtplib.SMTP(settings.host, port, timeout=timeout_s)

    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._settings.ca_file)

    def _receipt(
        self, message: Message, recipients: Sequence[str], refused: Mapping[str, tuple[int, bytes]]
    ) -> Receipt:
        later = tuple(address for address, (code, _) in refused.items() if code < 500)
        never = tuple(address for address, (code, _) in refused.items() if code >= 500)
        codes = ", ".join(f"{address} ({code})" for address, (code, _) in refused.items())
        handle = {"message_id": message_id(message, self._settings.sender)}
        if later:
            progress = Receipt({**handle, _DELIVERY: message.delivery_id, _PENDING: ",".join(later)})
            raise Retryable(FailureReason.REFUSED, detail=f"refused for now: {codes}", progress=progress)
        if len(never) == len(recipients) == len(self._settings.to):
            raise Permanent(FailureReason.REFUSED, f"all recipients refused: {codes}; correct the addresses")
        return Receipt(handle, (f"refused: {codes}",) if never else ())


def _pending(message: Message, previous: Receipt | None) -> tuple[str, ...]:
    """Who is left of an earlier try of this very delivery."""
    if previous is None or previous.handle.get(_DELIVERY) != message.delivery_id:
        return ()
    return tuple(filter(None, previous.handle.get(_PENDING, "").split(",")))


def _failure_of(error: smtplib.SMTPException | OSError) -> DeliveryError:
    if isinstance(error, smtplib.SMTPResponseException) and error.smtp_code > 0:
        return _refusal(error)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Permanent(FailureReason.REFUSED, "the server lacks STARTTLS or AUTH; set `security` to what it offers")
    if isinstance(error, ssl.SSLCertVerificationError):
        return Retryable(FailureReason.CONNECTION, detail="the server's certificate is not trusted; see `ca_file`")
    if isinstance(error, TimeoutError):
        return Retryable(FailureReason.TIMEOUT, detail="no answer in time; the mail may have been taken")
    return no_connection(error)


def _refusal(error: smtplib.SMTPResponseException) -> DeliveryError:
    code = error.smtp_code
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return _by_code(code, FailureReason.AUTH_ERROR, "the server refuses the user name or password")
    if isinstance(error, smtplib.SMTPDataError) and code == _TOO_LARGE:
        return Permanent(FailureReason.OVERSIZE, f"SMTP {code}: the mail is too large for the server")
    return _by_code(code, FailureReason.REFUSED, "the server refuses the mail")


def _by_code(code: int, reason: FailureReason, what: str) -> DeliveryError:
    """RFC 5321, 4.2.1: a 4yz answer is about now, a 5yz answer is for good."""
    if code >= 500:
        return Permanent(reason, f"SMTP {code}: {what}")
    return Retryable(FailureReason.SERVER_ERROR, detail=f"SMTP {code}: {what} for now")


def _build(name: str, settings: BaseModel, clock: Clock) -> EmailChannel:  # noqa: ARG001 - the message says its time
    checked = EmailSettings.model_validate(settings)
    return EmailChannel(name, checked, checked.password.read() if checked.password else None)


KIND = ChannelKind("email", EmailSettings, _build)
