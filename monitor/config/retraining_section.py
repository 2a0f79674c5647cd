"""The section `retraining` of monitor.yaml: ways to start training, and policies that models choose from."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from monitor.config.fields import Duration, HttpUrl, Name, NonEmpty, Section, references
from monitor.config.secrets import Secret
from monitor.config.wrong import wrong
from monitor.domain.retraining import CostPolicy, ExportPolicy, Mode, RetrainPolicy
from monitor.domain.time import in_one_unit
from monitor.domain.verification import VerifyPolicy

Count = Annotated[int, Field(ge=1, strict=True)]
CountOrZero = Annotated[int, Field(ge=0, strict=True)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class TriggerSection(Section):
    """A way to start a training pipeline: its kind, and beside it the settings of that kind."""

    model_config = ConfigDict(extra="allow")

    kind: Name
    """`webhook`, `command`, `airflow`, ... (how-to: connect a training pipeline), or a plug-in's name."""

    @model_validator(mode="before")
    @classmethod
    def _secrets_by_reference(cls, value: object) -> object:
        return references(value)

    @property
    def settings(self) -> Mapping[str, object]:
        """What the kind needs; secrets in it as SecretRef."""
        return self.model_extra or {}


class CostSection(Section):
    """What retraining costs against what a worse model costs: a job that does not pay is held, with the sum."""

    retrain: Amount
    """What one retraining costs."""
    error_point_per_1k: Amount
    """What 1,000 predictions lose when `metric` is worse by one point (0.01)."""
    metric: NonEmpty
    """The performance metric, measured where truth has come, else estimated."""
    horizon: Duration = timedelta(days=30)
    """How long the loss would go on."""
    currency: str = ""
    """Of both amounts, for people."""


class VerifySection(Section):
    """What a candidate must show beside the champion, on the same records with ground truth."""

    metrics: tuple[NonEmpty, ...] = ()
    """The first decides, the others are shown (default: f1, accuracy or mae, by the model's task)."""
    windows: Count = 3
    """Windows with ground truth before the first look; later looks are at twice as many, and so on."""
    min_truth: Count = 500
    """Pairs of predictions with ground truth below which nothing is decided."""
    not_worse: bool = False
    """Promote also a candidate that is only surely not worse (by more than `tolerance`)."""
    tolerance: Amount = 0.0
    """How much worse is still good enough, in the metric's unit."""
    deadline: Duration = timedelta(days=7)
    """Reject a candidate that has not shown it by then."""
    holdout: NonEmpty | None = None
    """File of frozen records (event_id, label) that the pipeline scores by both versions."""

    def policy(self) -> VerifyPolicy:
        """The domain value."""
        return VerifyPolicy(**{key: getattr(self, key) for key in type(self).model_fields})


class ExportSection(Section):
    """Data to train on, written before a job is sent; the pipeline is told where it is."""

    directory: NonEmpty
    """Folder or object store's URL; every job gets a folder of its own below."""
    look_back: Duration = timedelta(days=90)
    """How far before the request (event time) the rows reach."""


class PolicySection(Section):
    """When retraining may start, by which trigger, and what the new version must show."""

    trigger: Name
    """A name under `triggers`."""
    mode: Literal["ask", "auto", "dry-run"] = "ask"
    """`ask` holds every job until a person approves it; `dry-run` records what would have been sent."""
    cooldown: Duration = timedelta(hours=24)
    """Pause after the model's last job; doubled with every failure or rejection in a row."""
    budget: Count = 3
    """Jobs allowed in one `budget_period`."""
    budget_period: Duration = timedelta(days=7)
    """The period of the budget."""
    min_truth: CountOrZero = 0
    """Ground-truth records needed since the last job."""
    deadline: Duration = timedelta(hours=6)
    """A job that is silent for so long is *lost*."""
    repeat_within: Duration = timedelta(days=3)
    """When the same rule fires again so soon (event time) after a promotion, a person decides."""
    auto_promote: bool = False
    """Promote without asking: at once, or where there is `verify`, when its answer is to promote."""
    cost: CostSection | None = None
    """Start only what is expected to pay."""
    verify: VerifySection | None = None
    """Compare the candidate with the champion before it is promoted."""
    watch_windows: CountOrZero = 0
    """Windows of the promoted version that are compared with the old one's; 0: none."""
    export: ExportSection | None = None
    """Hand the pipeline the data to train on."""

    @model_validator(mode="after")
    def _budget_can_be_spent(self) -> "PolicySection":
        if self.budget > 1 and self.cooldown > self.budget_period:
            raise wrong(
                f"cooldown {in_one_unit(self.cooldown)} is longer than budget_period "
                f"{in_one_unit(self.budget_period)}: a budget of {self.budget} can never be used",
                "shorten cooldown or set budget: 1",
                key="cooldown",
            )
        return self

    def policy(self, name: str) -> RetrainPolicy:
        """The domain value."""
        parts = {key: getattr(self, key) for key in type(self).model_fields}
        cost, verify, export = self.cost, self.verify, self.export
        parts["mode"] = Mode(self.mode)
        parts["cost"] = None if cost is None else CostPolicy(**{k: getattr(cost, k) for k in type(cost).model_fields})
        parts["export"] = None if export is None else ExportPolicy(export.directory, export.look_back)
        parts["verify"] = None if verify is None else verify.policy()
        return RetrainPolicy(name=name, **parts)


class RegistrySection(Section):
    """MLflow's model registry: the version that an alias names is the one that serves."""

    kind: Literal["mlflow"] = "mlflow"
    """The registry's kind."""
    url: HttpUrl
    """Address of the tracking server."""
    token: Secret | None = None
    """Sent as `Authorization: Bearer ...`."""
    webhook_secret: Secret | None = None
    """Secret of MLflow's webhook to `/v1/registry/mlflow`, as it was created with; None: its events are not taken."""
    alias: NonEmpty = "champion"
    """The alias that the serving version has."""
    models: Mapping[Name, NonEmpty]
    """Names of our models to the registry's."""
    every: Duration = timedelta(minutes=1)
    """How often it is asked."""
    allow: tuple[NonEmpty, ...] = ()
    """Networks and hosts that may be called though they are not public."""


class RetrainingSection(Section):
    """Ways to start retraining, and policies that models choose from."""

    triggers: Mapping[Name, TriggerSection] = {}
    """Triggers by name."""
    policies: Mapping[Name, PolicySection] = {}
    """Policies by name."""
    registry: RegistrySection | None = None
    """Where promotions are seen; None: by call-backs and people alone."""
