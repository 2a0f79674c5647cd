"""Apprise against a real HTTP server: what is sent, what a failure is called, and where it may not connect to."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from alerts.channels import apprise
from alerts.channels.apprise import AppriseChannel, AppriseSettings
from alerts.errors import FailureReason, Permanent, Retryable
from alerts.testing.messages import alert, huge, message, resolution
from alerts.testing.servers import Answer, HttpReceiver

LOCAL = ("127.0.0.1",)


@pytest.fixture
def server() -> Iterator[HttpReceiver]:
    with HttpReceiver() as receiver:
        yield receiver


def settings(**more: Any) -> AppriseSettings:
    return AppriseSettings.model_validate({"kind": "apprise", "url": {"env": "ADDRESS"}, **more})


def channel(url: str, **more: Any) -> AppriseChannel:
    return AppriseChannel("it", settings(**more), SecretStr(url))


def address(server: HttpReceiver, host: str = "127.0.0.1") -> str:
    return f"json://{host}:{server.url.rsplit(':', 1)[1]}/hush-hush"


@pytest.mark.slow
def test_title_text_and_kind_are_those_of_the_message(server: HttpReceiver) -> None:
    it = channel(address(server), allow=LOCAL, max_chars=400)

    for one in (message(), huge(), resolution()):
        it.send(one, None)

    said = [json.loads(request.body) for request in server.requests]
    assert [one["type"] for one in said] == ["warning", "warning", "success"]
    assert said[0]["title"] == f"[WARNING] {message().title}"
    assert said[0]["message"].startswith(said[0]["title"])
    assert len(said[1]["message"]) == 400
    assert said[1]["message"].endswith("[cut]")


@pytest.mark.slow
@pytest.mark.parametrize("status", [404, 500])
def test_whatever_the_service_answers_is_tried_again_because_apprise_does_not_tell(status: int) -> None:
    with (
        HttpReceiver((Answer(status),)) as server,
        pytest.raises(Retryable, match="no more than that it failed") as told,
    ):
        channel(address(server), allow=LOCAL).send(message(), None)

    assert told.value.reason is FailureReason.SERVER_ERROR
    assert "hush" not in str(told.value)


@pytest.mark.slow
def test_an_inner_address_is_called_only_where_it_is_allowed_by_number_or_by_name(server: HttpReceiver) -> None:
    with pytest.raises(Permanent, match=r"localhost is at an address that may not be called") as refused:
        channel(address(server, "localhost")).send(message(), None)
    channel(address(server, "localhost"), allow=("localhost",)).send(message(), None)

    assert refused.value.reason is FailureReason.REFUSED
    assert len(server.requests) == 1


@pytest.mark.slow
def test_a_redirect_into_the_inner_network_is_not_followed() -> None:
    redirect = Answer(302, {"Location": "http://169.254.169.254/latest/meta-data"})

    with HttpReceiver((redirect,)) as server, pytest.raises(Permanent, match=r"169\.254\.169\.254 is at an address"):
        channel(address(server).replace("json", "form") + "?method=get", allow=LOCAL).send(message(), None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense://x", "does not understand the address"),
        ("syslog://", "may not write to the log of this machine"),
        ("rsyslog://127.0.0.1", "may not be called"),
    ],
)
def test_an_address_that_cannot_be_used_is_final(url: str, why: str) -> None:
    with pytest.raises(Permanent, match=why):
        channel(url).send(message(), None)


def test_a_service_that_does_not_answer_in_time_is_given_up_and_tried_again() -> None:
    with HttpReceiver((Answer(delay_s=3),)) as server, pytest.raises(Retryable) as told:
        channel(address(server), allow=LOCAL, timeout="1s").send(message(alert()), None)

    assert told.value.reason is FailureReason.TIMEOUT


def test_where_apprise_is_not_installed_the_settings_say_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apprise, "find_spec", lambda _: None)

    with pytest.raises(ValidationError, match=r"pip install 'driftline\[apprise\]'"):
        settings()
