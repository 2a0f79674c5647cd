"""The key `formats` of a source: topics (or folders) whose records are not canonical."""

from collections.abc import Mapping

from pydantic import ConfigDict, Field, model_validator

from monitor.config.fields import Name, Section, references

CANONICAL = "canonical"


class FormatSection(Section):
    """How the records of one topic are written: the name of the format, and beside it the options of that format."""

    model_config = ConfigDict(extra="allow")

    format: Name = Field(default=CANONICAL)
    """`canonical`, `auto`, a format of docs/reference/formats.md, or a plug-in of the group `driftline.formats`."""

    @model_validator(mode="before")
    @classmethod
    def _secrets_by_reference(cls, value: object) -> object:
        return references(value)

    @property
    def options(self) -> Mapping[str, object]:
        """What the format needs; secrets in it as SecretRef."""
        return self.model_extra or {}
