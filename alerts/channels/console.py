"""The console channel: the message as text on standard output or standard error."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from rich.console import Console
from rich.text import Text

from alerts.errors import FailureReason, Retryable
from alerts.model import Receipt
from alerts.ports import ChannelKind, Clock
from alerts.render.document import Message
from alerts.render.text import render_text
from alerts.settings import ChannelSettings


class ConsoleSettings(ChannelSettings):
    """Settings of `kind: console`."""

    kind: Literal["console"]
    stream: Literal["stdout", "stderr"] = "stdout"
    max_alerts: Annotated[int, Field(ge=1, le=100)] = 20


class ConsoleChannel:
    """Prints, in colour where a terminal is there; nothing can be edited afterwards."""

    def __init__(self, name: str, settings: ConsoleSettings) -> None:
        """Print under this name."""
        self.name = name
        self._settings = settings

    def send(self, message: Message, previous: Receipt | None) -> Receipt:  # noqa: ARG002 - print has no memory
        """Print the message between two rules; raises Retryable when the stream is gone."""
        stream = sys.stdout if self._settings.stream == "stdout" else sys.stderr
        head, _, rest = render_text(message, self._settings.max_alerts).partition("\n")
        try:
            console = Console(file=stream, highlight=False, soft_wrap=True)
            console.rule(style=message.colour)
            console.print(Text(head, style=f"bold {message.colour}"))
            console.print(Text(rest))
            console.rule(style=message.colour)
        except (OSError, ValueError) as error:  # ValueError: the stream was closed
            detail = f"{self._settings.stream} cannot be written: {type(error).__name__}"
            raise Retryable(FailureReason.CONNECTION, detail=detail) from None
        return Receipt({"stream": self._settings.stream})


def _build(name: str, settings: BaseModel, clock: Clock) -> ConsoleChannel:  # noqa: ARG001 - no time is printed but the message's
    return ConsoleChannel(name, ConsoleSettings.model_validate(settings))


KIND = ChannelKind("console", ConsoleSettings, _build)
