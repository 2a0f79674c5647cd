"""Local servers that answer as the APIs of pipelines do: their paths, their errors, what they say of a second start."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from monitor.domain.retraining import RunPhase

TOKEN = "s3cr3t-token"
Content = Any
Reply = tuple[int, Content]


@dataclass
class Call:
    """One request."""

    method: str
    path: list[str]
    query: dict[str, str]
    headers: Mapping[str, str]
    body: Content


@dataclass
class Api:
    """A server: subclasses say what `start` and `look` answer; `busy`, `refuses` and `hangs` come before them."""

    asked: list[str] = field(default_factory=list)
    begun: dict[str, RunPhase] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    busy: Reply | None = None
    refusal: Reply | None = None
    is_hanging: bool = False
    released: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def begin(self, key: str, run_id: str | None = None) -> str:
        """Note a start; the run's id. A key that is known begins nothing again."""
        self.asked.append(key)
        self.begun.setdefault(key, RunPhase.QUEUED)
        return self.ids.setdefault(key, run_id or str(7000 + len(self.ids)))

    def runs(self) -> list[str]:
        return list(self.begun)

    def go_to(self, key: str, phase: RunPhase) -> None:
        self.begun[key] = phase

    def phase_of(self, run_id: str) -> RunPhase | None:
        return next((self.begun[key] for key, known in self.ids.items() if known == run_id), None)

    def answer(self, call: Call) -> Reply:
        """Of the kind."""
        raise NotImplementedError

    def reply(self, call: Call) -> Reply:
        self.calls.append(call)
        if self.is_hanging:
            self.released.wait(20)
        return self.busy or self.refusal or self.answer(call)


def _handler(api: Api) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._do()

        def do_GET(self) -> None:
            self._do()

        def _do(self) -> None:
            parts = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            path = [unquote(part) for part in parts.path.strip("/").split("/")]
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                body = json.loads(raw) if raw else None
            except ValueError:
                body = raw.decode()
            status, content = api.reply(Call(self.command, path, dict(parse_qsl(parts.query)), headers, body))
            extra = content.pop("_headers", {}) if isinstance(content, dict) else {}
            sent = b"" if content is None or (content == {} and extra) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in extra.items():
                self.send_header(name, value)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _has(call: Call, header: str, value: str) -> bool:
    return call.headers.get(header) == value


class Airflow(Api):
    """Airflow 3.3: JWT, `logical_date` required though null, unknown fields rejected, 409 for a known run id."""

    password_works = True

    def answer(self, call: Call) -> Reply:
        if call.path == ["auth", "token"]:
            return (201, {"access_token": TOKEN}) if self.password_works else (401, {"detail": "Invalid credentials"})
        if not _has(call, "authorization", f"Bearer {TOKEN}"):
            return 401, {"detail": "Invalid JWT token"}
        if call.path[:5] != ["api", "v2", "dags", "retrain/churn", "dagRuns"]:
            return 404, {"detail": f"The Dag with ID: `{call.path[3]}` was not found"}
        return self._started(call.body) if call.method == "POST" else self._shown(call.path[5])

    def _started(self, body: Content) -> Reply:
        allowed = {
            "dag_run_id",
            "logical_date",
            "conf",
            "note",
            "data_interval_start",
            "data_interval_end",
            "run_after",
        }
        if "logical_date" not in body or set(body) - allowed:
            return 422, {"detail": [{"type": "missing", "loc": ["body", "logical_date"], "msg": "Field required"}]}
        key = body["dag_run_id"]
        if key in self.begun:
            self.asked.append(key)
            return 409, {"detail": f"DagRun with dag_id: 'retrain/churn' and run_id: '{key}' already exists"}
        self.begin(key, key)
        return 200, {"dag_run_id": key, "state": "queued", "conf": body["conf"]}

    def _shown(self, run_id: str) -> Reply:
        phase = self.phase_of(run_id)
        if phase is None:
            return 404, {"detail": f"The DagRun with dag_id: `retrain/churn` and run_id: `{run_id}` was not found"}
        state = {RunPhase.SUCCEEDED: "success"}.get(phase, phase.value)
        return 200, {"dag_run_id": run_id, "state": state}


class Github(Api):
    """GitHub: 200 with the run's details where they are asked for, else 204; every start is another run."""

    tells_details = True

    def answer(self, call: Call) -> Reply:
        if not _has(call, "authorization", f"Bearer {TOKEN}"):
            return 401, {"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest"}
        if call.path[:3] != ["repos", "acme", "models"]:
            return 404, {"message": "Not Found", "documentation_url": "https://docs.github.com/rest"}
        if call.method == "POST":
            return self._dispatched(call.body)
        if call.path[-1] == "runs" and call.path[4] == "workflows":
            return 200, {"workflow_runs": [self._run(run_id) for run_id in self.ids.values()]}
        return (200, self._run(call.path[-1])) if self.phase_of(call.path[-1]) else (404, {"message": "Not Found"})

    def _dispatched(self, body: Content) -> Reply:
        if set(body["inputs"]) != {"driftline_job", "driftline_request", "size"}:
            return 422, {"message": f"Unexpected inputs provided: {sorted(body['inputs'])}"}
        if body["ref"] != "main":
            return 422, {"message": "No ref found for: " + str(body["ref"])}
        run_id = self.begin(body["inputs"]["driftline_job"])
        if not (self.tells_details and body.get("return_run_details")):
            return 204, None
        url = f"https://github.com/acme/models/actions/runs/{run_id}"
        return 200, {"workflow_run_id": int(run_id), "run_url": url, "html_url": url}

    def _run(self, run_id: str) -> Content:
        phase = self.phase_of(run_id)
        ended = {RunPhase.SUCCEEDED: "success", RunPhase.FAILED: "failure"}.get(phase) if phase else None
        status = "completed" if ended else {RunPhase.QUEUED: "queued"}.get(phase or RunPhase.RUNNING, "in_progress")
        key = next(key for key, known in self.ids.items() if known == run_id)
        return {"id": int(run_id), "status": status, "conclusion": ended, "display_title": f"retrain {key}"}


class Gitlab(Api):
    """GitLab: the trigger token is in the body, 404 for a wrong one; every start is another pipeline."""

    def answer(self, call: Call) -> Reply:
        if call.path[:4] != ["api", "v4", "projects", "acme/models"]:
            return 404, {"message": "404 Project Not Found"}
        if call.path[4:] == ["trigger", "pipeline"]:
            return self._triggered(call.body)
        if not _has(call, "private-token", "s3cr3t-read"):
            return 401, {"message": "401 Unauthorized"}
        phase = self.phase_of(call.path[5])
        if phase is None:
            return 404, {"message": "404 Not found"}
        status = {RunPhase.QUEUED: "pending", RunPhase.SUCCEEDED: "success"}.get(phase, phase.value)
        return 200, {"id": int(call.path[5]), "status": status, "web_url": "https://gitlab.example.com/p/1"}

    def _triggered(self, body: Content) -> Reply:
        if body["token"] != TOKEN:
            return 404, {"message": "404 Not Found"}
        if body["ref"] != "main":
            return 400, {"message": {"base": ["Reference not found"]}}
        run_id = self.begin(body["variables"]["DRIFTLINE_JOB_KEY"])
        return 201, {"id": int(run_id), "status": "created", "web_url": "https://gitlab.example.com/p/1"}


class Databricks(Api):
    """Databricks 2.2: one idempotency token is one run; errors have an error_code."""

    def answer(self, call: Call) -> Reply:
        if not _has(call, "authorization", f"Bearer {TOKEN}"):
            return 403, {"error_code": "PERMISSION_DENIED", "message": "Invalid access token."}
        if call.path == ["api", "2.2", "jobs", "run-now"]:
            return self._run_now(call.body)
        phase = self.phase_of(call.query["run_id"])
        if phase is None:
            return 400, {
                "error_code": "INVALID_PARAMETER_VALUE",
                "message": f"Run {call.query['run_id']} does not exist.",
            }
        cycle = {RunPhase.QUEUED: "PENDING", RunPhase.RUNNING: "RUNNING"}.get(phase, "TERMINATED")
        result = {RunPhase.SUCCEEDED: "SUCCESS", RunPhase.FAILED: "FAILED"}.get(phase)
        state = {"life_cycle_state": cycle, "result_state": result, "state_message": ""}
        return 200, {"run_id": int(call.query["run_id"]), "state": state, "run_page_url": "https://dbc.example.com/r"}

    def _run_now(self, body: Content) -> Reply:
        if body["job_id"] != 42:
            return 400, {"error_code": "INVALID_PARAMETER_VALUE", "message": f"Job {body['job_id']} does not exist."}
        token = body["idempotency_token"]
        if len(token) > 64 or not all(isinstance(value, str) for value in body["job_parameters"].values()):
            return 400, {"error_code": "MALFORMED_REQUEST", "message": "Could not parse request object"}
        return 200, {"run_id": int(self.begin(token)), "number_in_job": 1}


class Argo(Api):
    """Argo server: gRPC codes in errors, 409 for a name that the cluster has."""

    def answer(self, call: Call) -> Reply:
        if not _has(call, "authorization", f"Bearer {TOKEN}"):
            return 401, {"code": 16, "message": "token not valid"}
        if call.path[:4] != ["api", "v1", "workflows", "ml"]:
            return 403, {"code": 7, "message": f'workflows.argoproj.io is forbidden in namespace "{call.path[3]}"'}
        return self._submitted(call.body) if call.method == "POST" else self._shown(call.path[4])

    def _submitted(self, body: Content) -> Reply:
        if (body["resourceKind"], body["resourceName"]) != ("WorkflowTemplate", "retrain"):
            return 404, {"code": 5, "message": f'workflowtemplates.argoproj.io "{body["resourceName"]}" not found'}
        options = body["submitOptions"]
        told = dict(parameter.split("=", 1) for parameter in options["parameters"])
        name, key = options["name"], told["driftline-job"]
        if len(name) > 63 or set(options) - {"name", "parameters", "labels", "generateName"}:
            return 400, {"code": 3, "message": "invalid submitOptions"}
        if key in self.begun:
            self.asked.append(key)
            return 409, {"code": 6, "message": f'workflows.argoproj.io "{name}" already exists'}
        self.begin(key, name)
        return 200, {"metadata": {"name": name, "namespace": "ml"}, "status": {}}

    def _shown(self, name: str) -> Reply:
        phase = self.phase_of(name)
        if phase is None:
            return 404, {"code": 5, "message": f'workflows.argoproj.io "{name}" not found'}
        shown = {RunPhase.QUEUED: "Pending"}.get(phase, phase.value.capitalize())
        return 200, {"metadata": {"name": name}, "status": {"phase": shown}}


class Prefect(Api):
    """Prefect 3: 201 for a new run, 200 for the one that has the idempotency key; unknown fields rejected."""

    DEPLOYMENT = "8f0c1f2e-6f0e-4b57-9d1c-0d6a6f1c9b11"

    def answer(self, call: Call) -> Reply:
        if not _has(call, "authorization", f"Bearer {TOKEN}"):
            return 401, {"detail": "Unauthorized"}
        if call.path[:2] == ["api", "deployments"]:
            return self._created(call)
        phase = self.phase_of(call.path[2])
        if phase is None:
            return 404, {"detail": "Flow run not found"}
        state = {RunPhase.QUEUED: "SCHEDULED", RunPhase.SUCCEEDED: "COMPLETED"}.get(phase, phase.value.upper())
        return 200, {"id": call.path[2], "state_type": state, "state": {"type": state, "name": state.capitalize()}}

    def _created(self, call: Call) -> Reply:
        if call.path[2] != self.DEPLOYMENT:
            return 404, {"detail": "Deployment not found"}
        allowed = {"name", "parameters", "idempotency_key", "tags", "state", "context", "labels", "work_queue_name"}
        if set(call.body) - allowed:
            return 422, {"exception_message": "Invalid request received."}
        key = call.body["idempotency_key"]
        is_new = key not in self.begun
        return (201 if is_new else 200), {"id": self.begin(key, f"run-{key[:8]}"), "name": call.body["name"]}


class Kubeflow(Api):
    """Kubeflow v2beta1: gRPC-gateway errors; equal display names are as many runs; lists by a filter."""

    def answer(self, call: Call) -> Reply:
        if not _has(call, "authorization", f"Bearer {TOKEN}"):
            return 401, {"code": 16, "message": "Request header error: there is no user identity header."}
        assert call.path[:3] == ["apis", "v2beta1", "runs"]
        if call.method == "POST":
            return self._created(call.body)
        if len(call.path) == 3:
            (named,) = json.loads(call.query["filter"])["predicates"]
            assert (named["operation"], named["key"]) == (1, "display_name")
            found = self.ids.get(named["string_value"])
            return 200, {"runs": [self._run(found)]} if found else {}
        return (
            (200, self._run(call.path[3])) if self.phase_of(call.path[3]) else (404, {"code": 5, "message": "no run"})
        )

    def _created(self, body: Content) -> Reply:
        allowed = {"display_name", "description", "pipeline_version_reference", "runtime_config", "experiment_id"}
        if set(body) - allowed:
            return 400, {"code": 3, "message": "proto: unknown field"}
        if body["pipeline_version_reference"] != {"pipeline_id": "p", "pipeline_version_id": "v"}:
            return 404, {"code": 5, "message": "PipelineVersion not found"}
        assert set(body["runtime_config"]["parameters"]) == {"driftline_job", "driftline_request"}
        run_id = self.begin(body["display_name"])
        return 200, {"run_id": run_id, "state": "PENDING"}

    def _run(self, run_id: str) -> Content:
        phase = self.phase_of(run_id) or RunPhase.UNKNOWN
        key = next(key for key, known in self.ids.items() if known == run_id)
        state = {RunPhase.QUEUED: "PENDING"}.get(phase, phase.value.upper())
        return {"run_id": run_id, "display_name": key, "state": state}


class Dagster(Api):
    """Dagster's GraphQL: errors come with 200 and a `__typename`; every launch is another run."""

    def answer(self, call: Call) -> Reply:
        if not _has(call, "dagster-cloud-api-token", TOKEN):
            return 401, {"error": "Unauthorized"}
        assert call.path == ["graphql"]
        if call.body["query"].startswith("mutation"):
            return 200, {"data": {"launchRun": self._launched(call.body["variables"]["params"])}}
        (tag,) = call.body["variables"]["filter"]["tags"]
        return 200, {"data": {"runsOrError": {"__typename": "Runs", "results": self._found(tag["value"])}}}

    def _launched(self, params: Content) -> Content:
        if params["selector"]["jobName"] != "retrain":
            return {"__typename": "PipelineNotFoundError", "message": "Could not find Pipeline"}
        tags = {tag["key"]: tag["value"] for tag in params["executionMetadata"]["tags"]}
        return {"__typename": "LaunchRunSuccess", "run": {"runId": self.begin(tags["driftline/job"])}}

    def _found(self, key: str) -> Content:
        states = {RunPhase.RUNNING: "STARTED", RunPhase.SUCCEEDED: "SUCCESS", RunPhase.FAILED: "FAILURE"}
        phase = self.begun.get(key)
        return [] if phase is None else [{"runId": self.ids[key], "status": states.get(phase, "QUEUED")}]
