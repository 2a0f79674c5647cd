"""What the limits of conditions have in common."""

from monitor.config.wrong import wrong


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
