"""How far a monitor is behind in its verdicts, as its own HTTP answers tell."""

import time
from datetime import datetime, timedelta

import httpx

from monitor.domain.errors import MonitorError
from monitor.domain.time import format_instant, parse_instant

LOOK_EVERY_S = 0.5
ANSWER_WITHIN_S = 5.0
REFUSED = (httpx.codes.BAD_REQUEST, httpx.codes.UNAUTHORIZED, httpx.codes.NOT_FOUND)


class VerdictLag:
    """Whether a replay has run too far ahead of the monitor's verdicts.

    A replay in which days pass in a second must not run away from its monitor: on a slow machine, or while a killed
    consumer's partitions wait for the group to notice, weeks of event time would go by and the story would be over
    before it is judged. A record may be sent when it is no more than `ahead` (event time) after the beginning of the
    newest window that the monitor has findings about; before there is any, after `start`.
    """

    def __init__(self, url: str, token: str, model: str, start: datetime, ahead: timedelta) -> None:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=ANSWER_WITHIN_S)
        self._model, self._ahead = model, ahead
        self._newest, self._next_look_s = start, 0.0

    def is_behind(self, at: datetime) -> bool:
        """Whether the record of this event time must wait; asks at most every half second.

        A monitor that does not answer (it starts, or is restarted) has judged nothing new.
        """
        now_s = time.monotonic()
        if at > self._newest + self._ahead and now_s >= self._next_look_s:
            self._next_look_s = now_s + LOOK_EVERY_S
            self._look()
        return at > self._newest + self._ahead

    def close(self) -> None:
        """Leave the monitor alone."""
        self._client.close()

    def _look(self) -> None:
        query = {"model": self._model, "since": format_instant(self._newest), "limit": "1"}
        try:
            answer = self._client.get("/v1/findings", params=query)
        except httpx.TransportError:
            return
        if answer.status_code in REFUSED:
            raise MonitorError(f"{self._client.base_url} does not tell its findings: {answer.text}")
        if answer.status_code == httpx.codes.OK and (found := answer.json()["findings"]):
            self._newest = parse_instant(found[-1]["window"]["start"])
