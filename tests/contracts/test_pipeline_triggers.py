"""Triggers for the APIs of pipelines pass the kit against servers that answer as the real ones do."""

import json
import socket
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import ClassVar

import pytest

from monitor.adapters.triggers import (
    airflow,
    argo_workflows,
    dagster,
    databricks,
    github_workflow,
    gitlab,
    kubeflow,
    prefect,
)
from monitor.adapters.triggers.kind import TriggerKind
from monitor.domain.errors import TriggerFailed
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
    Kubeflow,
    Prefect,
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

    @pytest.fixture
    def api(self) -> Iterator[Api]:
        server = self.server()
        yield server
        server.close()

    def built(self, url: str, **changes: object) -> RetrainTrigger:
        settings = {"url": url + self.below, "allow": ["127.0.0.1"], "timeout_s": 10, **self.settings, **changes}
        return self.kind.build(self.kind.settings.model_validate(settings), SystemTime())

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
        return TriggerRig(build, lambda: api.asked, api.runs, api.go_to, moods=moods, secrets=secrets, patience_s=5)

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
        trigger = self.built(api.url, token="s3cr3t-wrong")

        with pytest.raises(TriggerFailed, match=r"answered 40[134]") as caught:
            trigger.start(REQUEST, {})

        assert (caught.value.retryable, "s3cr3t-wrong" in str(caught.value)) == (False, False)

    def test_an_address_that_is_not_public_is_called_only_when_it_is_listed(self, api: Api) -> None:
        with pytest.raises(TriggerFailed, match="list it under `allow`"):
            self.built(api.url, allow=[]).start(REQUEST, {})

        assert api.calls == []

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


del OverHttp, TriggerConformance  # the classes to subclass are no tests themselves
