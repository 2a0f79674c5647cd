"""Runs a command of the operator that starts a pipeline: an argument list, never a shell."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, ClassVar

from pydantic import Field

from monitor.adapters.triggers.content import request_content
from monitor.adapters.triggers.kind import TriggerKind, TriggerSettings
from monitor.domain.errors import TriggerFailed
from monitor.domain.ports import RetrainTrigger
from monitor.domain.retraining import RetrainRequest
from monitor.domain.time import Clock

TRY_AGAIN = 75
"""The exit code (EX_TEMPFAIL of sysexits.h) by which a command says that it can be run again later."""

_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")
_MAX_OUTPUT_BYTES = 65_536
_MAX_LINE_CHARS = 200
_UNKNOWN = {"retryable": False, "may_have_begun": True}


class CommandSettings(TriggerSettings):
    """`command` is the program and its arguments. `env` is added to its environment, which is otherwise bare.

    The command should start the pipeline and return; a training run itself takes longer than `timeout_s`.
    """

    command: tuple[str, ...] = Field(min_length=1)
    env: Mapping[str, str] = Field(default_factory=dict, repr=False)
    folder: Path | None = None
    timeout_s: float = Field(default=60.0, gt=0, le=3600)


class CommandTrigger:
    """Runs the command with the request in its environment; exit code 0 is started, its first line the run's id.

    `DRIFTLINE_JOB_KEY`, `_MODEL`, `_VERSION`, `_RULE`, `_WHY` say what is asked, `DRIFTLINE_REQUEST` holds all of it as
    JSON. Exit code 75 asks for another try, any other is final. After `timeout_s` the command and what it started are
    killed, and nobody knows whether a run began.
    """

    resend_is_safe: ClassVar[bool] = False

    def __init__(self, settings: CommandSettings) -> None:
        self._settings = settings

    def start(self, request: RetrainRequest, parameters: Mapping[str, object]) -> str | None:
        """Run it to its end."""
        name = Path(self._settings.command[0]).name
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            code = self._run(name, self._environment(request, parameters), out, err)
            lines = _lines(out)
            if code == 0:
                return lines[0][:_MAX_LINE_CHARS] if lines else None
            said = self._without_secrets((_lines(err) or [""])[-1])[:_MAX_LINE_CHARS]
        raise TriggerFailed(
            f"{name} ended with exit code {code}" + (f": {said}" if said else ""), retryable=code == TRY_AGAIN
        )

    def _run(self, name: str, environment: Mapping[str, str], out: IO[bytes], err: IO[bytes]) -> int:
        settings = self._settings
        try:
            process = subprocess.Popen(  # noqa: S603 - the operator's own argument list, no shell
                settings.command,
                env=environment,
                cwd=settings.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "its arguments or environment hold a NUL character"
            raise TriggerFailed(f"{name} cannot be run: {why}", retryable=False) from error
        try:
            return process.wait(settings.timeout_s)
        except subprocess.TimeoutExpired as error:
            raise TriggerFailed(f"{name} took longer than {settings.timeout_s:g} s", **_UNKNOWN) from error
        finally:
            _end(process)

    def _environment(self, request: RetrainRequest, parameters: Mapping[str, object]) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        asked = {
            "DRIFTLINE_JOB_KEY": request.key,
            "DRIFTLINE_MODEL": request.model,
            "DRIFTLINE_VERSION": request.version,
            "DRIFTLINE_RULE": request.rule,
            "DRIFTLINE_WHY": request.why,
            "DRIFTLINE_REQUEST": json.dumps(request_content(request, parameters)),
        }
        return {**inherited, **self._settings.env, **asked}

    def _without_secrets(self, text: str) -> str:
        for value in self._settings.env.values():
            text = text.replace(value, "***") if value else text
        return text


def _lines(file: IO[bytes]) -> list[str]:
    """Lines that say something, of the first and last part of the output."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    text = file.read(_MAX_OUTPUT_BYTES)
    if size > 2 * _MAX_OUTPUT_BYTES:
        file.seek(size - _MAX_OUTPUT_BYTES)
    text += file.read(_MAX_OUTPUT_BYTES)
    lines = (line.strip() for line in text.decode(errors="replace").splitlines())
    return [line for line in lines if line]


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill the command and its children where it is still running."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _build(settings: TriggerSettings, clock: Clock) -> RetrainTrigger:  # noqa: ARG001 - the signature of all kinds
    return CommandTrigger(CommandSettings.model_validate(settings.model_dump()))


KIND = TriggerKind("command", CommandSettings, _build)
