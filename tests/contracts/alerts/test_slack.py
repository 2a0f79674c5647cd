"""The Slack bot against a stand-in for Slack: one message a group, edited; the thread; the picture."""

import json
from collections.abc import Iterator

import pytest

from alerts.channels.slack import SlackBot
from alerts.config import build_channels, parse
from alerts.errors import FailureReason, Permanent, Retryable
from alerts.model import NotifyReason
from alerts.plugins import discover
from alerts.testing.messages import FixedClock, alert, message, resolution
from alerts.testing.servers import Answer, SlackServer, slack_says


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


@pytest.fixture
def bot(slack: SlackServer, monkeypatch: pytest.MonkeyPatch) -> SlackBot:
    monkeypatch.setenv("SLACK_TOKEN", "xoxb-1")
    kinds = discover()
    settings = {"kind": "slack", "token": {"env": "SLACK_TOKEN"}, "channel": "#ml", "base_url": slack.base_url}
    config = parse({"channels": {"ml": {**settings, "timeout": "1s"}}, "route": {"channels": ["ml"]}}, kinds)
    channel = build_channels(config, kinds, FixedClock())["ml"]
    assert isinstance(channel, SlackBot)
    return channel


def methods(slack: SlackServer) -> list[str]:
    return [request.path.rpartition("/")[2] for request in slack.requests]


def test_the_end_edits_the_message_of_the_start_and_says_so_in_its_thread(slack: SlackServer, bot: SlackBot) -> None:
    receipt = bot.send(message(), None)

    bot.send(resolution(), receipt)

    assert methods(slack) == ["chat.postMessage", "chat.update", "chat.postMessage"]
    first, reply = slack.messages.values()
    assert ":large_green_circle:" in first["blocks"]
    assert reply["thread_ts"] == receipt.handle["ts"]
    assert "Resolved" in reply["text"]


def test_what_only_some_got_over_is_a_silent_edit_and_what_got_worse_is_broadcast(
    slack: SlackServer, bot: SlackBot
) -> None:
    receipt = bot.send(message(), None)

    bot.send(message(alert(), reason=NotifyReason.SOME_RESOLVED, number=2), receipt)
    bot.send(message(alert(), reason=NotifyReason.SEVERITY_RAISED, number=3), receipt)

    assert methods(slack) == ["chat.postMessage", "chat.update", "chat.update", "chat.postMessage"]
    assert list(slack.messages.values())[-1]["reply_broadcast"] in {"true", "1"}


def test_a_message_that_was_deleted_is_posted_anew(slack: SlackServer, bot: SlackBot) -> None:
    receipt = bot.send(message(), None)
    slack.messages.clear()

    again = bot.send(resolution(), receipt)

    assert methods(slack)[-2:] == ["chat.update", "chat.postMessage"]
    assert again.handle["posted"] == resolution().delivery_id


def test_the_picture_goes_into_the_thread_after_the_message_with_words_for_those_who_cannot_see_it(
    slack: SlackServer, bot: SlackBot
) -> None:
    receipt = bot.send(message(), None)

    bot.follow_up(message(), receipt)

    (upload,) = slack.uploads
    assert (upload["channel_id"], upload["thread_ts"]) == (receipt.handle["channel"], receipt.handle["ts"])
    asked = next(request.form for request in slack.requests if request.path.endswith("getUploadURLExternal"))
    assert "largest move at month-to-month" in asked["alt_txt"]
    picture = next(request.body for request in slack.requests if request.path.startswith("/upload/"))
    assert b"\x89PNG" in picture
    assert len(picture) < 100_000


def test_an_edit_brings_no_second_picture(slack: SlackServer, bot: SlackBot) -> None:
    receipt = bot.send(resolution(), bot.send(message(), None))

    bot.follow_up(resolution(), receipt)

    assert slack.uploads == []


def test_the_message_carries_the_id_of_its_delivery(slack: SlackServer, bot: SlackBot) -> None:
    bot.send(message(), None)

    (posted,) = slack.messages.values()
    assert json.loads(posted["metadata"])["event_payload"] == {"delivery_id": message().delivery_id}


@pytest.mark.parametrize(
    ("word", "kind", "reason"),
    [
        ("ratelimited", Retryable, FailureReason.RATE_LIMITED),
        ("internal_error", Retryable, FailureReason.SERVER_ERROR),
        ("invalid_auth", Permanent, FailureReason.AUTH_ERROR),
        ("missing_scope", Permanent, FailureReason.AUTH_ERROR),
        ("channel_not_found", Permanent, FailureReason.CLIENT_ERROR),
        ("invalid_blocks", Permanent, FailureReason.CLIENT_ERROR),
        ("msg_blocks_too_long", Permanent, FailureReason.OVERSIZE),
    ],
)
def test_an_error_that_comes_with_http_200_is_told_by_its_word(
    slack: SlackServer, bot: SlackBot, word: str, kind: type[Exception], reason: FailureReason
) -> None:
    slack.then(slack_says({"ok": False, "error": word}))

    with pytest.raises(kind) as caught:
        bot.send(message(), None)

    assert caught.value.reason is reason  # type: ignore[attr-defined]
    assert word in str(caught.value)


def test_an_answer_that_is_not_slacks_is_tried_again(slack: SlackServer, bot: SlackBot) -> None:
    slack.then(Answer(200, {"content-type": "text/html"}, b"<html>a captive portal</html>"))

    with pytest.raises(Retryable) as caught:
        bot.send(message(), None)

    assert caught.value.reason is FailureReason.SERVER_ERROR
