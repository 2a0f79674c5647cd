"""A real SMTP conversation in the process, by aiosmtpd: TLS, passwords, and refusals by the recipient."""

from __future__ import annotations

import ssl
from asyncio import Server
from collections.abc import Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class _Handler:
    """Takes or refuses, and keeps what it took."""

    def __init__(self, refusals: Mapping[str, str], data_answer: str) -> None:
        self.refusals = dict(refusals)
        self.data_answer = data_answer
        self.mails: list[tuple[tuple[str, ...], EmailMessage]] = []

    async def handle_RCPT(  # noqa: N802 - the names are aiosmtpd's
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,
        address: str,
        options: list[str],  # noqa: ARG002
    ) -> str:
        """Refuse whom it was told to refuse."""
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802, ARG002
        """Keep the mail, unless it was told to refuse it."""
        if self.data_answer.startswith("2"):
            mail = message_from_bytes(bytes(envelope.original_content or b""), policy=policy.default)
            self.mails.append((tuple(envelope.rcpt_tos), mail))
        return self.data_answer


class MailServer(Controller):
    """An SMTP server on a free loopback port; a context manager.

    `refusals` maps recipients to answers ("550 unknown", "451 later"), `data_answer` is what follows a
    mail, `password` asks for AUTH, `tls` offers STARTTLS. Refusals may be changed while it runs.
    """

    def __init__(
        self,
        *,
        refusals: Mapping[str, str] | None = None,
        data_answer: str = "250 OK",
        password: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Prepare; it listens from `start` or on entering the context."""
        self.record = _Handler(refusals or {}, data_answer)
        super().__init__(
            self.record,
            hostname="127.0.0.1",
            port=0,
            ready_timeout=30,
            tls_context=tls,
            auth_required=password is not None,
            auth_require_tls=tls is not None,
            authenticator=_authenticator(password) if password is not None else None,
        )

    @property
    def mails(self) -> list[tuple[tuple[str, ...], EmailMessage]]:
        """What arrived: recipients and mail."""
        return self.record.mails

    def __enter__(self) -> MailServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _trigger_server(self) -> None:
        if isinstance(self.server, Server):
            self.port = self.server.sockets[0].getsockname()[1]  # the controller does not ask which port was free
        super()._trigger_server()  # type: ignore[no-untyped-call]


def _authenticator(password: str) -> object:
    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: object) -> AuthResult:  # noqa: ARG001
        is_right = isinstance(given, LoginPassword) and given.password == password.encode()
        return AuthResult(success=is_right, handled=False)

    return check
