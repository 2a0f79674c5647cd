"""Any JSON object, by a mapping that says where every field of a record stands."""

from typing import cast

from monitor.adapters.formats.format import FormatKind, FormatOptions, Mapped, Message, Unpaired
from monitor.adapters.formats.payloads.field_mapping import FieldMapping, FieldReader
from monitor.adapters.formats.payloads.json_payload import json_of


class GenericOptions(FormatOptions):
    """Where the mapping is."""

    mapping: FieldMapping
    """The mapping, or the path of a YAML file that holds it."""


class GenericJson(Unpaired):
    """Reads a record wherever the mapping says."""

    def __init__(self, options: GenericOptions) -> None:
        self._reader = FieldReader(options.mapping, options)

    def map(self, message: Message) -> Mapped:
        """The rows of the message."""
        return self._reader.read(json_of(message.value))


def _build(options: FormatOptions) -> GenericJson:
    return GenericJson(cast("GenericOptions", options))


KIND = FormatKind("json", "Any JSON, by a mapping", GenericOptions, _build, mapping="mapping")
