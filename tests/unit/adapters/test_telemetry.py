"""Metrics and logs."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from monitor.adapters.telemetry import METRICS, OnceAMinute, Telemetry, configure_logs


@pytest.fixture(autouse=True)
def _loggers_as_they_were() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
            if isinstance(handler, logging.StreamHandler) and "log" in getattr(handler.stream, "name", ""):
                handler.stream.close()
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def test_every_metric_has_a_meaning_and_its_own_name_and_is_shown() -> None:
    page = Telemetry().page().decode()

    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert all(f"# HELP driftline_{metric.name} {metric.meaning}" in page for metric in METRICS)


def test_a_name_that_is_not_in_the_list_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        Telemetry().count("recods_total")


def test_logs_are_json_with_secrets_scrubbed_from_fields_texts_and_tracebacks(tmp_path: Path) -> None:
    path = tmp_path / "monitor.log"
    configure_logs("info", "json", path, ["hunter2"])
    log = structlog.stdlib.get_logger("driftline")

    log.info("started", url="https://me:hunter2@host", nested={"list": ["hunter2"]})
    try:
        int("hunter2")
    except ValueError:
        log.exception("failed")
    logging.getLogger("some.library").warning("using %s", "hunter2")
    log.debug("too quiet to be written")

    text = path.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert "hunter2" not in text
    assert [line["event"] for line in lines] == ["started", "failed", "using [secret]"]
    assert lines[0]["url"] == "https://me:[secret]@host"
    assert "invalid literal for int() with base 10: '[secret]'" in lines[1]["exception"]


def test_a_chatty_library_says_each_thing_once_a_minute_without_its_traceback_and_ours_is_untouched() -> None:
    seconds = iter([0.0, 1.0, 2.0, 61.0, 62.0])
    once = OnceAMinute(lambda: next(seconds), silent={"kafka.net.selector"})

    def passes(name: str, message: str) -> bool:
        record = logging.LogRecord(name, logging.ERROR, "", 0, message, (), (ValueError, ValueError(), None))
        passed = once.filter(record)
        return passed and (record.exc_info is None or name == "driftline")

    said = [passes("kafka.conn", text) for text in ("refused", "refused", "lost", "refused")]

    assert said == [True, False, True, True]
    assert not passes("kafka.net.selector", "it takes long")
    assert [passes("driftline", "store_unavailable") for _ in range(3)] == [True] * 3
