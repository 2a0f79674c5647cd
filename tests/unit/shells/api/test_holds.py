"""Operators' holds and MLflow's events over real sockets."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from standardwebhooks import Webhook

from monitor.shells.api.parts import RegistryApi
from monitor.shells.api.server import Server
from monitor.usecases.operator_holds import OperatorHolds
from tests.unit.shells.api.test_server import TOKEN, Program
from tests.unit.usecases.retrain_rig import Rig

HOLDS, EVENTS = "/v1/retraining/holds", "/v1/registry/mlflow"
RAW_SECRET = "as typed into MLflow"
FREEZE = {"model": "*", "by": "ada", "reason": "deploy freeze", "until": "2026-11-02T00:00:00Z"}


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def looked_at() -> list[str]:
    return []


@pytest.fixture
def client(rig: Rig, looked_at: list[str]) -> Iterator[httpx.Client]:
    def look_at(name: str) -> list[str]:
        looked_at.append(name)
        return ["churn:4 serves"]

    program = Program()
    registry = RegistryApi(RAW_SECRET, program.callback, look_at)
    holds = OperatorHolds({"churn"}, rig.stores.holds, rig.clock)
    server = Server(replace(program.parts(), holds=holds, registry=registry), "127.0.0.1", 0)
    server.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as http:
        yield http
    server.stop()


def test_a_hold_is_placed_seen_and_ended_and_who_did_so_is_kept(client: httpx.Client, rig: Rig) -> None:
    placed = client.post(HOLDS, json=FREEZE, headers=TOKEN)
    during = client.get(HOLDS, headers=TOKEN).json()["holds"]
    why_not = rig.retrain.held_by("churn")
    ended = client.post(f"{HOLDS}/release", json={"model": "*", "by": "bo"}, headers=TOKEN)
    after, ever = (client.get(HOLDS, params={"all": text}, headers=TOKEN).json()["holds"] for text in ("false", "true"))

    hold = {**FREEZE, "since": "2026-11-01T00:00:00Z", "released_at": None, "released_by": None}
    assert (placed.status_code, placed.json(), during) == (201, hold, [hold])
    assert "ada holds retraining of all models until 2026-11-02T00:00:00Z: deploy freeze" in str(why_not)
    assert (ended.json(), after) == ({"model": "*", "released": 1}, [])
    assert ever == [{**hold, "released_at": "2026-11-01T00:00:00Z", "released_by": "bo"}]
    assert rig.retrain.held_by("churn") is None


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("", {**FREEZE, "model": "nobody"}, 400, "there is no model 'nobody'; models: churn; * stands for all"),
        ("", {**FREEZE, "until": "2026-10-31T00:00:00Z"}, 400, "is over already: it is 2026-11-01T00:00:00Z"),
        ("", {**FREEZE, "until": "soon"}, 400, "until: "),
        ("", {**FREEZE, "reason": " "}, 400, "say in `by` who decides and in `reason` why"),
        ("", {"model": "*", "by": "ada"}, 400, "missing required field `reason`"),
        ("", {**FREEZE, "untill": "2026-11-02"}, 400, "unknown field `untill`"),
        ("", {**FREEZE, "by": ""}, 400, "say in `by` who decides"),
        ("/release", {"model": "churn", "by": "ada"}, 409, "nobody holds churn"),
        ("/release", {"model": "nobody", "by": "ada"}, 400, "there is no model 'nobody'"),
        ("/release", {"model": "churn", "by": " "}, 400, "say in `by` who decides"),
        ("/release", {"model": "churn"}, 400, "missing required field `by`"),
    ],
)
def test_a_hold_that_makes_no_sense_is_refused_with_the_reason(
    client: httpx.Client, path: str, body: dict[str, str], status: int, words: str
) -> None:
    answer = client.post(HOLDS + path, json=body, headers=TOKEN)

    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.json()
    assert client.get(HOLDS, headers=TOKEN).json()["holds"] == []


def test_all_is_true_or_false_and_else_the_answer_says_so(client: httpx.Client) -> None:
    answer = client.get(HOLDS, params={"all": "maybe"}, headers=TOKEN)

    assert (answer.status_code, answer.json()["detail"]) == (400, "all must be true or false")


def test_holds_ask_for_the_token_and_for_json(client: httpx.Client) -> None:
    release = f"{HOLDS}/release"

    strangers = [client.get(HOLDS), client.post(HOLDS, json=FREEZE), client.post(release, json=FREEZE)]
    pages = [client.post(path, content=json.dumps(FREEZE), headers=TOKEN) for path in (HOLDS, release)]

    assert [answer.status_code for answer in (*strangers, *pages)] == [401, 401, 401, 415, 415]


# --- MLflow's events


def event(name: str = "fraud") -> bytes:
    data = {"name": name, "alias": "champion", "version": "4"}
    return json.dumps({"entity": "model_version_alias", "action": "created", "timestamp": "", "data": data}).encode()


def signed(
    body: bytes, delivery: str = "d-1", secret: str = RAW_SECRET, age: timedelta = timedelta(0)
) -> dict[str, str]:
    """As MLflow signs: the key is the secret's text."""
    at = datetime.now(UTC) - age
    signer = Webhook(base64.b64encode(secret.encode()).decode())
    return {
        "content-type": "application/json",
        "x-mlflow-delivery-id": delivery,
        "x-mlflow-timestamp": str(int(at.timestamp())),
        "x-mlflow-signature": signer.sign(delivery, at, body.decode()),
    }


def test_a_signed_event_makes_the_registry_be_asked_at_once(client: httpx.Client, looked_at: list[str]) -> None:
    answer = client.post(EVENTS, content=event(), headers=signed(event()))

    assert (answer.status_code, looked_at) == (200, ["fraud"])
    assert answer.json() == {"event": "model_version_alias.created", "said": ["churn:4 serves"]}


def test_an_event_that_is_forged_old_or_says_otherwise_than_before_is_refused(
    client: httpx.Client, looked_at: list[str]
) -> None:
    body, other = event(), event("another")
    headers = [
        signed(body, secret="guessed"),
        signed(other),
        signed(body, age=timedelta(minutes=6)),
        {"content-type": "application/json"},
    ]

    refused = [client.post(EVENTS, content=body, headers=one).status_code for one in headers]
    client.post(EVENTS, content=body, headers=signed(body))
    conflict = client.post(EVENTS, content=other, headers=signed(other))
    no_event = client.post(EVENTS, content=b"[]", headers=signed(b"[]", "d-2"))

    assert refused == [401] * 4
    assert (conflict.status_code, no_event.status_code, looked_at) == (409, 400, ["fraud"])
