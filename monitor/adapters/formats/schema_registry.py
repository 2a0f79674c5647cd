"""Avro, Protobuf and JSON whose schema lies in a registry (Confluent's wire format)."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Annotated, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from monitor.adapters.formats.format import FormatKind, FormatOptions, Mapped, Message, Row, Unpaired
from monitor.adapters.formats.payloads.field_mapping import FieldMapping, FieldReader
from monitor.adapters.formats.payloads.json_payload import json_of, not_of_format, object_of
from monitor.adapters.formats.payloads.proto_payload import proto_reader
from monitor.adapters.formats.payloads.registry import Registry, Schema
from monitor.adapters.guarded_http import AllowList
from monitor.domain.errors import ConfigError, RecordRejected, RejectReason

_MAGIC, _HEADER_BYTES = 0, 5


def _http_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("write an http:// or https:// address with a host")
    return url


class RegistryOptions(FormatOptions):
    """Where schemas are, and how their records map to canonical ones."""

    registry: Annotated[str, AfterValidator(_http_url)]
    """Address of the registry; one that is not public must be listed under `allow`."""
    allow: tuple[str, ...] = ()
    """Networks and hosts that may be asked though they are not public, loopback too."""
    username: str | None = Field(default=None, min_length=1)
    """Login name (or API key)."""
    password: str | None = Field(default=None, min_length=1, repr=False)
    """Password, by reference: `{env: NAME}`."""
    timeout_s: float = Field(default=10.0, gt=0, le=300)
    """How long to wait for an answer."""
    mapping: FieldMapping | None = None
    """Where the fields stand (or the path of a YAML file); without it records have the canonical names."""

    @model_validator(mode="after")
    def _login_is_whole(self) -> "RegistryOptions":
        if (self.username is None) != (self.password is None):
            raise ValueError("a login has both `username` and `password`")
        return self


class SchemaRegistry(Unpaired):
    """Reads what the five bytes before a value say: 0, and the schema's id.

    A schema that the registry does not know, or that does not fit the bytes, refuses the record. A registry that does
    not answer raises StoreUnavailable: the records stay in the log until it does.
    """

    def __init__(self, options: RegistryOptions) -> None:
        login = (options.username, options.password) if options.username and options.password else None
        self._options = options
        self._registry = Registry(options.registry, login, AllowList.of(options.allow), options.timeout_s)
        self._reader = FieldReader(options.mapping, options) if options.mapping else None
        self._decoders: dict[int, Callable[[bytes], object]] = {}

    def map(self, message: Message) -> Mapped:
        """The rows of the record."""
        value = message.value
        if len(value) <= _HEADER_BYTES or value[0] != _MAGIC:
            not_of_format("no schema id in front: expected a byte 0 and four bytes of id")
        number = int.from_bytes(value[1:_HEADER_BYTES])
        content = self._decoder(number)(value[_HEADER_BYTES:])
        return self._reader.read(content) if self._reader else Mapped([self._named(object_of(content, "the record"))])

    def _named(self, content: Mapping[str, object]) -> Row:
        fixed = {"model": self._options.model, "model_version": self._options.model_version}
        return {**content, **{name: value for name, value in fixed.items() if value is not None}}

    def _decoder(self, number: int) -> Callable[[bytes], object]:
        found = self._decoders.get(number)
        if found is None:
            found = self._decoders[number] = _decoder_of(self._registry.schema(number), number)
        return found


def _decoder_of(schema: Schema, number: int) -> Callable[[bytes], object]:
    match schema.kind:
        case "AVRO":
            from monitor.adapters.formats.payloads.avro_payload import avro_reader  # noqa: PLC0415 - an extra

            return avro_reader(schema)
        case "PROTOBUF":
            return proto_reader(schema)
        case "JSON":
            return json_of
    detail = f"schema {number} is of type {schema.kind!r:.50}; AVRO, PROTOBUF and JSON are read"
    raise RecordRejected(RejectReason.UNKNOWN_SCHEMA, detail)


def _build(options: FormatOptions) -> SchemaRegistry:
    if find_spec("fastavro") is None:
        raise ConfigError("the format schema-registry needs fastavro", hint="pip install 'driftline[schemas]'")
    return SchemaRegistry(cast("RegistryOptions", options))


KIND = FormatKind(
    "schema-registry", "Avro, Protobuf and JSON with a schema registry", RegistryOptions, _build, mapping="mapping"
)
