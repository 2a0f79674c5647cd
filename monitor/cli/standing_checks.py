"""Checks that no configuration has to name: of every window, of every model that sets a limit, or of a comparison."""

from collections.abc import Mapping
from types import MappingProxyType

STANDING_CHECKS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "silence": (
            "Silence",
            "No record came in a window of a model with `silence_after`, though some came before: *no data*.",
        ),
        "volume": (
            "Volume",
            "Records of a window as a share of the same hours of the weeks before: *low volume* below `low_volume`.",
        ),
        "coverage": (
            "Coverage",
            "Share of what producers say they served that a window has seen: *low coverage* below `low_coverage`.",
        ),
        "truth_coverage": (
            "Coverage of ground truth",
            "Share of a window's predictions with truth: *low coverage* below `min_coverage` once `wait` is over.",
        ),
        "staleness": ("Staleness", "How far reading is behind the stream, in seconds: bad beyond `stale_after`."),
        "lag": ("Lag", "Records that wait in a partition: bad beyond `max_lag`."),
        "model_drift": (
            "Drift of the whole model",
            "All columns of a window together, with as many false alarms as `alarm_budget` allows and no more.",
        ),
        "baseline_age": (
            "Age of the baseline",
            "Days from the last of the baseline's rows to the window's end: *degraded* from `max_baseline_age` on.",
        ),
        "baseline": ("Baseline", "Whether there is a baseline that windows of the version can be compared with."),
        "checks": ("Checks", "Whether the configured checks fit the version's baseline; what does not is named."),
        "weak_segments": (
            "Weak segments",
            (
                "Slices of rows in which the model is worse than elsewhere, if rows are kept and a metric is *degraded*"
                " or worse than on the baseline beyond chance and by 3 % of what it was."
            ),
        ),
        "known_column": (
            "Known column",
            (
                "Stands in `driftline compare`, and in comparisons from Python, for a column that cannot be compared, "
                "with the reason: the second table alone has it, its name is there twice, or its values are neither "
                "numbers nor text. Exclude it if that is meant; until then the comparison is incomplete. In the "
                "service `schema` tells of it."
            ),
        ),
    }
)
"""Titles and what they say, by the name that findings and rules use."""

_OF_COMPARISONS = frozenset({"known_column"})


def standing_page(name: str) -> str:
    """Markdown: what it says, and where its limit is set."""
    title, text = STANDING_CHECKS[name]
    watched = "" if name in _OF_COMPARISONS else f"; a rule may watch it: `bad: {{test: {name}}}`"
    return f"# {title} (`{name}`)\n\n{text}\n\nNo check has to ask for it{watched}.\n"
