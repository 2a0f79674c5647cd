"""Every kind of channel that can be found passes the kit; one without a case here fails the suite."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alerts.config import build_channels, parse
from alerts.errors import FailureReason, Permanent, Retryable
from alerts.model import Receipt
from alerts.plugins import discover
from alerts.ports import Channel
from alerts.render.document import Message
from alerts.testing.channel_kit import Case, HttpCase, check_channel, check_http_channel
from alerts.testing.mail_server import MailServer
from alerts.testing.messages import FixedClock, message
from alerts.testing.servers import Answer, HttpReceiver, SlackServer

SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ="
TOKEN = "xoxb-0123456789-abcdefghijkl"
PASSWORD = "correct-horse-battery"


def build(**settings: Any) -> Channel:
    kinds = discover()
    config = parse({"channels": {"it": settings}, "route": {"channels": ["it"]}}, kinds)
    return build_channels(config, kinds, FixedClock())["it"]


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IT_SECRET", SECRET)
    monkeypatch.setenv("IT_TOKEN", TOKEN)
    monkeypatch.setenv("IT_PASSWORD", PASSWORD)
    monkeypatch.setenv("IT_ADDRESS", "set by each case")


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with HttpReceiver() as server:
        yield server


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


def webhook_at(server: HttpReceiver) -> Channel:
    url = f"{server.url}/hook"
    return build(kind="webhook", url=url, secret={"env": "IT_SECRET"}, allow=["127.0.0.1"], timeout="1s")


def slack_bot_at(server: HttpReceiver) -> Channel:
    return build(kind="slack", token={"env": "IT_TOKEN"}, channel="#ml", base_url=f"{server.url}/api/", timeout="1s")


def pagerduty_at(server: HttpReceiver) -> Channel:
    key = {"env": "IT_TOKEN"}
    return build(kind="pagerduty", routing_key=key, url=f"{server.url}/v2/enqueue", allow=["127.0.0.1"], timeout="1s")


def alertmanager_at(server: HttpReceiver) -> Channel:
    return build(kind="alertmanager", token={"env": "IT_TOKEN"}, url=server.url, allow=["127.0.0.1"], timeout="1s")


def apprise_at(server: HttpReceiver) -> Channel:
    os.environ["IT_ADDRESS"] = f"json://127.0.0.1:{server.url.rsplit(':', 1)[1]}/hush-hush"  # as below
    return build(kind="apprise", url={"env": "IT_ADDRESS"}, allow=["127.0.0.1"])


def teams_at(server: HttpReceiver) -> Channel:
    os.environ["IT_ADDRESS"] = f"{server.url}/workflows/hush-hush"  # removed again by the fixture
    return build(kind="teams", webhook_url={"env": "IT_ADDRESS"}, allow=["127.0.0.1"], timeout="1s")


HTTP_CASES = {
    "alertmanager": HttpCase("alertmanager", HttpReceiver, alertmanager_at, (TOKEN,)),
    "pagerduty": HttpCase("pagerduty", HttpReceiver, pagerduty_at, (TOKEN,)),
    "teams": HttpCase("teams", HttpReceiver, teams_at, ("hush-hush",)),
    "webhook": HttpCase("webhook", HttpReceiver, webhook_at, (SECRET,)),
    "slack": HttpCase("slack", SlackServer, slack_bot_at, (TOKEN,)),
}
CASES: dict[str, Callable[[pytest.FixtureRequest, Path], Case]] = {
    **{
        kind: lambda request, folder, kind=kind: Case(  # type: ignore[misc]
            kind, lambda: HTTP_CASES[kind].make(request.getfixturevalue("receiver")), HTTP_CASES[kind].secrets
        )
        for kind in ("alertmanager", "pagerduty", "teams")
    },
    # Apprise says only whether it worked: what HTTP answered, the kit for channels over HTTP cannot ask of it
    "apprise": lambda request, folder: Case(
        "apprise", lambda: apprise_at(request.getfixturevalue("receiver")), ("hush-hush",)
    ),
    "console": lambda request, folder: Case("console", lambda: build(kind="console")),
    "mailbox": lambda request, folder: Case("mailbox", lambda: build(kind="mailbox", folder=str(folder))),
    "email": lambda request, folder: Case(
        "email",
        lambda: build(
            kind="email",
            host="127.0.0.1",
            port=request.getfixturevalue("mail_server").port,
            security="none",
            **{"from": "a@example.org"},
            to=["b@example.org"],
        ),
        (PASSWORD,),
    ),
    "slack": lambda request, folder: Case("slack", lambda: slack_bot_at(request.getfixturevalue("slack")), (TOKEN,)),
    "webhook": lambda request, folder: Case("webhook", lambda: webhook_at(request.getfixturevalue("slack")), (SECRET,)),
}


@pytest.mark.parametrize("kind", sorted(discover()))
def test_every_kind_of_channel_that_is_found_passes_the_kit(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    assert kind in CASES, f"write a case for {kind}: no channel is exempt"

    check_channel(CASES[kind](request, tmp_path))


@pytest.mark.parametrize("kind", sorted(HTTP_CASES))
def test_every_channel_over_http_tells_what_to_try_again_from_what_is_final(kind: str) -> None:
    check_http_channel(HTTP_CASES[kind])


def test_the_webhook_mode_of_slack_passes_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(server: HttpReceiver) -> Channel:
        monkeypatch.setenv("IT_URL", f"{server.url}/services/T0/B0/hush-hush")
        return build(kind="slack", webhook_url={"env": "IT_URL"}, timeout="1s")

    check_http_channel(HttpCase("slack", HttpReceiver, make, ("hush-hush",)))


class Broken:
    """A channel that works, and does one thing wrong at a time."""

    def __init__(self, fault: str, url: str) -> None:
        self.name = "broken"
        self.fault = fault
        self.good = build(kind="webhook", url=url, secret={"env": "IT_SECRET"}, allow=["127.0.0.1"], timeout="1s")

    def __repr__(self) -> str:
        return f"Broken({SECRET if self.fault == 'shows its secret' else ''})"

    def send(self, message: Message, previous: Receipt | None) -> Receipt:
        if self.fault == "returns nothing":
            return None  # type: ignore[return-value]
        if self.fault == "prints its secret":
            print(SECRET)
        try:
            return self.good.send(message, previous)
        except (Retryable, Permanent) as failure:
            if self.fault == "swallows refusals":
                return Receipt()
            raise self._spoil(failure) from None

    def _spoil(self, failure: Retryable | Permanent) -> Exception:
        match self.fault, failure:
            case "gives up too early", Retryable():
                return Permanent(failure.reason)
            case "forgets how long to wait", Retryable():
                return Retryable(failure.reason, detail=failure.detail)
            case "puts its secret into errors", Retryable():
                return Retryable(failure.reason, failure.after, detail=SECRET)
            case "tries for ever", Permanent():
                return Retryable(FailureReason.SERVER_ERROR)
            case "raises what it likes", Permanent():
                return RuntimeError("boom")
        return failure


HTTP_FAULTS = (
    "gives up too early",
    "forgets how long to wait",
    "puts its secret into errors",
    "tries for ever",
    "swallows refusals",
    "raises what it likes",
)


@pytest.mark.parametrize("fault", HTTP_FAULTS)
def test_a_channel_that_is_broken_on_purpose_fails_the_kit_over_http(fault: str) -> None:
    case = HttpCase("broken", HttpReceiver, lambda server: Broken(fault, f"{server.url}/"), (SECRET,))

    with pytest.raises(AssertionError):
        check_http_channel(case)


@pytest.mark.parametrize("fault", ["shows its secret", "returns nothing", "prints its secret"])
def test_a_channel_that_is_broken_on_purpose_fails_the_kit_when_all_is_well(fault: str) -> None:
    with HttpReceiver() as server:
        case = Case("broken", lambda: Broken(fault, f"{server.url}/"), (SECRET,))

        with pytest.raises(AssertionError):
            check_channel(case)


def test_the_channel_that_is_broken_in_nothing_passes_so_the_faults_above_are_what_fails() -> None:
    check_http_channel(HttpCase("fine", HttpReceiver, lambda server: Broken("", f"{server.url}/"), (SECRET,)))


def test_a_receiver_that_answers_slowly_is_a_time_out_for_one_try_only() -> None:
    with HttpReceiver([Answer(200, delay_s=3)]) as server:
        channel = webhook_at(server)
        with pytest.raises(Retryable):
            channel.send(message(), None)

        receipt = channel.send(message(), None)

    assert receipt.handle["webhook_id"] == message().delivery_id
