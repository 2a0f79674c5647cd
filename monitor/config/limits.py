"""What the limits of conditions have in common."""

from typing import Self

from pydantic import model_validator

from monitor.config.fields import NonEmpty, Section
from monitor.config.wrong import wrong
from monitor.domain.rules import Limit


def refuse_clear_beyond(larger: float | None, smaller: float | None, limit: str, clear: str) -> None:
    """A limit for the end that lies beyond the one for the beginning is a mistake; None is no limit."""
    if larger is not None and smaller is not None and smaller > larger:
        side = "above" if clear == "clear_above" else "below"
        other = "below" if side == "above" else "above"
        raise wrong(
            f"`{clear}` must not be {other} `{limit}`",
            f"the alert would end while its condition holds: choose a value {side} `{limit}`",
            key=clear,
        )


def one_limit(
    above: float | None, below: float | None, clear_below: float | None, clear_above: float | None, *, as_in: str
) -> Limit:
    """The limit of a condition that has either `above` or `below`; `as_in` shows how one is written."""
    if (above is None) == (below is None):
        raise wrong("exactly one of `above` and `below` is needed", f"write one limit, as in {as_in}")
    if above is None and clear_below is not None:
        raise wrong("`clear_below` belongs to `above`", "write clear_above beside below", key="clear_below")
    if below is None and clear_above is not None:
        raise wrong("`clear_above` belongs to `below`", "write clear_below beside above", key="clear_above")
    refuse_clear_beyond(above, clear_below, "above", "clear_below")
    refuse_clear_beyond(clear_above, below, "below", "clear_above")
    if below is not None:
        return Limit(below, clear_above, below=True)
    return Limit(0.0 if above is None else above, clear_below)


class OwnLimitSection(Section):
    """A condition on the value of findings with a limit of the rule's own: exactly one of `above` and `below`."""

    column: NonEmpty | None = None
    """Only findings about this column."""
    segment: str | None = None
    """Only findings about this segment (empty text: all traffic)."""
    above: float | None = None
    """Holds above this value."""
    below: float | None = None
    """Holds below this value, as for a p-value."""
    clear_below: float | None = None
    """With `above`: while the rule fires, it holds on until the value is no longer above this smaller one."""
    clear_above: float | None = None
    """With `below`: while the rule fires, it holds on until the value is no longer below this larger one."""

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        self.limit()
        return self

    def limit(self) -> Limit:
        """The limit with its side; a mistake unless there is one."""
        return one_limit(self.above, self.below, self.clear_below, self.clear_above, as_in="above: 0.25")
