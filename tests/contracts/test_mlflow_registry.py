"""MLflow's alias decides which version serves: candidates are promoted, other versions open their baseline."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from monitor.adapters.mlflow_registry import MlflowRegistry
from monitor.domain.errors import TriggerFailed
from monitor.domain.models import ModelRef
from monitor.domain.registry import ServingVersion
from monitor.domain.retraining import JobPhase
from monitor.usecases.watch_registry import WatchRegistry
from tests.contracts.pipeline_apis import TOKEN, Api, Call, Reply
from tests.unit.usecases.retrain_rig import Rig


@dataclass
class Mlflow(Api):
    """The registry: 404 RESOURCE_DOES_NOT_EXIST for a model, 400 INVALID_PARAMETER_VALUE for a wrong request."""

    version: str = "4"
    tags: list[dict[str, str]] = field(default_factory=list)

    def answer(self, call: Call) -> Reply:
        if call.headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {"message": "You are not authenticated"}
        assert "/".join(call.path) == "api/2.0/mlflow/registered-models/alias"
        if call.query["name"] != "fraud":
            words = f"Registered Model with name={call.query['name']} not found"
            return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": words}
        if not call.query.get("alias"):
            return 400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "Missing value for parameter 'alias'."}
        return 200, {"model_version": {"name": "fraud", "version": self.version, "tags": self.tags}}


@pytest.fixture
def mlflow() -> Iterator[Mlflow]:
    server = Mlflow()
    yield server
    server.close()


def registry(server: Mlflow, token: str = TOKEN) -> MlflowRegistry:
    return MlflowRegistry(server.url, token, ("127.0.0.1",))


def watch(rig: Rig, server: Mlflow) -> WatchRegistry:
    return WatchRegistry(
        registry(server),
        "champion",
        {"churn": "fraud"},
        rig.retrain,
        rig.stores.baselines,
        rig.build,
        rig.clock,
        seen={},
    )


def test_an_alias_names_a_version_and_its_training_data(mlflow: Mlflow) -> None:
    mlflow.tags = [{"key": "owner", "value": "x"}, {"key": "driftline.training_data", "value": "/data/v4.parquet"}]

    assert registry(mlflow).serving("fraud", "champion") == ServingVersion("4", "/data/v4.parquet")
    assert registry(mlflow).serving("nobody", "champion") is None


@pytest.mark.parametrize(("alias", "token"), [("", TOKEN), ("champion", "s3cr3t-wrong")])
def test_what_the_registry_cannot_say_is_no_version(mlflow: Mlflow, alias: str, token: str) -> None:
    with pytest.raises(TriggerFailed, match=r"40[01]: (Missing value|You are not)") as caught:
        registry(mlflow, token).serving("fraud", alias)

    assert token not in str(caught.value)


def test_a_candidate_whose_version_the_alias_names_is_promoted_once(mlflow: Mlflow) -> None:
    rig = Rig()
    job = rig.finished()
    watcher = watch(rig, mlflow)

    said, again = watcher.run_once(), watcher.run_once()

    assert (said, again) == ([f"churn:4 serves: retraining job {job.request.key} is settled"], [])
    assert rig.job(job.request).phase is JobPhase.SETTLED
    promoted = next(one for one in rig.stores.jobs.history(job.request.key) if one.phase is JobPhase.PROMOTED)
    assert promoted.by == "alias champion"


def test_a_version_that_no_job_made_opens_its_own_baseline(mlflow: Mlflow) -> None:
    mlflow.version, mlflow.tags = "7", [{"key": "driftline.training_data", "value": "v7.parquet"}]
    rig = Rig()

    said = watch(rig, mlflow).run_once()

    assert said == ["churn:7 serves: baseline baseline-7 is current"]
    assert rig.built == [(ModelRef("churn", "7"), "v7.parquet")]
    assert [version for version, _, _ in rig.stores.baselines.timeline("churn")] == ["7"]
    assert watch(rig, mlflow).run_once() == []  # another process, another day


def test_a_version_whose_training_data_nobody_knows_or_can_read_is_said(mlflow: Mlflow) -> None:
    rig = Rig()
    unknown = watch(rig, mlflow).run_once()
    mlflow.tags = [{"key": "driftline.training_data", "value": "broken"}]
    broken = watch(rig, mlflow).run_once()

    assert unknown == ["churn:4 serves and has no baseline: `driftline baseline build` makes one"]
    assert broken == ["churn:4 serves and has no baseline: the training data holds no row"]


def test_training_data_that_is_named_after_the_alias_was_set_opens_the_baseline(mlflow: Mlflow) -> None:
    watcher = watch(Rig(), mlflow)
    before = watcher.run_once()
    mlflow.tags = [{"key": "driftline.training_data", "value": "v4.parquet"}]

    assert before == ["churn:4 serves and has no baseline: `driftline baseline build` makes one"]
    assert watcher.look_at("somebody-s") == []
    assert watcher.look_at("fraud") == ["churn:4 serves: baseline baseline-4 is current"]


def test_a_registry_that_is_away_is_said_and_asked_again(mlflow: Mlflow) -> None:
    mlflow.busy = (503, {"message": "starting"})
    watcher = watch(Rig(), mlflow)
    away = watcher.run_once()
    mlflow.busy = None

    assert away == ["churn: the registry cannot be asked: 127.0.0.1 answered 503: starting"]
    assert watcher.run_once() == ["churn:4 serves and has no baseline: `driftline baseline build` makes one"]
