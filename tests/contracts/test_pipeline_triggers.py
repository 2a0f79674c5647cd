"""Triggers for the APIs of pipelines pass the kit against servers that answer as the real ones do."""

import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import google.auth.compute_engine
import pytest

from monitor.adapters.triggers import (
    airflow,
    argo_workflows,
    dagster,
    databricks,
    github_workflow,
    gitlab,
    jenkins,
    kubeflow,
    prefect,
    sagemaker,
    vertex,
)
from monitor.adapters.triggers.kind import TriggerKind
from monitor.domain.errors import ConfigError, TriggerFailed
from monitor.domain.ports import FollowsRuns, RetrainTrigger
from monitor.domain.retraining import RunPhase
from monitor.testing.triggers import REQUEST, Mood, TriggerConformance, TriggerRig
from tests.contracts.pipeline_apis import (
    TOKEN,
    Airflow,
    Api,
    Argo,
    Dagster,
    Databricks,
    Github,
    Gitlab,
    Jenkins,
    Kubeflow,
    Prefect,
    Sagemaker,
    Vertex,
)


class SystemTime:
    def now(self) -> datetime:
        return datetime.now(UTC)


def unused_url() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


class OverHttp(TriggerConformance):
    """What the servers have in common. `refusal` is the API's own way to say no, `below` what its address ends with."""

    server: ClassVar[type[Api]]
    kind: ClassVar[TriggerKind]
    settings: ClassVar[Mapping[str, object]]
    refusal: ClassVar[tuple[int, object]]
    words: ClassVar[str]
    below: ClassVar[str] = ""
    phases: ClassVar[Sequence[RunPhase]] = (RunPhase.QUEUED, RunPhase.RUNNING, RunPhase.SUCCEEDED, RunPhase.FAILED)

    @pytest.fixture
    def api(self) -> Iterator[Api]:
        server = self.server()
        yield server
        server.close()

    def built(self, url: str, **changes: object) -> RetrainTrigger:
        settings = {"url": url + self.below, "allow": ["127.0.0.1"], "timeout_s": 10, **self.settings}
        settings.update(changes)
        return self.kind.build(self.kind.settings.model_validate(settings), SystemTime())

    def of_a_stranger(self, api: Api) -> Mapping[str, object]:
        """Settings that the server does not let in."""
        return {"token": "s3cr3t-wrong"}

    @pytest.fixture
    def rig(self, api: Api) -> TriggerRig:
        def build(mood: Mood) -> RetrainTrigger:
            api.refusal = self.refusal if mood is Mood.REFUSES else None
            api.busy = (503, {"message": f"try later, {TOKEN}"}) if mood is Mood.BUSY else None
            api.is_hanging = mood is Mood.HANGS
            patience_s = 0.4 if mood is Mood.HANGS else 10
            return self.built(unused_url() if mood is Mood.GONE else api.url, timeout_s=patience_s)

        moods = {Mood.REFUSES: False, Mood.BUSY: True, Mood.HANGS: True, Mood.GONE: True}
        secrets = (TOKEN, "s3cr3t-read")
        return TriggerRig(
            build, lambda: api.asked, api.runs, api.go_to, self.phases, moods=moods, secrets=secrets, patience_s=5
        )

    def test_what_the_api_says_of_its_no_is_told(self, rig: TriggerRig) -> None:
        with pytest.raises(TriggerFailed, match=self.words) as caught:
            rig.build(Mood.REFUSES).start(REQUEST, {})

        assert caught.value.may_have_begun is False

    def test_only_silence_and_broken_answers_leave_open_whether_a_run_began(self, rig: TriggerRig, api: Api) -> None:
        open_ends = {}
        for mood in (Mood.BUSY, Mood.HANGS, Mood.GONE):
            with pytest.raises(TriggerFailed) as caught:
                rig.build(mood).start(REQUEST, {})
            open_ends[mood] = caught.value.may_have_begun

        assert open_ends == {Mood.BUSY: False, Mood.HANGS: api.calls[0].path != ["auth", "token"], Mood.GONE: False}

    def test_a_wrong_token_is_final_and_not_repeated(self, api: Api) -> None:
        trigger = self.built(api.url, **self.of_a_stranger(api))

        with pytest.raises(TriggerFailed, match=r"answered 40[134]") as caught:
            trigger.start(REQUEST, {})

        assert (caught.value.retryable, "s3cr3t-wrong" in str(caught.value)) == (False, False)

    def test_an_address_that_is_not_public_is_called_only_when_it_is_listed(self, api: Api) -> None:
        with pytest.raises(TriggerFailed, match="list it under `allow`"):
            self.built(api.url, allow=[]).start(REQUEST, {})

        assert [call for call in api.calls if call.path[0] not in api.at_the_door] == []

    def test_the_request_reaches_the_pipeline_whole(self, rig: TriggerRig, api: Api) -> None:
        rig.build(Mood.ACCEPTS).start(REQUEST, {"policy": "default"})

        sent = json.dumps(api.calls[-1].body).replace("\\", "")
        for word in (REQUEST.key, '"model": "churn"', "default", "half of the columns"):
            assert word.replace(" ", "") in sent.replace(" ", "")


class TestAirflow(OverHttp):
    server, kind = Airflow, airflow.KIND
    settings: ClassVar = {"dag_id": "retrain/churn", "token": TOKEN}
    refusal, words = (404, {"detail": "The Dag with ID: `x` was not found"}), "404: The Dag with ID"

    def test_a_password_buys_a_token(self, api: Airflow) -> None:
        trigger = self.built(api.url, token=None, username="driftline", password="s3cr3t")

        assert trigger.start(REQUEST, {}) == REQUEST.key
        assert api.calls[0].body == {"username": "driftline", "password": "s3cr3t"}

    def test_a_password_that_is_wrong_is_said_without_it(self, api: Airflow) -> None:
        api.password_works = False

        with pytest.raises(TriggerFailed, match=r"no token: 127\.0\.0\.1 answered 401: Invalid credentials") as caught:
            self.built(api.url, token=None, username="driftline", password="s3cr3t").start(REQUEST, {})

        assert "s3cr3t" not in str(caught.value)


class TestGithubWorkflow(OverHttp):
    server, kind = Github, github_workflow.KIND
    settings: ClassVar = {
        "repository": "acme/models",
        "workflow": "retrain.yml",
        "token": TOKEN,
        "inputs": {"size": "small"},
    }
    refusal, words = (422, {"message": "Unexpected inputs provided: []"}), "422: Unexpected inputs"

    def test_an_older_server_tells_no_id_and_the_run_is_found_by_its_name(self, api: Github) -> None:
        api.tells_details = False
        trigger = self.built(api.url)

        external_id = trigger.start(REQUEST, {})
        api.go_to(REQUEST.key, RunPhase.RUNNING)

        assert external_id is None
        assert isinstance(trigger, FollowsRuns)
        state = trigger.follow(REQUEST, None)
        assert (state.phase, state.external_id) == (RunPhase.RUNNING, "7000")

    def test_a_spent_rate_limit_is_tried_again_and_another_403_is_not(self, api: Github) -> None:
        seen = {}
        for words in ("API rate limit exceeded for user ID 1.", "Resource not accessible by integration"):
            api.refusal = (403, {"message": words})
            with pytest.raises(TriggerFailed) as caught:
                self.built(api.url).start(REQUEST, {})
            seen[words.split()[0]] = caught.value.retryable

        assert seen == {"API": True, "Resource": False}


class TestGitlab(OverHttp):
    server, kind = Gitlab, gitlab.KIND
    settings: ClassVar = {"project": "acme/models", "token": TOKEN, "read_token": "s3cr3t-read"}
    refusal, words = (400, {"message": {"base": ["Reference not found"]}}), "400: .*Reference not found"


class TestDatabricks(OverHttp):
    server, kind = Databricks, databricks.KIND
    settings: ClassVar = {"job_id": 42, "token": TOKEN}
    refusal = (400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "Job 42 does not exist."})
    words = "400: Job 42 does not exist"


class TestArgoWorkflows(OverHttp):
    server, kind = Argo, argo_workflows.KIND
    settings: ClassVar = {"namespace": "ml", "template": "retrain", "token": TOKEN}
    refusal = (404, {"code": 5, "message": 'workflowtemplates.argoproj.io "retrain" not found'})
    words = "404: workflowtemplates"


class TestPrefect(OverHttp):
    server, kind = Prefect, prefect.KIND
    settings: ClassVar = {"deployment_id": Prefect.DEPLOYMENT, "token": TOKEN}
    refusal, words = (404, {"detail": "Deployment not found"}), "404: Deployment not found"
    below = "/api"


class TestKubeflow(OverHttp):
    server, kind = Kubeflow, kubeflow.KIND
    settings: ClassVar = {"pipeline_id": "p", "pipeline_version_id": "v", "token": TOKEN}
    refusal, words = (404, {"code": 5, "message": "PipelineVersion not found"}), "404: PipelineVersion not found"

    def test_a_run_whose_answer_was_lost_is_found_by_its_name(self, api: Kubeflow) -> None:
        trigger = self.built(api.url)
        trigger.start(REQUEST, {})

        assert isinstance(trigger, FollowsRuns)
        assert trigger.follow(REQUEST, None).external_id == "7000"


class TestDagster(OverHttp):
    server, kind = Dagster, dagster.KIND
    settings: ClassVar = {"job": "retrain", "location": "ml", "token": TOKEN}
    refusal: ClassVar = (
        200,
        {"data": {"launchRun": {"__typename": "RunConfigValidationInvalid", "errors": [{"message": "Missing field"}]}}},
    )
    words = "Dagster: RunConfigValidationInvalid: Missing field"


class TestSagemaker(OverHttp):
    server, kind = Sagemaker, sagemaker.KIND
    settings: ClassVar = {
        "region": "eu-west-1",
        "pipeline": "retrain",
        "access_key_id": Sagemaker.KEY_ID,
        "secret_access_key": TOKEN,
    }
    refusal: ClassVar = (400, {"__type": "ResourceNotFound", "Message": "Pipeline 'retrain' does not exist."})
    words = "400: Pipeline 'retrain' does not exist"
    phases = (RunPhase.RUNNING, RunPhase.SUCCEEDED, RunPhase.FAILED)  # an execution that waits is Executing, too

    def of_a_stranger(self, api: Api) -> Mapping[str, object]:
        return {"secret_access_key": "s3cr3t-wrong"}

    def test_a_limit_is_tried_again_and_a_wrong_parameter_is_not(self, api: Api) -> None:
        seen = {}
        for fault in ("ThrottlingException", "com.amazonaws.sagemaker#ResourceLimitExceeded", "ValidationException"):
            api.refusal = (400, {"__type": fault, "message": "Rate exceeded"})
            with pytest.raises(TriggerFailed) as caught:
                self.built(api.url).start(REQUEST, {})
            seen[fault.rpartition("#")[2]] = caught.value.retryable

        assert seen == {"ThrottlingException": True, "ResourceLimitExceeded": True, "ValidationException": False}

    def test_a_request_that_is_too_long_for_a_parameter_goes_without_its_evidence(self, api: Api) -> None:
        evidence = [{"check": f"feature-{n}", "verdict": "drifted", "reason": "moved" * 20} for n in range(10)]
        request = replace(REQUEST, why="ü" * 900)
        given = {"callback_url": "https://driftline.example.com/v1/retraining/k/finished", "evidence": evidence}

        arn = self.built(api.url).start(request, given)

        told = json.loads(api.calls[-1].body["PipelineParameters"][1]["Value"])
        assert arn is not None
        assert told["parameters"] == {"callback_url": given["callback_url"]}
        assert (told["key"], set(told["why"])) == (request.key, {"ü"})

    def test_a_request_that_can_not_be_shortened_is_refused_here(self, api: Api) -> None:
        with pytest.raises(TriggerFailed, match=r"1,\d{3} characters and SageMaker takes 1,024"):
            self.built(api.url).start(REQUEST, {"training_set": {"location": "s3://" + "x" * 1000}})

        assert api.calls == []

    def test_keys_are_found_where_every_client_looks(
        self, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
        trigger = self.built(api.url, access_key_id=None, secret_access_key=None)

        with pytest.raises(TriggerFailed, match="AWS gives no credentials"):
            trigger.start(REQUEST, {})
        known = f"[default]\naws_access_key_id = {Sagemaker.KEY_ID}\naws_secret_access_key = {TOKEN}\n"
        (tmp_path / "credentials").write_text(known)
        arn = self.built(api.url, access_key_id=None, secret_access_key=None).start(REQUEST, {})

        assert str(arn).startswith("arn:aws:sagemaker:")

    def test_the_address_is_the_region_s_where_none_is_given(self) -> None:
        settings = sagemaker.SagemakerSettings.model_validate({"region": "eu-west-1", "pipeline": "retrain"})

        assert settings.url == "https://api.sagemaker.eu-west-1.amazonaws.com"


class TestVertex(OverHttp):
    server, kind = Vertex, vertex.KIND
    settings: ClassVar = {
        "project": "acme",
        "location": "europe-west4",
        "template": "https://europe-west4-kfp.pkg.dev/acme/pipelines/retrain/latest",
        "output": "gs://acme-pipelines/retrain",
    }
    refusal: ClassVar = (404, {"error": {"code": 404, "message": "Template not found", "status": "NOT_FOUND"}})
    words = "404: Template not found"

    @pytest.fixture
    def api(self) -> Iterator[Vertex]:
        server = Vertex()
        self.key = server.key()
        yield server
        server.close()

    def built(self, url: str, **changes: object) -> RetrainTrigger:
        return super().built(url, **{"credentials": self.key, **changes})

    def of_a_stranger(self, api: Api) -> Mapping[str, object]:
        assert isinstance(api, Vertex)
        return {"credentials": api.key("stranger@acme.iam.gserviceaccount.com")}

    def test_one_token_serves_until_it_ends(self, api: Vertex) -> None:
        trigger = self.built(api.url)

        for _ in range(3):
            trigger.start(REQUEST, {})

        assert [call.path[0] for call in api.calls] == ["token", "v1", "v1", "v1"]

    def test_an_account_that_is_not_known_is_said_without_its_key(self, api: Vertex) -> None:
        api.token_works = False

        with pytest.raises(TriggerFailed, match="no token: invalid_grant: Invalid JWT Signature") as caught:
            self.built(api.url).start(REQUEST, {})

        assert (caught.value.retryable, caught.value.may_have_begun) == (False, False)
        assert "PRIVATE KEY" not in str(caught.value)

    def test_a_key_that_is_none_is_a_mistake_of_the_configuration(self, api: Vertex) -> None:
        for key in ("no json", "[]", '{"type": "service_account"}'):
            with pytest.raises(ConfigError, match="no JSON key of a service account") as caught:
                self.built(api.url, credentials=key)
            assert key not in str(caught.value)

    def test_without_a_key_the_machine_s_own_account_is_asked(
        self, api: Vertex, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        account = google.auth.compute_engine.Credentials()
        account.token, account.expiry = TOKEN, None
        monkeypatch.setattr(google.auth, "default", lambda **_: (account, "acme"))

        assert self.built(api.url, credentials=None).start(REQUEST, {}) == f"driftline-{REQUEST.key}"


class TestJenkins(OverHttp):
    server, kind = Jenkins, jenkins.KIND
    settings: ClassVar = {"job": "ml/retrain", "user": "driftline", "token": TOKEN}
    refusal: ClassVar = (404, "<html>Not Found</html>")
    words = "Jenkins has no job ml/retrain that driftline may see"

    def test_a_server_without_crumbs_is_asked_without(self, api: Jenkins) -> None:
        api.wants_crumbs = False

        assert self.built(api.url).start(REQUEST, {}) == "queue/7000"

    def test_an_item_that_the_queue_forgot_is_found_by_its_parameter(self, api: Jenkins) -> None:
        trigger = self.built(api.url)
        item = trigger.start(REQUEST, {})
        api.forgets = True
        api.go_to(REQUEST.key, RunPhase.RUNNING)

        assert isinstance(trigger, FollowsRuns)
        state = trigger.follow(REQUEST, item)
        assert (state.phase, state.external_id, state.link) == (RunPhase.RUNNING, "build/100", f"{api.url}/b/100/")

    def test_a_start_whose_answer_was_lost_is_found_in_the_queue_and_among_the_builds(self, api: Jenkins) -> None:
        trigger = self.built(api.url)
        trigger.start(REQUEST, {})
        assert isinstance(trigger, FollowsRuns)

        waiting = trigger.follow(REQUEST, None)
        api.go_to(REQUEST.key, RunPhase.SUCCEEDED)
        built = trigger.follow(REQUEST, None)

        assert (waiting.phase, waiting.external_id) == (RunPhase.QUEUED, "queue/7000")
        assert (built.phase, built.external_id) == (RunPhase.SUCCEEDED, "build/100")

    def test_an_item_that_somebody_took_out_of_the_queue_has_failed(self, api: Jenkins) -> None:
        trigger = self.built(api.url)
        item = trigger.start(REQUEST, {})
        api.cancelled.add(REQUEST.key)

        assert isinstance(trigger, FollowsRuns)
        state = trigger.follow(REQUEST, item)
        assert (state.phase, state.detail) == (RunPhase.FAILED, "somebody cancelled it in the queue")


del OverHttp, TriggerConformance  # the classes to subclass are no tests themselves
