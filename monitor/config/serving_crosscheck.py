"""Mistakes about checks of serving that no section shows by itself."""

from collections.abc import Iterator, Sequence

from monitor.config.check_section import CheckSection
from monitor.config.mistakes import at
from monitor.config.model_file import ModelFile
from monitor.config.yaml_file import Loc, YamlFile
from monitor.domain.checks import RECORDS
from monitor.domain.errors import ConfigError
from monitor.stats.serving import SERVING_METRICS


def serving_mistakes(file: YamlFile, shape: ModelFile) -> Iterator[ConfigError]:
    """What a check of latency, errors or throughput lacks, or has for nothing."""
    for index, check in enumerate(shape.checks):
        if check.test in SERVING_METRICS:
            for inner, message, hint in _of_check(check):
                yield at(file, ("checks", index, *inner), message, hint)


def _of_check(check: CheckSection) -> Iterator[tuple[Loc, str, str]]:
    metric, named = SERVING_METRICS[check.test], [name for name in check.columns if name != "*"]
    if check.against is not None:
        hint = "give it a `threshold`, and let a rule compare windows: trend, or drop against history"
        yield ("against",), f"{check.test} is judged by a limit, not against other windows", hint
    if metric.column == RECORDS and named not in ([], [RECORDS]):
        yield ("columns",), f"{check.test} counts whole records and reads no column", "leave out `columns`"
    if metric.column:
        return
    if not named:
        hint = 'as in columns: [status], parameters: {ok: "200"}'
        yield ("test",), f"{check.test} needs the column that tells whether a request failed", hint
    if not {"ok", "missing_is_ok"} & check.parameters.keys():
        hint = 'as in parameters: {ok: "200, 204"}, or {missing_is_ok: true} where only errors have a value'
        yield ("test",), f"{check.test} needs to know which values mean success", hint


def unmeasured(file: YamlFile, loc: Loc, test: str | None, watched: Sequence[ModelFile]) -> Iterator[ConfigError]:
    """A condition on serving that no watched model measures: it never holds."""
    if test is None or test not in SERVING_METRICS or not watched:
        return
    if any(one.test == test for shape in watched for one in shape.checks):
        return
    wanted = f"test: {test}" + ("" if SERVING_METRICS[test].column else ', columns: [status], parameters: {ok: "200"}')
    message = f"no model that it watches has a check {test}: the condition never holds"
    yield at(file, loc, message, f"give the model `checks: [{{{wanted}}}]`")
