"""The shape of what models/*.yaml says of ground truth: which statements count, and how long they are waited for."""

from typing import Annotated

from pydantic import Field, model_validator

from monitor.config.check_section import CheckSection
from monitor.config.fields import Duration, Section
from monitor.config.wrong import wrong
from monitor.domain.models import GroundTruthPolicy
from monitor.domain.time import in_one_unit

Share = Annotated[float, Field(ge=0, le=1)]


class WaitSection(Section):
    """How performance windows wait for a kind of truth."""

    wait: Duration
    """Judge a window when so much event time has passed since its end, whatever truth is there."""
    min_coverage: Share = 0.8
    """Judge it sooner when this share of its predictions has truth."""
    horizon: Duration
    """Truth that was known later than this after the window's end does not count."""

    @model_validator(mode="after")
    def _horizon_is_last(self) -> "WaitSection":
        if self.horizon < self.wait:
            raise wrong(
                f"horizon {in_one_unit(self.horizon)} is shorter than wait {in_one_unit(self.wait)}",
                "truth must be allowed to come at least until the window is judged",
                key="horizon",
            )
        return self


class GroundTruthSection(WaitSection):
    """How performance windows wait for ground truth."""

    name: str = ""
    """Which kind of truth counts, where records name several (such as a reviewer's decision and a thumb): the one of
    this name; without it, the one without a name. The others are kept and shown, and judged where `truths` names
    them."""

    def policy(self) -> GroundTruthPolicy:
        """The domain value."""
        return GroundTruthPolicy(self.wait, self.min_coverage, self.horizon, self.name)


class FurtherTruthSection(WaitSection):
    """A further kind of truth, judged beside the model's own."""

    checks: tuple[CheckSection, ...] = ()
    """Metrics with limits of their own, by this truth."""
    propose_checks: bool = True
    """Measure every metric that suits the model's task, too; `false` where this truth says something else than what
    the model predicts, as a thumb does."""

    def policy(self, name: str) -> GroundTruthPolicy:
        """The domain value."""
        return GroundTruthPolicy(self.wait, self.min_coverage, self.horizon, name)
