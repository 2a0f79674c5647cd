"""The signed webhook: what is posted, how it is signed, and what may not be called."""

import base64
import ipaddress
import json
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from alerts.config import build_channels, parse
from alerts.egress import EgressPolicy
from alerts.errors import ConfigProblems, FailureReason, Permanent
from alerts.plugins import discover
from alerts.ports import Channel
from alerts.testing.messages import FixedClock, huge, message, resolution
from alerts.testing.servers import Answer, HttpReceiver

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)


def webhook(
    url: str, allow: tuple[str, ...] = ("127.0.0.0/8",), clock: FixedClock | None = None, **more: object
) -> Channel:
    kinds = discover()
    settings = {"kind": "webhook", "url": url, "secret": {"env": "HOOK_SECRET"}, "allow": list(allow), **more}
    config = parse({"channels": {"hook": settings}, "route": {"channels": ["hook"]}}, kinds)
    return build_channels(config, kinds, clock or FixedClock())["hook"]


def test_the_signature_is_the_one_that_the_standards_library_accepts() -> None:
    clock = FixedClock(datetime.now(UTC))
    with HttpReceiver() as server:
        webhook(server.url, clock=clock).send(message(), None)
        (request,) = server.requests

    verified = Webhook(SECRET).verify(request.body, dict(request.headers))

    assert (verified["type"], verified["data"]["severity"]) == ("alert.firing", "warning")
    assert request.headers["webhook-id"] == message().delivery_id


def test_the_end_is_a_type_of_its_own() -> None:
    with HttpReceiver() as server:
        webhook(server.url).send(resolution(), None)
        (request,) = server.requests

    body = json.loads(request.body)
    assert body["type"] == "alert.resolved"
    assert body["data"]["alerts"][0]["endsAt"] == "2026-03-01T12:00:00+00:00"


def test_the_attributes_of_a_cloud_event_are_headers_where_they_are_wanted() -> None:
    with HttpReceiver() as server:
        webhook(server.url).send(message(), None)
        webhook(server.url, cloud_events=True).send(message(), None)
        plain, event = server.requests

    assert not [name for name in plain.headers if name.startswith("ce-")]
    assert plain.body == event.body
    assert {name: value for name, value in event.headers.items() if name.startswith("ce-")} == {
        "ce-specversion": "1.0",
        "ce-id": message().delivery_id,
        "ce-source": f"driftline/groups/{message().group_key}",
        "ce-type": "alert.firing",
        "ce-time": "2026-03-01T12:00:00+00:00",
    }


def test_a_message_that_is_too_large_is_cut_and_says_how_much_was_left_out() -> None:
    with HttpReceiver() as server:
        webhook(server.url).send(huge(), None)
        (request,) = server.requests

    data = json.loads(request.body)["data"]
    assert len(request.body) <= 20_000
    assert data["truncated"] + len(data["alerts"]) == data["firing"] == 100


def test_a_redirect_is_not_followed() -> None:
    with HttpReceiver() as target, HttpReceiver([Answer(302, {"location": target.url})]) as server:
        with pytest.raises(Permanent, match="redirects are not followed"):
            webhook(server.url).send(message(), None)

        assert target.requests == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f000001", "0.0.0.0", "127.1"]
)
def test_an_address_inside_is_not_called_unless_the_operator_lists_it(host: str) -> None:
    with HttpReceiver() as server:
        port = server.url.rpartition(":")[2]

        with pytest.raises(Permanent) as caught:
            webhook(f"http://{host}:{port}/", allow=()).send(message(), None)

        assert server.requests == []
    assert caught.value.reason is FailureReason.REFUSED


def test_the_environment_cannot_send_webhooks_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with HttpReceiver() as proxy, HttpReceiver() as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)

        webhook(server.url).send(message(), None)

        assert (len(proxy.requests), len(server.requests)) == (0, 1)


@pytest.mark.parametrize(
    ("address", "permits"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("10.0.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
        ("::127.0.0.1", False),
        ("fe80::1", False),
        ("fec0::1", False),
        ("fd00::1", False),
    ],
)
def test_only_public_addresses_may_be_called(address: str, permits: bool) -> None:
    assert EgressPolicy().permits("host.example.org", ipaddress.ip_address(address)) is permits


def test_the_operator_allows_by_network_or_by_name() -> None:
    policy = EgressPolicy.of(["10.0.0.0/8", "Hooks.internal"])

    assert policy.permits("any", ipaddress.ip_address("10.1.2.3"))
    assert policy.permits("hooks.INTERNAL", ipaddress.ip_address("192.168.0.1"))
    assert not policy.permits("any", ipaddress.ip_address("192.168.0.1"))


@pytest.mark.parametrize("secret", ["short", "whsec_c2hvcnQ=", "not base64 at all!!"])
def test_a_weak_secret_is_refused_when_the_channel_is_built(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", secret)

    with pytest.raises(ConfigProblems, match=r"channels\.hook: the webhook secret must be"):
        webhook("https://example.org/")
