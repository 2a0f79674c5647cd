"""Write the generated reference pages: checks, reasons, settings, command line.

`python -m docs.generate` writes them; `python -m docs.generate --check` tells which are out of date (exit code 1).
"""

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import click
from pydantic import TypeAdapter

from alerts.config import routes_schema
from alerts.errors import FailureReason
from alerts.model import NotifyReason, SkipReason
from alerts.plugins import discover
from alerts.settings import format_duration
from monitor.cli.check_page import (
    fairness_page,
    metric_page,
    served_kinds,
    serving_page,
    test_page,
    threshold_words,
)
from monitor.cli.detector_page import detector_page
from monitor.cli.main import driftline as command
from monitor.config.schema import json_schema
from monitor.domain.errors import RejectReason
from monitor.domain.findings import Verdict
from monitor.domain.retraining import HoldReason, JobEnd, JobPhase
from monitor.domain.rules import Phase
from monitor.domain.sequential import WATCHES_CATEGORIES
from monitor.domain.verification import Answer
from monitor.stats.drift import DRIFT_TESTS
from monitor.stats.estimation import ESTIMATED_METRICS
from monitor.stats.fairness import FAIRNESS_MEASURES
from monitor.stats.performance import PERFORMANCE_METRICS
from monitor.stats.proposals import AnyTest
from monitor.stats.quality import QUALITY_TESTS
from monitor.stats.row_tests import ROW_TESTS
from monitor.stats.sequential import DETECTOR_KINDS
from monitor.stats.serving import SERVING_METRICS
from monitor.stats.window_tests import WINDOW_TESTS
from monitor.usecases.replay_letters import ReplayFate

_TESTS: Mapping[str, AnyTest] = {**DRIFT_TESTS, **QUALITY_TESTS, **WINDOW_TESTS, **ROW_TESTS}

_ISO_DURATION = re.compile(r"\bP(?:\d+D)?(?:T(?:\d+H)?(?:\d+M)?(?:\d+S)?)?(?<![PT])(?![\w])")
_SPAN = TypeAdapter(timedelta)
REFERENCE = Path(__file__).parent / "reference"
_NOTE = "<!-- written by `make docs`; edit the code it is taken from -->\n\n"
_REASONS: tuple[type[StrEnum], ...] = (
    Verdict, RejectReason, ReplayFate, Phase, JobPhase, HoldReason, Answer, JobEnd, NotifyReason, SkipReason,
    FailureReason,
)  # fmt: skip


def pages() -> dict[str, str]:
    """File name to text of every generated page."""
    return {
        "checks.md": _checks(),
        "reasons.md": _reasons(),
        "settings.md": _settings(),
        "command-line.md": _command_line(),
    } | _check_pages()


def _check_pages() -> dict[str, str]:
    tests = {f"checks/{test.name}.md": _NOTE + test_page(test) for test in _TESTS.values()}
    tests |= {f"checks/{kind.name}.md": _NOTE + detector_page(kind) for kind in DETECTOR_KINDS}
    return tests | {f"checks/{one.name}.md": _NOTE + metric_page(one) for one in PERFORMANCE_METRICS.values()}


def _checks() -> str:
    text = _NOTE + "# Checks\n\nA check binds one of these to a column, a segment and a threshold. The column "
    text += (
        "`all_columns` stands for every column that can serve a test: one check, whose finding names the bad ones.\n"
    )
    text += "\n## Drift tests\n\n"
    text += "All are computed from the counts of two profiles, in constant memory and whatever the order in which they "
    text += "were merged. A verdict needs the effect *and* its p-value; fewer records than `min_records` are "
    text += "*insufficient data*. Each name leads to its page: formula, range, source, when to use it and when not.\n\n"
    text += _index(DRIFT_TESTS)
    text += "\n## Data quality\n\nTests of a column, too. [What runs by default](../explanation/data-quality.md).\n\n"
    text += _index(QUALITY_TESTS)
    text += "\n## Whole windows\n\nTests of all columns together; the column of such a check is `records`.\n\n"
    text += _index(WINDOW_TESTS)
    text += (
        "\n## Raw rows\n\nTests of the rows themselves, all columns together; the column of such a check is `records`."
    )
    text += " They run where a check asks for them and the model keeps rows.\n"
    text += "[What they see, and how they are calibrated](../explanation/multivariate-drift.md).\n\n"
    text += _index(ROW_TESTS)
    text += (
        "\n## Serving\n\nHow a model is served, without truth or training data, where a check asks for it and judged "
    )
    text += "by its limit: *degraded* when the whole 95 % interval is beyond, a *warning* when it is not. "
    text += "[How to](../how-to/watch-the-serving.md).\n"
    for served in SERVING_METRICS.values():
        text += f"\n##{serving_page(served)}"
    text += _sequential()
    text += "\n## Performance metrics\n\nComputed where ground truth is known; the column of such a check is "
    text += "`ground_truth`. Each has a 95 % interval, and is computed anew when more truth has come "
    text += "([why](../decisions/0009-performance-is-recomputed.md)). Each name leads to its page.\n\n"
    text += "The interval holds the true value in 93 to 97 of 100 windows of a few hundred records. With fewer than "
    text += "about 20 records of a class, or 60 numbers, it is a little narrow and holds it in 84 to 97 (`rmse`, `r2`, "
    text += "`roc_auc` and means over classes most).\n\n"
    text += "| Metric | | For | Unit | Better |\n|---|---|---|---|---|\n"
    for metric in PERFORMANCE_METRICS.values():
        better = "higher" if metric.higher_is_better else "lower"
        text += f"| [`{metric.name}`](checks/{metric.name}.md) | {metric.title} | {', '.join(sorted(metric.tasks))} | "
        text += f"{metric.unit} | {better} |\n"
    return text + _fairness() + _estimated()


def _sequential() -> str:
    text = "\n## Sequential detectors\n\nThey look at columns record by record, as these are read, and state how "
    text += "often they are wrong; a model's `sequential` asks for them. [How to]"
    text += "(../how-to/watch-records-one-by-one.md), [how they compare](../explanation/sequential-detectors.md).\n"
    text += "\n| Detector | | Columns | Statistic |\n|---|---|---|---|\n"
    for kind in DETECTOR_KINDS:
        columns = "numeric, categorical" if kind.name in WATCHES_CATEGORIES else "numeric"
        text += f"| [`{kind.name}`](checks/{kind.name}.md) | {kind.title} | {columns} | {kind.unit} |\n"
    return text


def _fairness() -> str:
    text = "\n## Group fairness\n\nComputed for every window of a model with `fairness:`, on each of its sensitive "
    text += (
        "features, which is the column of such a check. Those of the selection rate need no truth and are judged when "
    )
    text += "the window closes, the others with its truth. [How to use them](../how-to/check-fairness.md).\n"
    for measure in FAIRNESS_MEASURES.values():
        text += f"\n##{fairness_page(measure)}"
    return text


def _index(tests: Mapping[str, AnyTest]) -> str:
    text = "| Test | | Columns | Statistic | Default threshold |\n|---|---|---|---|---|\n"
    for test in tests.values():
        kinds = ", ".join(kind.value for kind in served_kinds(test)) or "all together"
        text += f"| [`{test.name}`](checks/{test.name}.md) | {test.title} | {kinds} | {test.unit} | "
        text += f"{threshold_words(test.default_threshold)} |\n"
    return text


def _estimated() -> str:
    text = "\n## Estimated performance\n\nComputed for every window before the truth comes, where the baseline was "
    text += "built from rows with truth; the column of such a check is `estimate`. When the truth has come, "
    text += "`estimate_error_...` (column `ground_truth`) is the estimate less the metric by the truth, and warns when "
    text += "the two intervals are apart, and `change_of_...` says where a change from the baseline comes from. "
    text += (
        "Where a metric is *degraded* and rows are kept, `weak_segments` (column `ground_truth`) names the slices in "
    )
    text += "which the model is [worse than elsewhere](../how-to/find-weak-segments.md). "
    text += "`estimates_disagree` (column `estimate`) warns when training rows weighted to look like the window say "
    text += "otherwise. [What they assume](../explanation/estimated-performance.md).\n\n"
    text += "| Check | Estimates | For | Held against the truth by |\n|---|---|---|---|\n"
    for metric in ESTIMATED_METRICS.values():
        tasks = ", ".join(sorted(metric.tasks))
        of, error = ("", "nothing") if metric.apart else (f" (`{metric.of}`)", f"`{metric.error_name}`")
        text += f"| `{metric.name}` | {metric.title}{of} | {tasks} | {error} |\n"
    return text


def _reasons() -> str:
    text = _NOTE + "# Reasons and states\n\nThe same words stand in columns, metrics, logs and here.\n"
    for kind in _REASONS:
        text += f"\n## {kind.__name__}\n\n{_doc(kind)}\n\n" + "".join(f"- `{member.value}`\n" for member in kind)
    return text


def _settings() -> str:
    definitions: Any = {**_definitions(json_schema()), **_definitions(routes_schema(discover()), "RoutesFile")}
    text = _NOTE + "# Settings\n\nEvery key of the configuration; `driftline check-config` checks them line by line.\n"
    for name, section in sorted(definitions.items()):
        properties = section.get("properties")
        if not properties:
            continue
        text += f"\n## {name}\n\n{section.get('description', '')}\n\n| Key | Default | Meaning |\n|---|---|---|\n"
        required = section.get("required", ())
        for key, about in sorted(properties.items(), key=lambda item: item[0] not in required):  # these first
            default = "required" if key in required else f"`{_default(about)}`"
            text += f"| `{key}` | {default} | {_cell(about.get('description', ''))} |\n"
    return text


def _definitions(schema: dict[str, Any], title: str | None = None) -> dict[str, Any]:
    """The sections of a schema; with a title also its top."""
    own = {title: schema} if title else {}
    return {**own, **schema.get("$defs", {})}


def _default(about: dict[str, Any]) -> str:
    """As one would write it in YAML."""
    value = about.get("default")
    text = json.dumps(value) if isinstance(value, list | dict | bool) else str(value)
    return _ISO_DURATION.sub(lambda found: format_duration(_SPAN.validate_python(found.group())), text)


def _command_line() -> str:
    text = _NOTE + "# Command line\n"
    for path, one in _commands(command, ("driftline",)):
        shape: dict[str, Any] = {"terminal_width": 100, "max_content_width": 100, **command.context_settings}
        context = click.Context(one, info_name=" ".join(path), **shape)
        text += f"\n## `{' '.join(path)}`\n\n```text\n{one.get_help(context)}\n```\n"
    return text


def _commands(one: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, one
    if isinstance(one, click.Group):
        context = click.Context(one)
        for name in one.list_commands(context):
            child = one.get_command(context, name)
            if child is not None:
                yield from _commands(child, (*path, name))


def _doc(subject: Callable[..., object] | type) -> str:
    return inspect.cleandoc(subject.__doc__ or "")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> int:
    """Write the pages, or with `--check` only compare."""
    stale = {name: text for name, text in pages().items() if _current(name) != text}
    for name, text in stale.items():
        if "--check" in sys.argv:
            print(f"docs/reference/{name} is out of date: run `make docs`")  # noqa: T201 - a program's output
        else:
            (REFERENCE / name).parent.mkdir(exist_ok=True)
            (REFERENCE / name).write_text(text)
    return 1 if stale and "--check" in sys.argv else 0


def _current(name: str) -> str | None:
    path = REFERENCE / name
    return path.read_text() if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
