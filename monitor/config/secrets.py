"""Secrets by reference: the configuration says where a secret is, never what it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from monitor.config.wrong import misspelt, wrong
from monitor.domain.errors import ConfigError

SECRET_MUST_BE_THERE = "it must be there when the program runs"  # noqa: S105 - a hint
SECRET_HINT = "write {env: NAME} or {file: PATH}; the value itself never stands in the configuration"  # noqa: S105 - a hint


class SecretRef(BaseModel):
    """Where a secret is found: an environment variable or a file (its trailing line end is dropped)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    env: str | None = Field(default=None, min_length=1, description="Name of the environment variable.")
    file: Path | None = Field(default=None, description="File that holds the secret and nothing else.")

    def __str__(self) -> str:
        """Where, for messages."""
        return f"environment variable {self.env}" if self.env else f"file {self.file}"

    def problem(self, environ: Mapping[str, str]) -> str | None:
        """Why the secret cannot be read now, in words; None when it can."""
        if self.env is not None:
            return None if environ.get(self.env) else f"{self} is not set"
        try:
            text = Path(str(self.file)).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            return f"{self} cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}"
        return None if text.strip() else f"{self} is empty"

    def read(self, environ: Mapping[str, str]) -> str:
        """The secret; ConfigError that says where it was looked for."""
        if problem := self.problem(environ):
            raise ConfigError(f"a secret cannot be read: {problem}", hint="set it, or correct its place")
        return environ[self.env] if self.env else Path(str(self.file)).read_text(encoding="utf-8").strip()


def _reference(value: object) -> object:
    if isinstance(value, SecretRef):
        return value
    if not isinstance(value, Mapping):
        raise wrong("a secret must not stand here", SECRET_HINT)
    if len(value) != 1 or not {"env", "file"} & set(value):
        refuse_misspelt(value)
        raise wrong("a secret has exactly one of the keys `env` and `file`", SECRET_HINT)
    return value


def refuse_misspelt(reference: object, key: str = "") -> None:
    """Raise when the key of a reference is `env` or `file` with a typo. `key` says where the reference stands."""
    if written := misspelt(("env", "file"), reference):
        meant = "env" if misspelt(("env",), reference) else "file"
        raise wrong(f"a reference has no key {written!r}", f"did you mean {meant!r}?", key=key or written)


_SECRET_SCHEMA: dict[str, object] = {
    "type": "object",
    "description": "A secret by reference.",
    "properties": {"env": {"type": "string", "minLength": 1}, "file": {"type": "string", "minLength": 1}},
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
}

Secret = Annotated[SecretRef, BeforeValidator(_reference), WithJsonSchema(_SECRET_SCHEMA)]
"""A field that holds a secret: `{env: NAME}` or `{file: PATH}`."""


def text_or_secret(value: str | SecretRef, environ: Mapping[str, str]) -> str:
    """The literal text, or what the reference leads to."""
    return value if isinstance(value, str) else value.read(environ)
