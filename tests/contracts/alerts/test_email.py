"""Email in a real SMTP conversation: TLS, passwords, refusals for now and for good."""

import datetime as dt
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from alerts.config import build_channels, parse
from alerts.errors import FailureReason, Permanent, Retryable
from alerts.model import Receipt
from alerts.plugins import discover
from alerts.ports import Channel
from alerts.testing.mail_server import MailServer
from alerts.testing.messages import FixedClock, message, resolution

TWO = ["ann@example.org", "bob@example.org"]


def email(server: MailServer, **settings: Any) -> Channel:
    kinds = discover()
    usual = {"kind": "email", "host": "127.0.0.1", "port": server.port, "security": "none", "to": TWO}
    given = {**usual, "from": "Driftline <drift@example.org>", "timeout": "2s", **settings}
    config = parse({"channels": {"mail": given}, "route": {"channels": ["mail"]}}, kinds)
    return build_channels(config, kinds, FixedClock())["mail"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_mail_has_text_and_html_with_its_picture_inside_and_is_marked_as_sent_by_a_program() -> None:
    with MailServer() as server:
        email(server).send(message(), None)

        (recipients, mail), *_ = server.mails

    assert recipients == tuple(TWO)
    kinds = [part.get_content_type() for part in mail.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]
    html, picture = list(mail.walk())[3:]
    assert f"cid:{picture['Content-ID'][1:-1]}" in html.get_content()
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Subject"] == "[WARNING] psi-contract: PSI 0.34 is above its limit 0.10"


def test_all_mails_of_a_group_are_one_thread_and_each_has_a_name_of_its_own() -> None:
    with MailServer() as server:
        channel = email(server)
        channel.send(resolution(), channel.send(message(), None))

        first, second = (mail for _, mail in server.mails)

    assert first["References"] == second["References"]
    assert first["Message-ID"] != second["Message-ID"]


def test_who_is_refused_for_now_is_tried_again_alone() -> None:
    with MailServer(refusals={"bob@example.org": "451 try later"}) as server:
        channel = email(server)
        with pytest.raises(Retryable) as caught:
            channel.send(message(), None)
        server.record.refusals.clear()

        channel.send(message(), caught.value.progress)

        assert [recipients for recipients, _ in server.mails] == [("ann@example.org",), ("bob@example.org",)]


def test_who_is_refused_for_good_is_noted_and_the_others_are_told() -> None:
    with MailServer(refusals={"bob@example.org": "550 unknown"}) as server:
        receipt = email(server).send(message(), None)

    assert receipt.notes == ("refused: bob@example.org (550)",)


@pytest.mark.parametrize(
    ("settings", "kind", "reason"),
    [
        ({"refusals": dict.fromkeys(TWO, "550 unknown")}, Permanent, FailureReason.REFUSED),
        ({"refusals": dict.fromkeys(TWO, "450 busy")}, Retryable, FailureReason.REFUSED),
        ({"data_answer": "554 no"}, Permanent, FailureReason.REFUSED),
        ({"data_answer": "552 too large"}, Permanent, FailureReason.OVERSIZE),
        ({"data_answer": "452 disk full"}, Retryable, FailureReason.SERVER_ERROR),
    ],
)
def test_the_code_decides_whether_to_try_again(settings: dict[str, Any], kind: type[Exception], reason: str) -> None:
    with MailServer(**settings) as server, pytest.raises(kind) as caught:
        email(server).send(message(), None)

    assert caught.value.reason == reason  # type: ignore[attr-defined]


def test_a_mail_goes_over_starttls_with_a_password_to_a_server_that_is_trusted(
    tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "correct-horse")
    secure = {
        "host": "localhost",
        "security": "starttls",
        "ca_file": str(certificate),
        "username": "drift",
        "password": {"env": "MAIL_PASSWORD"},
    }
    with MailServer(tls=tls, password="correct-horse") as server:
        receipt = email(server, **secure).send(message(), None)

        assert len(server.mails) == 1
    assert isinstance(receipt, Receipt)


def test_a_wrong_password_is_final_and_is_not_repeated(
    tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "wrong-horse")
    secure = {
        "host": "localhost",
        "security": "starttls",
        "ca_file": str(certificate),
        "username": "drift",
        "password": {"env": "MAIL_PASSWORD"},
    }

    with MailServer(tls=tls, password="correct-horse") as server, pytest.raises(Permanent) as caught:
        email(server, **secure).send(message(), None)

    assert caught.value.reason is FailureReason.AUTH_ERROR
    assert "wrong-horse" not in f"{caught.value!r}{caught.value}"


def test_a_certificate_that_is_not_trusted_stops_the_conversation(tls: ssl.SSLContext) -> None:
    with MailServer(tls=tls) as server, pytest.raises(Retryable, match="certificate is not trusted"):
        email(server, host="localhost", security="starttls").send(message(), None)


def test_a_server_without_starttls_is_not_spoken_to_in_clear() -> None:
    with MailServer() as server:
        with pytest.raises(Permanent, match="lacks STARTTLS"):
            email(server, security="starttls").send(message(), None)

        assert server.mails == []


def test_nobody_there_is_tried_again() -> None:
    with MailServer() as server:
        channel = email(server)

    with pytest.raises(Retryable) as caught:
        channel.send(message(), None)

    assert caught.value.reason is FailureReason.CONNECTION
