"""Local servers that answer as the APIs of pipelines do: their paths, their errors, what they say of a second start."""

import base64
import functools
import hashlib
import hmac
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

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
    raw: bytes = b""


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
    at_the_door: ClassVar[tuple[str, ...]] = ()
    """First segments of paths that let people in: answered whatever the mood of the pipeline is."""
    released: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()

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
        if call.path[0] in self.at_the_door:
            return self.answer(call)
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
            is_form = headers.get("content-type") == "application/x-www-form-urlencoded"
            body = dict(parse_qsl(raw.decode())) if is_form else json.loads(raw or b"null")
            status, content = api.reply(Call(self.command, path, dict(parse_qsl(parts.query)), headers, body, raw))
            extra = content.pop("_headers", {}) if isinstance(content, dict) else {}
            sent = b"" if content is None or (content == {} and extra) else _sent(content)
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


def _sent(content: Content) -> bytes:
    """Pages are sent as they are."""
    return content.encode() if isinstance(content, str) else json.dumps(content).encode()


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


class Sagemaker(Api):
    """SageMaker: SigV4 over JSON 1.1, errors named by `__type`; one request token is one execution."""

    KEY_ID: ClassVar = "AKIDEXAMPLE"

    def answer(self, call: Call) -> Reply:
        if not self._is_signed(call):
            return 403, {"__type": "InvalidSignatureException", "message": "The request signature does not match."}
        if call.headers["x-amz-target"] == "SageMaker.StartPipelineExecution":
            return self._started(call.body)
        assert call.headers["x-amz-target"] == "SageMaker.DescribePipelineExecution"
        arn = call.body["PipelineExecutionArn"]
        phase = self.phase_of(arn)
        if phase is None:
            return 400, {"__type": "ResourceNotFound", "Message": f"Pipeline execution {arn} does not exist."}
        status = {RunPhase.QUEUED: "Executing", RunPhase.RUNNING: "Executing"}.get(phase, phase.value.capitalize())
        failed = {"FailureReason": "Step Train failed."} if phase is RunPhase.FAILED else {}
        return 200, {"PipelineExecutionArn": arn, "PipelineExecutionStatus": status, **failed}

    def _started(self, body: Content) -> Reply:
        if body["PipelineName"] != "retrain":
            return 400, {"__type": "ResourceNotFound", "Message": f"Pipeline '{body['PipelineName']}' does not exist."}
        told = {one["Name"]: one["Value"] for one in body["PipelineParameters"]}
        token, texts = body["ClientRequestToken"], [*told.values()]
        if set(told) != {"driftline_job", "driftline_request"} or not 32 <= len(token) <= 128:
            return 400, {"__type": "ValidationException", "message": "Unknown parameter, or a token out of bounds"}
        if max(map(len, texts)) > 1024 or len(body["PipelineExecutionDescription"]) > 3072:
            return 400, {"__type": "ValidationException", "message": "Member must have length less than or equal"}
        arn = f"arn:aws:sagemaker:eu-west-1:123456789012:pipeline/retrain/execution/{token[:12]}"
        return 200, {"PipelineExecutionArn": self.begin(token, arn)}

    def _is_signed(self, call: Call) -> bool:
        """The signature made again, as the specification of SigV4 has it."""
        scheme, _, rest = call.headers["authorization"].partition(" ")
        parts = dict(part.strip().split("=", 1) for part in rest.split(","))
        key_id, *scope = parts["Credential"].split("/")
        names = parts["SignedHeaders"].split(";")
        assert {"host", "x-amz-date", "x-amz-target"} <= set(names)
        covered = "".join(f"{name}:{call.headers[name].strip()}\n" for name in names)
        asked = ["POST", "/", "", covered, parts["SignedHeaders"], hashlib.sha256(call.raw).hexdigest()]
        digest = hashlib.sha256("\n".join(asked).encode()).hexdigest()
        text = "\n".join([scheme, call.headers["x-amz-date"], "/".join(scope), digest])
        key = f"AWS4{TOKEN}".encode()
        for part in (*scope, text):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key_id == self.KEY_ID and hmac.compare_digest(key.hex(), parts["Signature"])


class Vertex(Api):
    """Vertex AI and the token server of Google's accounts; 409 for a known id; errors inside `error`."""

    at_the_door: ClassVar = ("token", "computeMetadata")
    token_works = True

    def key(self, email: str = "driftline@acme.iam.gserviceaccount.com") -> str:
        """The JSON key of a service account."""
        pem = private_key().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        known = {"type": "service_account", "project_id": "acme", "private_key_id": "k1", "client_email": email}
        return json.dumps({**known, "private_key": pem.decode(), "token_uri": f"{self.url}/token"})

    def answer(self, call: Call) -> Reply:
        if call.path[0] == "token":
            return self._token(call.body)
        if not _has(call, "authorization", f"Bearer {TOKEN}"):
            status = {"code": 401, "message": "Request had invalid authentication credentials.", "status": "UNAUTH"}
            return 401, {"error": status}
        if call.path[:6] != ["v1", "projects", "acme", "locations", "europe-west4", "pipelineJobs"]:
            return 403, {"error": {"code": 403, "message": "Permission denied", "status": "PERMISSION_DENIED"}}
        return self._created(call) if call.method == "POST" else self._shown(call.path[6])

    def _token(self, form: Content) -> Reply:
        if not self.token_works:
            return 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        text, _, signature = form["assertion"].rpartition(".")
        try:
            public = private_key().public_key()
            public.verify(_unbase64(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        claims = json.loads(_unbase64(text.split(".")[1]))
        is_known = claims["iss"].startswith("driftline@")
        return 200, {"access_token": TOKEN if is_known else "s3cr3t-wrong", "expires_in": 3599, "token_type": "Bearer"}

    def _created(self, call: Call) -> Reply:
        name, config = call.query["pipelineJobId"], call.body["runtimeConfig"]
        if not (name[0].isalpha() and len(name) < 128 and set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")):
            return 400, {"error": {"code": 400, "message": "pipelineJobId is malformed", "status": "INVALID_ARGUMENT"}}
        key = config["parameterValues"]["driftline_job"]
        if key in self.begun:
            self.asked.append(key)
            return 409, {"error": {"code": 409, "message": f"{name} already exists", "status": "ALREADY_EXISTS"}}
        self.begin(key, name)
        return 200, {
            "name": f"projects/1/locations/europe-west4/pipelineJobs/{name}",
            "state": "PIPELINE_STATE_PENDING",
        }

    def _shown(self, name: str) -> Reply:
        phase = self.phase_of(name)
        if phase is None:
            return 404, {"error": {"code": 404, "message": f"{name} is not found", "status": "NOT_FOUND"}}
        failed = {"error": {"code": 9, "message": "The DAG failed"}} if phase is RunPhase.FAILED else {}
        return 200, {"name": name, "state": f"PIPELINE_STATE_{phase.value.upper()}", **failed}


class Jenkins(Api):
    """Jenkins: pages for errors, a crumb bound to its session, a queue that forgets; every start is another build."""

    at_the_door: ClassVar = ("crumbIssuer",)
    wants_crumbs = True
    forgets = False

    def __post_init__(self) -> None:
        self.cancelled: set[str] = set()
        super().__post_init__()

    def answer(self, call: Call) -> Reply:
        who = base64.b64encode(f"driftline:{TOKEN}".encode()).decode()
        if not _has(call, "authorization", f"Basic {who}"):
            return 401, "<html><body><h2>HTTP ERROR 401 Unauthorized</h2></body></html>"
        if call.path[0] == "crumbIssuer":
            return self._crumb()
        return self._queued(call) if call.method == "POST" else self._shown(call)

    def _shown(self, call: Call) -> Reply:
        if call.path[:2] == ["queue", "item"]:
            return self._item(call.path[2])
        if call.path == ["queue", "api", "json"]:
            waiting = [self._item_of(key) for key, phase in self.begun.items() if phase is RunPhase.QUEUED]
            return 200, {"_class": "hudson.model.Queue", "items": waiting}
        if call.path == ["job", "ml", "job", "retrain", "api", "json"]:
            built = [self._build_of(key) for key, phase in self.begun.items() if phase is not RunPhase.QUEUED]
            return 200, {"_class": "org.jenkinsci.plugins.workflow.job.WorkflowJob", "builds": built}
        key = next((key for key in self.ids if self._number(key) == call.path[4]), None)
        return (200, self._build_of(key)) if key else (404, "<html>Not Found</html>")

    def _crumb(self) -> Reply:
        if not self.wants_crumbs:
            return 404, "<html>Not Found</html>"
        cookie = {"set-cookie": "JSESSIONID.1a=node01; Path=/; HttpOnly"}
        return 200, {"crumb": "c" * 64, "crumbRequestField": "Jenkins-Crumb", "_headers": cookie}

    def _queued(self, call: Call) -> Reply:
        has_crumb = _has(call, "jenkins-crumb", "c" * 64) and _has(call, "cookie", "JSESSIONID.1a=node01")
        if self.wants_crumbs and not has_crumb:
            return 403, "<html>No valid crumb was included in the request</html>"
        if call.path != ["job", "ml", "job", "retrain", "buildWithParameters"]:
            return 404, "<html>Not Found</html>"
        item = self.begin(call.body["driftline_job"])
        return 201, {"_headers": {"location": f"{self.url}/queue/item/{item}/"}}

    def _item(self, number: str) -> Reply:
        key = next((key for key, item in self.ids.items() if item == number), None)
        if key is None or (self.forgets and self.begun[key] is not RunPhase.QUEUED):
            return 404, "<html>Not Found</html>"
        return 200, self._item_of(key)

    def _item_of(self, key: str) -> Content:
        item = {"id": int(self.ids[key]), "why": "Waiting for next available executor", **self._told(key)}
        if key in self.cancelled:
            return {**item, "cancelled": True, "why": None}
        if self.begun[key] is RunPhase.QUEUED:
            return item
        return {**item, "why": None, "executable": {"number": int(self._number(key)), "url": f"{self.url}/b/"}}

    def _build_of(self, key: str) -> Content:
        result = {RunPhase.SUCCEEDED: "SUCCESS", RunPhase.FAILED: "FAILURE"}.get(self.begun[key])
        number = int(self._number(key))
        return {
            "number": number,
            "url": f"{self.url}/b/{number}/",
            "building": result is None,
            "result": result,
            **self._told(key),
        }

    def _told(self, key: str) -> Content:
        told = [{"name": "driftline_job", "value": key}, {"name": "driftline_request", "value": "{}"}]
        return {"actions": [{"_class": "hudson.model.CauseAction"}, {}, {"parameters": told}]}

    def _number(self, key: str) -> str:
        return str(int(self.ids[key]) - 6900)


@functools.cache
def private_key() -> rsa.RSAPrivateKey:
    """Of every service account here."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
