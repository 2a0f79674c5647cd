"""The command line as a whole: what is imported, how errors look, that the table of commands is true."""

import gc
import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from itertools import pairwise

import click
import pytest
from click.testing import CliRunner

from monitor.cli import main as program
from monitor.cli.main import driftline
from monitor.domain.errors import ConfigError

HEAVY = ("numpy", "pandas", "sqlalchemy", "pydantic", "litestar", "rich", "scipy", "pyarrow")


def test_help_imports_nothing_heavy_and_names_every_command() -> None:
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom monitor.cli.main import driftline\n"
        "print(CliRunner().invoke(driftline, ['--help']).output)\n"
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])"
    )

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert "HEAVY []" in shown
    assert all(f"  {name} " in shown for name in program.COMMANDS)


def test_help_comes_at_once() -> None:
    code = "from monitor.cli.main import driftline; driftline(['--help'])"

    began = [time.perf_counter()]
    for _ in range(3):
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        began.append(time.perf_counter())

    fastest_s = min(after - before for before, after in pairwise(began))
    assert fastest_s < 0.5


@pytest.mark.parametrize("name", program.COMMANDS)
def test_the_line_of_help_in_the_table_starts_the_command_s_own_help(name: str) -> None:
    module, attribute, line = program.COMMANDS[name]

    command = getattr(import_module(module), attribute)

    assert isinstance(command, click.Command)
    assert command.help
    assert command.help.split("\n")[0].startswith(line.rstrip("."))


@pytest.mark.parametrize("name", program.COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    shown = CliRunner().invoke(program.driftline, [name, "--help"])

    assert shown.exit_code == 0
    assert "Usage:" in shown.output


def test_a_mistyped_command_gets_a_hint() -> None:
    shown = CliRunner().invoke(program.driftline, ["finding"])

    assert shown.exit_code == 2
    assert "Did you mean 'findings'?" in shown.output


def test_an_explained_error_is_one_line_and_exit_code_2_and_others_keep_their_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    errors: list[Exception] = [ConfigError("no model 'x'", hint="known: y"), ZeroDivisionError("ours")]

    def failing(**_: object) -> int:
        raise errors.pop(0)

    monkeypatch.setattr(program.driftline, "main", failing)
    monkeypatch.delenv(program.DEBUG_VARIABLE, raising=False)

    with pytest.raises(SystemExit) as explained:
        program.main()
    with pytest.raises(ZeroDivisionError):
        program.main()

    assert explained.value.code == program.MISTAKEN
    assert capsys.readouterr().err == "error: no model 'x' (hint: known: y)\n"


def test_debug_shows_the_traceback_of_an_explained_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(**_: object) -> int:
        raise ConfigError("no model 'x'")

    monkeypatch.setattr(program.driftline, "main", failing)
    monkeypatch.setenv(program.DEBUG_VARIABLE, "1")

    with pytest.raises(ConfigError):
        program.main()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("role", ["run", "consume", "tick", "dispatch"])
def test_a_role_that_is_asked_to_stop_before_it_has_started_ends_well(
    role: str, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow_start(*_: object) -> int:
        os.kill(os.getpid(), number)
        raise AssertionError("the signal was not heard")

    monkeypatch.setattr("monitor.bootstrap.serving.serve", slow_start)
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}

    try:
        result = CliRunner().invoke(driftline, [role])
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)

    assert result.exit_code == 0, result.exception


def test_a_command_lets_the_collector_of_cycles_sweep_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    before, seen = gc.get_threshold(), []
    monkeypatch.setattr(program.driftline, "main", lambda **_: seen.append(gc.get_threshold()))
    try:
        with pytest.raises(SystemExit):
            program.main()
    finally:
        gc.set_threshold(*before)
    assert seen == [(program.SWEEP_AFTER, *before[1:])]
