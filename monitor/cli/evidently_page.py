"""The page of a metric of Evidently: whether it can be asked for here, with what, or what answers its question."""

from monitor.domain.evidently import ELSEWHERE, EVIDENTLY_METRICS, EvidentlyMetric


def evidently_page(name: str) -> str:
    """Markdown of one that is known, whether it can serve here or not."""
    text = f"# {name} of Evidently (`{name}`)\n\n"
    metric = EVIDENTLY_METRICS.get(name)
    if metric is None:
        why, ours = ELSEWHERE[name]
        return (
            f"{text}It cannot be asked for here: {why}. `driftline checks show {ours}` has what answers its question.\n"
        )
    return f"{text}{_facts(metric)}\n\n{_configuration(name, metric)}"


def _facts(metric: EvidentlyMetric) -> str:
    needs, more = sorted(metric.needs), sorted(metric.parameters - metric.needs)
    said = ["Of one column." if metric.of_column else "Of all columns together."]
    said += [f"It needs {_listed(needs)}."] if needs else []
    said += [f"It takes {_listed(more)}."] if more else []
    said += ["Its number is a share, 0 to 1."] if metric.is_share else []
    said += ["It is computed from archived rows (`archive`), and its documentation is that of Evidently."]
    return " ".join(said)


def _configuration(name: str, metric: EvidentlyMetric) -> str:
    parts = [f"metric: {name}", *(["column: amount"] if metric.of_column else [])]
    parts += [f"parameters: {{{', '.join(f'{need}: ...' for need in sorted(metric.needs))}}}"] if metric.needs else []
    return f"```yaml\nevidently:\n  - {{{', '.join(parts)}}}\n```\n"


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
