"""What a format is: a pure function from one message of somebody else to canonical records, halves or refusals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Protocol, runtime_checkable

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from monitor.domain.errors import RejectReason
from monitor.domain.stream import Side
from monitor.domain.time import parse_duration

Row = Mapping[str, object]
"""A canonical record (docs/reference/records.md) as a mapping; its values are what JSON can say."""

Part = Mapping[str, object]
"""What one half of a record knows, for `join`; its values are what JSON can say."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it came. `headers` have lower-case names and text; `timestamp_ms` is the log's, -1 without one."""

    value: bytes
    key: bytes | None = None
    headers: Mapping[str, str] | None = None
    timestamp_ms: int = -1
    topic: str = ""

    def header(self, name: str) -> str:
        """The header's text; empty when there is none."""
        return (self.headers or {}).get(name, "")


@dataclass(frozen=True, slots=True)
class MappedHalf:
    """A request or a response that waits for its other half, found by model and `pair_id`."""

    side: Side
    model: str
    pair_id: str
    event_time_ms: int
    part: Part


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a part of a message cannot be counted; `detail` names the field, or which of how many rows."""

    reason: RejectReason
    detail: str


@dataclass(frozen=True, slots=True)
class Mapped:
    """What became of one message: the good beside the bad. Nothing at all is right for a message that says nothing."""

    rows: Sequence[Row] = ()
    halves: Sequence[MappedHalf] = ()
    refused: Sequence[Refusal] = ()


class Format(Protocol):
    """A format with its options. Both functions are pure and raise nothing but RecordRejected.

    One exception: a format that asks a schema registry raises StoreUnavailable while it cannot be asked.
    """

    def map(self, message: Message) -> Mapped:
        """What the message says; RecordRejected when all of it is refused."""
        ...

    def join(self, request: Part, response: Part) -> Mapped:
        """What two halves say together."""
        ...


@runtime_checkable
class Paired(Protocol):
    """A format whose records come in two halves; those further apart than `wait` do not belong together."""

    @property
    def wait(self) -> timedelta:
        """The bound, of event time."""
        ...


class Unpaired:
    """For formats whose messages are whole: there is nothing to join."""

    def join(self, request: Part, response: Part) -> Mapped:  # noqa: ARG002 - the protocol's signature
        """Nothing."""
        return Mapped()


def _duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


Wait = Annotated[timedelta, BeforeValidator(_duration), WithJsonSchema({"type": "string"})]
"""A duration, as `5m`."""


class FormatOptions(BaseModel):
    """Options that every format has. Unknown keys are mistakes, values never change; secrets come resolved."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True)

    model: str | None = Field(default=None, min_length=1)
    """The model's name, whatever the message calls it."""
    model_version: Annotated[str, Field(min_length=1, coerce_numbers_to_str=True)] | None = None
    """The model's version, whatever the message says."""


@dataclass(frozen=True, slots=True)
class FormatKind:
    """A format as a plug-in. Every module of this package that is one has it as `KIND`.

    Other packages offer theirs by the entry-point group `driftline.formats`. `build` takes validated options.
    `recognises` tells from headers and content alone whether a message looks like one (for `format: auto`); it must
    not raise. `mapping` names an option that may be a path to a YAML file with its value.
    """

    name: str
    title: str
    options: type[FormatOptions]
    build: Callable[[FormatOptions], Format]
    recognises: Callable[[Message], bool] = lambda _: False
    mapping: str | None = None
