"""Pages of estimates, of what holds them against the truth, and of where a change comes from."""

from monitor.stats.estimation import EstimatedMetric

_READ = "The page about estimated performance in the documentation says what they assume."


def estimate_page(metric: EstimatedMetric) -> str:
    """Markdown: what is estimated, of which models."""
    low, high = metric.bounds
    text = f"{metric.title}, estimated for every window before its truth comes, where the baseline was built from rows "
    text += "with truth. The column of such a check is `estimate`; it is judged where a check sets a limit."
    return _page(metric.name, f"{metric.title}, estimated", text, f"{metric.unit}; {low:g} to {high:g}", metric)


def estimate_error_page(metric: EstimatedMetric) -> str:
    """The same of an estimate's error."""
    text = f"`{metric.name}` less `{metric.of}` by the truth, once that has come: a warning when the two intervals are "
    text += "apart. The column of such a finding is `ground_truth`."
    return _page(metric.error_name, f"Error of the estimate: {metric.title}", text, metric.unit, metric)


def change_page(metric: EstimatedMetric) -> str:
    """The same of a change and its parts."""
    text = f"`{metric.of}` of a window less that of the baseline, in parts that add up to it: what follows from other "
    text += "inputs, what from other shares of the true classes, and what neither explains. It is there when the truth "
    text += "has come and the metric is not what it was beyond chance. The column of such a finding is `ground_truth`; "
    text += "`driftline performance` shows the parts."
    return _page(metric.change_name, f"Where a change comes from: {metric.title}", text, metric.unit, metric)


def disagreement_page(name: str) -> str:
    """What warns when two ways to estimate say different things."""
    text = "Warns when training rows that are weighted to look like the window say otherwise than the estimate. The "
    return f"# Estimates disagree (`{name}`)\n\n{text}column of such a finding is `estimate`. {_READ}\n"


def _page(name: str, title: str, text: str, unit: str, metric: EstimatedMetric) -> str:
    tasks = ", ".join(sorted(metric.tasks))
    return f"# {title} (`{name}`)\n\n{text} {_READ}\n\n| | |\n|---|---|\n| Tasks | {tasks} |\n| Unit | {unit} |\n"
