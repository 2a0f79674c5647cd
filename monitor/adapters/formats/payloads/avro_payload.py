"""Avro by a registered schema (the extra `schemas`)."""

import io
import json
from collections.abc import Callable

import fastavro

from monitor.adapters.formats.payloads.json_payload import not_of_format
from monitor.adapters.formats.payloads.registry import Schema
from monitor.domain.errors import RecordRejected, RejectReason


def avro_reader(schema: Schema) -> Callable[[bytes], object]:
    """A function from the bytes of one value to it; RecordRejected when the schema itself is wrong."""
    try:
        named: dict[str, dict[str, object]] = {}
        for _, reference in _in_order(schema):
            fastavro.parse_schema(json.loads(reference.text), named_schemas=named)
        parsed = fastavro.parse_schema(json.loads(schema.text), named_schemas=named)
    except Exception as error:  # the library raises many kinds
        raise RecordRejected(RejectReason.UNKNOWN_SCHEMA, f"the schema is no Avro: {error!s:.200}") from error

    def read(value: bytes) -> object:
        stream = io.BytesIO(value)
        try:
            found: object = fastavro.schemaless_reader(stream, parsed, None)
        except Exception as error:  # noqa: BLE001 - bytes of another schema lead the library anywhere
            not_of_format(f"not of its Avro schema: {type(error).__name__}: {error!s:.200}")
        if left := len(value) - stream.tell():
            not_of_format(f"not of its Avro schema: {left} bytes too many")
        return found

    return read


def _in_order(schema: Schema) -> list[tuple[str, Schema]]:
    """References, what they refer to first; each once."""
    ordered: dict[str, Schema] = {}
    for name, reference in schema.references:
        ordered |= dict(_in_order(reference))
        ordered[name] = reference
    return list(ordered.items())
