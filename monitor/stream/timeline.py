"""Which baseline a pane of a model version is compared with."""

from collections.abc import Sequence

Promotion = tuple[str, int | None, str]
"""(version, effective from in event time or None for always, baseline id), as `BaselineStore.timeline` lists them."""


def baseline_at(timeline: Sequence[Promotion], version: str, pane_start_ms: int) -> str | None:
    """Id of the baseline that holds at the start of the pane, None when there is none.

    The newest promotion of exactly this version that is in effect; else (a version that nobody made a baseline for)
    the newest of the model. `timeline` is oldest first.
    """
    holding = [p for p in timeline if p[1] is None or p[1] <= pane_start_ms]
    of_version = [p for p in holding if p[0] == version]
    chosen = of_version or holding
    return chosen[-1][2] if chosen else None


def baselines_of(timeline: Sequence[Promotion], version: str) -> list[str]:
    """Ids of all baselines that some pane of the version may be compared with, oldest first, each once."""
    of_version = [p for p in timeline if p[0] == version]
    always_own = any(p[1] is None for p in of_version)
    return list(dict.fromkeys(p[2] for p in (of_version if always_own else timeline)))
