"""A found segment for people."""

from monitor.stats.found_segments.losses import Loss
from monitor.stats.found_segments.search import FoundSegment


def compared(one: FoundSegment, loss: Loss) -> str:
    """The segment, its size, and how much worse it is than the rest, with the 95 % interval."""
    name, unit = loss.name.replace("_", " "), " points" if loss.share else ""
    more, low, high = ((100 * x if loss.share else x) for x in (one.more, one.low, one.high))
    return (
        f"{one.text} ({one.inside.n:,} records): {name} {number(one.inside.value, loss)} against "
        f"{number(one.outside.value, loss)} elsewhere, {more:+.3g}{unit} ({low:+.3g} to {high:+.3g})"
    )


def number(value: float, loss: Loss) -> str:
    """A mean loss, shares as percentages."""
    return f"{value:.1%}" if loss.share else f"{value:.4g}"
