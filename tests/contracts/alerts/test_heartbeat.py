"""The sign of life: called in time, never in vain, and silent where nobody can be reached."""

from datetime import timedelta

import pytest

from alerts.errors import FailureReason, Retryable
from alerts.heartbeat import Heartbeat, HeartbeatSettings
from alerts.settings import SecretMissing, SecretRef
from alerts.testing.messages import START
from alerts.testing.scripts import World
from alerts.testing.servers import Answer, HttpReceiver

MINUTE = timedelta(minutes=1)


def heart(url: str) -> Heartbeat:
    return Heartbeat(HeartbeatSettings(url=url, every=MINUTE, allow=("127.0.0.1",), timeout=timedelta(seconds=1)))


def test_it_beats_once_in_every_interval() -> None:
    with HttpReceiver() as server:
        beating = heart(f"{server.url}/ping/uuid")
        beats = [beating.beat(START + second * timedelta(seconds=1)) for second in range(0, 180, 10)]

    assert [request.path for request in server.requests] == ["/ping/uuid"] * 3
    assert sum(beats) == 3


def test_a_call_that_fails_is_no_error_and_is_made_again_the_next_time() -> None:
    with HttpReceiver([Answer(503)]) as server:
        beating = heart(server.url)

        assert [beating.beat(START), beating.beat(START + MINUTE)] == [False, True]


def test_an_address_inside_is_refused_unless_it_is_allowed() -> None:
    with HttpReceiver() as server:
        assert not Heartbeat(HeartbeatSettings(url=server.url)).beat(START)

    assert server.requests == []


def test_a_secret_address_that_is_missing_is_said() -> None:
    with pytest.raises(SecretMissing, match="NO_SUCH_PLACE"):
        Heartbeat(HeartbeatSettings(url=SecretRef(env="NO_SUCH_PLACE")))


def test_it_stops_while_every_channel_fails_for_then_nobody_else_could_tell() -> None:
    class Heart(Heartbeat):
        def __init__(self) -> None:
            self.beats = 0

        def beat(self, now: object) -> bool:
            self.beats += 1
            return True

    route = {"channels": ["box"], "collect_for": "0s", "update_every": "1s"}
    broken = Retryable(FailureReason.CONNECTION)
    world = World(
        route, fails={"box": lambda at: broken if at < 10 else None}, delivery={"breaker": {"after": 1, "pause": "15s"}}
    )
    world.service._heartbeat = (beating := Heart())

    world.run({}, 1)
    assert world.service.beat()
    world.run({1.1: ["+a"]}, 5)
    assert not world.service.beat()
    world.run({}, 30)

    assert world.service.beat()
    assert beating.beats == 2
