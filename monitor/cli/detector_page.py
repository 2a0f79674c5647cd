"""The page of a sequential detector: what the reference has, and `driftline checks show` prints."""

import inspect

from monitor.domain.sequential import LOOKS_FOR_A_SHIFT, WATCHES_CATEGORIES
from monitor.stats.sequential.detector import Detector
from monitor.stats.sequential.scores import LEAST_BASELINE


def detector_page(kind: type[Detector]) -> str:
    """Markdown: what it computes and when to use it, then the facts, then how to ask for it."""
    facts = {
        "Columns": "numeric and categorical" if kind.name in WATCHES_CATEGORIES else "numeric",
        "By default": "only where `sequential` asks for it",
        "Statistic": f"{kind.unit}; {kind.scope}",
        "Threshold": "follows from `false_alarm`, the stated run length",
        "Parameters": shift_words(kind),
        "Least baseline": f"{LEAST_BASELINE} values of the column",
        "Told": "within seconds, not when the window closes",
    }
    table = "".join(f"| {name} | {words} |\n" for name, words in facts.items())
    text = f"# {kind.title} (`{kind.name}`)\n\n{inspect.cleandoc(kind.__doc__ or '')}\n\n| | |\n|---|---|\n{table}"
    shift = ", shift: 0.5" if kind.name in LOOKS_FOR_A_SHIFT else ""
    line = f"  - {{detector: {kind.name}, column: amount, false_alarm: 1 per 100000 records{shift}}}"
    tried = f"driftline detectors run THIS_WEEK --reference TRAINING --column amount --detector {kind.name}"
    return f"{text}\n```yaml\nsequential:\n{line}\n```\n\nOn a file: `{tried}`.\n"


def shift_words(kind: type[Detector]) -> str:
    """What it can be told beside its rate."""
    return "`shift` = 0.5 (standard deviations)" if kind.name in LOOKS_FOR_A_SHIFT else "none"
