"""The HTTP shell over real sockets."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from standardwebhooks import Webhook

from monitor.adapters.telemetry import Telemetry
from monitor.domain.errors import BadRequest, ConfigError, MonitorError, UnknownIncident, UnknownJob
from monitor.domain.retraining import JobOutcome, JobPhase, RetrainJob, RetrainRequest
from monitor.domain.verification import Answer, Verification
from monitor.shells.api.parts import ApiParts
from monitor.shells.api.reports import report_url
from monitor.shells.api.server import Server

SECRET = "whsec_" + base64.b64encode(b"a key of twenty-four byte").decode()
TOKEN = {"Authorization": "Bearer right"}
AT = datetime(2026, 11, 1, tzinfo=UTC)
JOB = RetrainJob(RetrainRequest("m", "1", "r", AT, ""), JobPhase.CANDIDATE, AT, AT)


class Desk:
    """The incidents; what is done is written down."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, ...]] = []

    def listed(self, limit: int, *, is_all: bool) -> list[dict[str, object]]:
        return [{"id": "1", "limit": limit, "all": is_all}]

    def shown(self, incident: str) -> dict[str, object]:
        if incident == "unknown":
            raise UnknownIncident("no incident has an id that begins with 'unknown'")
        return {"id": incident, "history": []}

    def take(self, incident: str, verb: str, by: str, *, reason: str = "", value: str = "") -> dict[str, object]:
        if incident == "resolved":
            raise MonitorError("incident resolved is resolved already")
        self.steps.append((incident, verb, by, reason, value))
        return self.shown(incident)

    def precision(self, since: datetime | None) -> list[dict[str, object]]:
        return [{"rule": "r", "precision": None if since else 0.5}]


@dataclass
class Program:
    """What the server asks; tests set the answers."""

    stalled: list[str] = field(default_factory=list)
    unready: list[str] = field(default_factory=list)
    outcomes: list[JobOutcome] = field(default_factory=list)

    decisions: list[tuple[str, ...]] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)
    desk: Desk = field(default_factory=Desk)

    def finish(self, outcome: JobOutcome) -> RetrainJob:
        self._known(outcome.key)
        self.outcomes.append(outcome)
        return JOB

    def callback(self, message_id: str, digest: str) -> str:
        return self.seen.setdefault(message_id, digest)

    def listed(self, model: str | None) -> list[RetrainJob]:
        return [JOB] if model in {None, "m"} else []

    def history(self, key: str) -> list[RetrainJob]:
        self._known(key)
        return [replace(JOB, phase=JobPhase.REQUESTED), JOB]

    def verify(self, key: str) -> Verification:
        self._known(key)
        return Verification(Answer.WAIT, "too few", "1", "2", 1, 40, 0.975)

    def ask(self, model: str, by: str, why: str, key: str) -> RetrainJob:
        if model != "m":
            raise BadRequest(f"there is no model {model!r}; models: m")
        return self._decided("ask", key, by, why)

    def approve(self, key: str, by: str, why: str) -> RetrainJob:
        return self._decided("approve", key, by, why)

    def decline(self, key: str, by: str, why: str) -> RetrainJob:
        return self._decided("decline", key, by, why)

    def promote(self, key: str, by: str, why: str) -> RetrainJob:
        return self._decided("promote", key, by, why)

    def reject(self, key: str, by: str, why: str) -> RetrainJob:
        return self._decided("reject", key, by, why)

    def _decided(self, *said: str) -> RetrainJob:
        self._known(said[1])
        self.decisions.append(said)
        return JOB

    def _known(self, key: str) -> None:
        if key == "unknown":
            raise UnknownJob("there is no retraining job 'unknown'")
        if key == "ended":
            raise MonitorError("job ended is settled: what was said before stands")

    def parts(self) -> ApiParts:
        return ApiParts(
            stalled=lambda: self.stalled,
            unready=lambda: self.unready,
            metrics=lambda: b"driftline_records_total 3.0\n",
            jobs=self,
            incidents=self.desk,
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


@pytest.mark.parametrize(
    "path", ["/metrics", "/v1/findings?model=m", "/v1/alerts", "/v1/retraining", "/v1/retraining/abc", "/v1/incidents"]
)
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


def said(key: str = "abc", **more: object) -> str:
    return json.dumps({"key": key, "succeeded": True, **more})


def call_back(client: httpx.Client, key: str, body: str, headers: dict[str, str]) -> httpx.Response:
    return client.post(f"/v1/retraining/{key}/finished", content=body, headers=headers)


def test_a_signed_call_back_says_what_became_of_the_job(client: httpx.Client, program: Program) -> None:
    body = said(model_version="4", effective_from="2026-11-02", scores="s.parquet", trained_until="2026-11-01")

    answer = call_back(client, "abc", body, signed(body))

    assert (answer.status_code, answer.json()["phase"]) == (200, "candidate")
    assert program.outcomes == [JobOutcome("abc", True, "4", None, AT + timedelta(days=1), "", "s.parquet", AT)]


def test_a_call_back_with_a_false_old_or_missing_signature_changes_nothing(
    client: httpx.Client, program: Program
) -> None:
    body = said()
    forged = {**signed(body), "webhook-signature": "v1,AAAA"}
    other_content = {**signed(said(model_version="9"))}
    headers = [
        forged,
        other_content,
        {**signed(body), "webhook-id": "2"},
        signed(body, datetime.now(UTC) - timedelta(hours=1)),
        {"content-type": "application/json"},
    ]

    answers = [call_back(client, "abc", body, one) for one in headers]

    assert [answer.status_code for answer in answers] == [401] * 5
    assert "too old: sign every attempt anew" in answers[3].json()["detail"]
    assert program.outcomes == []


def test_a_signed_call_back_that_is_no_json_is_a_mistake_of_the_sender(client: httpx.Client, program: Program) -> None:
    answer = call_back(client, "abc", "{", signed("{"))

    assert (answer.status_code, answer.json()["detail"][:24]) == (400, "the call-back is no JSON")
    assert program.outcomes == []


def test_a_call_back_that_is_replayed_to_another_job_is_refused(client: httpx.Client, program: Program) -> None:
    body = said("abc")
    call_back(client, "abc", body, signed(body))

    replayed = call_back(client, "def", body, signed(body))

    assert replayed.status_code == 400
    assert replayed.json()["detail"] == "the call-back is about job 'abc' and was sent to that of 'def'"
    assert [one.key for one in program.outcomes] == ["abc"]


def test_a_message_id_stands_for_one_content_and_the_same_content_may_be_sent_again(
    client: httpx.Client, program: Program
) -> None:
    body, other = said(), said(model_version="9")

    answers = [call_back(client, "abc", one, signed(one)) for one in (body, body, other)]

    assert [answer.status_code for answer in answers] == [200, 200, 409]
    assert "came before with another content" in answers[2].json()["detail"]
    assert [one.model_version for one in program.outcomes] == [None, None]


@pytest.mark.parametrize(
    ("key", "body", "status"),
    [
        ("abc", '{"key": "abc", "succeeded": "perhaps"}', 400),
        ("abc", '{"key": "abc", "suceeded": true}', 400),
        ("abc", '{"succeeded": true}', 400),
        ("abc", said(effective_from="soon"), 400),
        ("unknown", said("unknown"), 404),
        ("ended", said("ended"), 409),
        ("abc", said(detail="x" * 100_000), 413),
    ],
)
def test_a_call_back_that_cannot_be_used_is_a_problem(client: httpx.Client, key: str, body: str, status: int) -> None:
    answer = call_back(client, key, body, signed(body))

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_jobs_are_listed_and_shown_with_every_step_and_the_verification(client: httpx.Client) -> None:
    listed = client.get("/v1/retraining", params={"model": "m"}, headers=TOKEN).json()
    shown = client.get("/v1/retraining/abc", headers=TOKEN).json()
    report = client.get("/v1/retraining/abc/verification", headers=TOKEN).json()
    unknown = client.get("/v1/retraining/unknown", headers=TOKEN)

    assert [row["phase"] for row in listed] == ["candidate"]
    assert [step["phase"] for step in shown["history"]] == ["requested", "candidate"]
    assert (report["answer"], report["because"]) == ("wait", "too few")
    assert unknown.status_code == 404


@pytest.mark.parametrize("verb", ["approve", "decline", "promote", "reject"])
def test_a_person_decides_over_http_with_the_token_and_a_name(
    client: httpx.Client, program: Program, verb: str
) -> None:
    url, body = f"/v1/retraining/abc/{verb}", {"by": "ada", "reason": "why not"}

    answers = [
        client.post(url, json=body),
        client.post(url, content=json.dumps(body), headers={**TOKEN, "content-type": "text/plain"}),
        client.post(url, json={"by": " "}, headers=TOKEN),
        client.post(url, json={}, headers=TOKEN),
        client.post(f"/v1/retraining/unknown/{verb}", json=body, headers=TOKEN),
        client.post(url, json=body, headers=TOKEN),
    ]

    assert [answer.status_code for answer in answers] == [401, 415, 400, 400, 404, 200]
    assert program.decisions == [(verb, "abc", "ada", "why not")]


ASKED = {"model": "m", "by": "ada", "reason": "new prices"}


def test_a_person_asks_for_retraining_over_http_and_a_key_says_that_it_is_the_same_request(
    client: httpx.Client, program: Program
) -> None:
    without, with_key = (client.post("/v1/retraining", json=ASKED, headers={**TOKEN, **key}) for key in ({}, KEY))

    assert (without.status_code, with_key.status_code) == (200, 200)
    assert with_key.json() == {"key": JOB.request.key, "phase": "candidate", "hold_reason": None, "detail": ""}
    assert program.decisions == [("ask", "", "ada", "new prices"), ("ask", "OPS-12", "ada", "new prices")]


KEY = {"Idempotency-Key": "OPS-12"}


@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (ASKED, {"Authorization": ""}, 401, "Authorization: Bearer"),
        (ASKED, {"content-type": "text/plain"}, 415, "send JSON"),
        ({**ASKED, "model": "nobody"}, {}, 400, "there is no model 'nobody'; models: m"),
        ({**ASKED, "by": " "}, {}, 400, "say in `by` who asks and in `reason` why"),
        ({**ASKED, "reason": ""}, {}, 400, "say in `by` who asks and in `reason` why"),
        ({**ASKED, "reason": "x" * 500}, {}, 400, "in at most 500 characters together"),
        ({"model": "m", "by": "ada"}, {}, 400, "missing required field `reason`"),
        ({**ASKED, "verison": "3"}, {}, 400, "unknown field `verison`"),
        (ASKED, {"Idempotency-Key": "k" * 201}, 400, "has 201 characters: at most 200 are allowed"),
        (ASKED, {"Idempotency-Key": "ended"}, 409, "what was said before stands"),
    ],
)
def test_a_request_for_retraining_that_cannot_be_taken_is_refused_with_the_reason(
    client: httpx.Client, program: Program, body: dict[str, str], headers: dict[str, str], status: int, words: str
) -> None:
    given = {**TOKEN, "content-type": "application/json", **headers}

    answer = client.post("/v1/retraining", content=json.dumps(body), headers=given)

    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.json()
    assert program.decisions == []


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


def test_incidents_are_listed_shown_and_counted(client: httpx.Client) -> None:
    listed = client.get("/v1/incidents?all=true&limit=5", headers=TOKEN).json()
    shown = client.get("/v1/incidents/a1", headers=TOKEN).json()
    counted = client.get("/v1/incidents/precision?since=2026-11-01T00:00:00Z", headers=TOKEN).json()

    assert listed == {"incidents": [{"id": "1", "limit": 5, "all": True}]}
    assert shown == {"id": "a1", "history": []}
    assert counted == {"rules": [{"rule": "r", "precision": None}]}


@pytest.mark.parametrize(
    ("verb", "body", "taken"),
    [
        ("acknowledge", {"by": "ann", "reason": "looking"}, ("ann", "looking", "")),
        ("assign", {"by": "ann", "to": "bob"}, ("ann", "", "bob")),
        ("note", {"by": "ann", "reason": "late feed"}, ("ann", "late feed", "")),
        ("mark", {"by": "ann", "as": "false_positive"}, ("ann", "", "false_positive")),
        ("resolve", {"by": "ann"}, ("ann", "", "")),
    ],
)
def test_a_person_handles_an_incident_over_http(
    client: httpx.Client, program: Program, verb: str, body: dict[str, str], taken: tuple[str, ...]
) -> None:
    answer = client.post(f"/v1/incidents/a1/{verb}", json=body, headers=TOKEN)
    unasked = client.post(f"/v1/incidents/a1/{verb}", json=body)

    assert (answer.status_code, unasked.status_code) == (200, 401)
    assert program.desk.steps == [("a1", verb, *taken)]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("a1/acknowledge", {"reason": "nobody"}, 400),
        ("a1/acknowledge", {"by": "ann", "to": "bob"}, 400),
        ("a1/assign", {"by": "ann"}, 400),
        ("a1/mark", {"by": "ann", "mark": "confirmed"}, 400),
        ("unknown/resolve", {"by": "ann"}, 404),
        ("resolved/resolve", {"by": "ann"}, 409),
        ("a1/forget", {"by": "ann"}, 404),
    ],
)
def test_a_step_that_cannot_be_taken_is_a_problem(
    client: httpx.Client, path: str, body: dict[str, str], status: int
) -> None:
    answer = client.post(f"/v1/incidents/{path}", json=body, headers=TOKEN)

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/problem+json")
