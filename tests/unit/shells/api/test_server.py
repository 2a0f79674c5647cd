"""The HTTP shell over real sockets."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from standardwebhooks import Webhook

from monitor.adapters.telemetry import Telemetry
from monitor.domain.errors import ConfigError, MonitorError
from monitor.domain.retraining import JobOutcome, JobPhase, RetrainJob, RetrainRequest
from monitor.shells.api.parts import ApiParts
from monitor.shells.api.reports import report_url
from monitor.shells.api.server import Server

SECRET = "whsec_" + base64.b64encode(b"a key of twenty-four byte").decode()
TOKEN = {"Authorization": "Bearer right"}
AT = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass
class Program:
    """What the server asks; tests set the answers."""

    stalled: list[str] = field(default_factory=list)
    unready: list[str] = field(default_factory=list)
    outcomes: list[JobOutcome] = field(default_factory=list)

    def finish(self, outcome: JobOutcome) -> RetrainJob:
        if outcome.key == "unknown":
            raise MonitorError("there is no retraining job 'unknown'")
        self.outcomes.append(outcome)
        return RetrainJob(RetrainRequest("m", "1", "r", AT, ""), JobPhase.DONE, AT, AT)

    def parts(self) -> ApiParts:
        return ApiParts(
            stalled=lambda: self.stalled,
            unready=lambda: self.unready,
            metrics=lambda: b"driftline_records_total 3.0\n",
            finish=self.finish,
            findings=lambda model, since, until: [],
            alerts=lambda: [{"labels": {"model": "m"}}],
            report=lambda model, start: f"<html>{model} {start:%H:%M}</html>".encode(),
            models=frozenset({"m"}),
            bearer_token="right",
            callback_secret=SECRET,
            is_loopback=True,
            meter=Telemetry(),
        )


@pytest.fixture
def program() -> Program:
    return Program()


@pytest.fixture
def client(program: Program) -> Iterator[httpx.Client]:
    server = Server(program.parts(), "127.0.0.1", 0)
    server.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as http:
        yield http
    server.stop()


def signed(body: str, at: datetime | None = None) -> dict[str, str]:
    now = at or datetime.now(UTC)
    return {
        "webhook-id": "1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("1", now, body),
        "content-type": "application/json",
    }


def test_liveness_and_readiness_say_what_is_wrong_and_ask_for_no_token(client: httpx.Client, program: Program) -> None:
    good = [client.get(path).status_code for path in ("/healthz", "/readyz")]
    program.stalled, program.unready = ["consume"], ["no partition is assigned yet"]

    bad = [client.get(path) for path in ("/healthz", "/readyz")]

    assert good == [200, 200]
    assert [answer.status_code for answer in bad] == [503, 503]
    assert bad[0].json() == {"alive": False, "stalled": ["consume"]}
    assert bad[1].json() == {"ready": False, "missing": ["no partition is assigned yet"]}


@pytest.mark.parametrize("path", ["/metrics", "/v1/findings?model=m", "/v1/alerts"])
def test_data_is_for_those_who_have_the_token(client: httpx.Client, path: str) -> None:
    answers = [client.get(path, headers=headers) for headers in ({}, {"Authorization": "Bearer wrong"}, TOKEN)]

    assert [answer.status_code for answer in answers] == [401, 401, 200]
    assert answers[0].headers["content-type"].startswith("application/problem+json")


def test_a_report_opens_by_its_signed_link_alone_and_the_signature_opens_no_other(client: httpx.Client) -> None:
    base = str(client.base_url)
    link = report_url(base, "m", AT, "right")
    stranger = report_url(base, "m", AT, "left")
    other = link.replace("2026-11-01", "2026-11-02")

    answers = [httpx.get(url, trust_env=False) for url in (link, stranger, other, report_url(base, "m", AT, None))]

    assert [answer.status_code for answer in answers] == [200, 401, 401, 401]
    assert answers[0].text == "<html>m 00:00</html>"
    assert answers[0].headers["content-type"] == "text/html; charset=utf-8"
    assert "sandbox" in answers[0].headers["content-security-policy"]


def test_a_report_opens_by_the_token_and_says_what_is_wrong_with_its_address(client: httpx.Client) -> None:
    paths = ("/reports/m/2026-11-01T00:00:00Z", "/reports/x/2026-11-01", "/reports/m/soon")

    answers = [client.get(path, headers=TOKEN) for path in paths]

    assert [answer.status_code for answer in answers] == [200, 404, 400]
    assert "is no instant" in answers[2].json()["detail"]


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("model=x", 404, "unknown model"),
        ("", 404, "unknown model"),
        ("model=m&since=soon", 400, "is no instant"),
        ("model=m&limit=0", 400, "limit must be"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_with_the_reason(
    client: httpx.Client, query: str, status: int, words: str
) -> None:
    answer = client.get(f"/v1/findings?{query}", headers=TOKEN)

    assert answer.status_code == status
    assert words in answer.json()["detail"]


def test_a_signed_call_back_closes_the_job(client: httpx.Client, program: Program) -> None:
    body = json.dumps({"succeeded": True, "model_version": "4", "effective_from": "2026-11-02"})

    answer = client.post("/v1/retraining/abc/finished", content=body, headers=signed(body))

    assert (answer.status_code, answer.json()["phase"]) == (200, "done")
    assert program.outcomes == [JobOutcome("abc", True, "4", None, AT + timedelta(days=1))]


def test_a_call_back_with_a_false_old_or_missing_signature_changes_nothing(
    client: httpx.Client, program: Program
) -> None:
    body = '{"succeeded": true}'
    headers = [
        {**signed(body), "webhook-signature": "v1,AAAA"},
        signed(body, datetime.now(UTC) - timedelta(hours=1)),
        {"content-type": "application/json"},
    ]

    answers = [client.post("/v1/retraining/abc/finished", content=body, headers=one) for one in headers]

    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert program.outcomes == []


@pytest.mark.parametrize(
    ("key", "body", "status"),
    [
        ("abc", '{"succeeded": "perhaps"}', 400),
        ("abc", '{"suceeded": true}', 400),
        ("abc", '{"succeeded": true, "effective_from": "soon"}', 400),
        ("unknown", '{"succeeded": true}', 409),
        ("abc", '{"succeeded": true, "detail": "' + "x" * 100_000 + '"}', 413),
    ],
)
def test_a_call_back_that_cannot_be_used_is_a_problem(client: httpx.Client, key: str, body: str, status: int) -> None:
    answer = client.post(f"/v1/retraining/{key}/finished", content=body, headers=signed(body))

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_a_form_of_another_site_and_a_name_that_leads_here_are_refused(client: httpx.Client) -> None:
    body = '{"succeeded": true}'

    form = client.post(
        "/v1/retraining/abc/finished", content=body, headers={**signed(body), "content-type": "text/plain"}
    )
    rebound = client.get("/healthz", headers={"Host": "evil.example"})

    assert (form.status_code, rebound.status_code) == (415, 403)


def test_a_port_in_use_is_said_at_once(program: Program) -> None:
    first = Server(program.parts(), "127.0.0.1", 0)
    first.start()

    with pytest.raises(ConfigError, match=r"cannot listen on 127\.0\.0\.1 port"):
        Server(program.parts(), "127.0.0.1", first.port)

    first.stop()
