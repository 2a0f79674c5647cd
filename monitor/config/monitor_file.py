"""The shape of monitor.yaml: everything about the program that is not about one model, rule or route."""

import re
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from monitor.config.fields import (
    Duration,
    HttpUrl,
    Name,
    NonEmpty,
    Section,
    SizeBytes,
    UrlOrSecret,
)
from monitor.config.retraining_section import RetrainingSection
from monitor.config.secrets import Secret, SecretRef
from monitor.config.source_section import HttpSource, SourceSection
from monitor.config.truth_section import SqlTruthSection
from monitor.config.wrong import wrong
from monitor.domain.time import in_one_unit
from monitor.stream.dead_letter_limit import DeadLetterLimit

Count = Annotated[int, Field(ge=1, strict=True)]
CountOrZero = Annotated[int, Field(ge=0, strict=True)]


class DatabaseSection(Section):
    """Where everything is kept."""

    url: UrlOrSecret = "sqlite:///driftline.db"
    """SQLAlchemy URL of SQLite or PostgreSQL (`postgresql+psycopg://...`); one with a password only by reference."""


_CREDENTIALS = re.compile(r"[a-z0-9+.-]+://[^/]*@")


class DeadLetterSection(Section):
    """What is kept of records that were refused."""

    value_bytes: SizeBytes = 16 * 1024
    """How much of a refused message is kept."""
    topic: NonEmpty | None = None
    """Kafka topic that also gets them, with the reason as a header."""
    stop_after: CountOrZero = 1000
    """Stop when so many records of a partition are refused in a row, or nine tenths of so many; 0: never."""

    def limit(self) -> DeadLetterLimit:
        """The domain value."""
        if not self.stop_after:
            return DeadLetterLimit(ratio=None, consecutive=None)
        return DeadLetterLimit(window=self.stop_after, consecutive=self.stop_after)


def _place(value: object) -> object:
    if not isinstance(value, str) or not value or _CREDENTIALS.match(value):
        raise wrong(
            "must be a folder or a URL without credentials", "give credentials the way the store's driver reads them"
        )
    return value


class ArchiveSection(Section):
    """Raw rows as Parquet files, for the models that ask for it."""

    directory: Annotated[str, BeforeValidator(_place)] = "archive"
    """Folder of the files, or an object store's URL (`s3://bucket/prefix`); its driver finds the credentials."""
    hash_key: Secret | None = None
    """Key of the hashes that stand for personal values; needed as soon as a model hashes a column."""


class StreamSection(Section):
    """How the stream is folded and saved."""

    flush_every: Duration = timedelta(seconds=1)
    """At least this often, shares and offsets are saved."""
    flush_records: Count = 50_000
    """Save after so many records, if that comes sooner; reading waits at this number while the database is away."""
    flush_bytes: SizeBytes = 128 * 1024 * 1024
    """Save when their messages take so much, if that comes sooner still; reading waits at this size, too."""
    max_future_skew: Duration = timedelta(minutes=5)
    """Records further in the future than this are refused: their producer's clock is wrong."""
    max_message_bytes: SizeBytes = 1024 * 1024
    """Messages larger than this are refused."""
    dead_letters: DeadLetterSection = DeadLetterSection()
    """What is kept of refused records."""
    archive: ArchiveSection = ArchiveSection()
    """Where raw rows go."""


class ScheduleSection(Section):
    """How often the scheduler knocks. What is due follows from the data, so a missed knock is harmless."""

    evaluate_every: Duration = timedelta(seconds=1)
    """Judge windows that have closed."""
    sweep_every: Duration = timedelta(seconds=15)
    """Ask models of which no window has closed for late records and late truth; in between they cost nothing."""
    relay_every: Duration = timedelta(seconds=1)
    """Hand alert events to the alerts package."""
    dispatch_every: Duration = timedelta(seconds=1)
    """Group, route and send notifications."""
    retrain_every: Duration = timedelta(seconds=5)
    """Decide on retraining requests and start jobs."""
    archive_every: Duration = timedelta(hours=1)
    """Make the archive's small files into one a window."""
    retention_every: Duration = timedelta(hours=1)
    """Remove what is older than `retention` says."""
    lag_every: Duration = timedelta(seconds=15)
    """Measure lag and watermark age."""
    lease: Duration = timedelta(seconds=60)
    """How long one process keeps the right to evaluate before another may take over."""


class HttpSection(Section):
    """Health, readiness, metrics, the retraining call-back, findings and alerts."""

    is_enabled: bool = Field(default=True, alias="enabled")
    """Whether to listen at all."""
    host: NonEmpty = "127.0.0.1"
    """Address to listen on; beyond loopback a `bearer_token` is required."""
    port: Annotated[int, Field(ge=0, le=65535, strict=True)] = 8484
    """Port to listen on (0: any free one)."""
    bearer_token: Secret | None = None
    """Token that clients send as `Authorization: Bearer ...` (health and readiness stay open)."""
    callback_secret: Secret | None = None
    """Key with which pipelines sign the retraining call-back (Standard Webhooks)."""
    public_url: HttpUrl | None = None
    """Address under which people reach this port: alerts link to reports there. Default: this machine, on loopback."""
    stalled_after: Duration = timedelta(seconds=60)
    """A role that has not moved for so long is reported as not alive."""

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def address(self) -> str | None:
        """Where links start; None when nobody could follow them."""
        if self.public_url is not None:
            return self.public_url
        is_known = self.is_enabled and self.is_loopback and self.port
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}" if is_known else None

    @model_validator(mode="after")
    def _open_ports_have_tokens(self) -> "HttpSection":
        if self.is_enabled and not self.is_loopback and self.bearer_token is None:
            raise wrong(
                f"{self.host} is reachable by other machines and `bearer_token` is missing",
                "set bearer_token: {env: NAME}, or listen on 127.0.0.1",
                key="host",
            )
        if self.is_enabled and not self.is_loopback and self.callback_secret is None:
            raise wrong(
                f"{self.host} is reachable by other machines and `callback_secret` is missing",
                "set callback_secret: {env: NAME}, or listen on 127.0.0.1",
                key="host",
            )
        return self


class RetentionSection(Section):
    """How long things are kept in the database."""

    records: Duration = timedelta(days=90)
    """Shares, predictions and ground truth (by event time); dead letters and alert events (by the wall clock)."""
    findings: Duration = timedelta(days=396)
    """Findings, transitions and evaluations, by the end of their window: the audit trail."""

    @model_validator(mode="after")
    def _findings_outlive_records(self) -> "RetentionSection":
        if self.findings < self.records:
            raise wrong(
                f"findings {in_one_unit(self.findings)} is shorter than records {in_one_unit(self.records)}",
                "a finding that is forgotten while its records are there would be judged again",
                key="findings",
            )
        return self


class LoggingSection(Section):
    """What the program says while it runs."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least urgent level that is written."""
    format: Literal["auto", "json", "console"] = "auto"
    """`auto` is `console` on a terminal and `json` elsewhere."""
    file: Path | None = None
    """Write to this file instead of standard error."""


class MonitorFile(Section):
    """monitor.yaml."""

    database: DatabaseSection = DatabaseSection()
    """Where everything is kept."""
    source: SourceSection
    """Where records come from."""
    truth_sources: Mapping[Name, SqlTruthSection] = {}
    """Tables of ground truth that are asked again and again, by name."""
    stream: StreamSection = StreamSection()
    """How the stream is folded and saved."""
    schedule: ScheduleSection = ScheduleSection()
    """How often the scheduler knocks."""
    http: HttpSection = HttpSection()
    """Health, metrics, call-back."""
    retraining: RetrainingSection = RetrainingSection()
    """Triggers and policies."""
    retention: RetentionSection = RetentionSection()
    """How long things are kept."""
    logging: LoggingSection = LoggingSection()
    """What the program says."""

    @model_validator(mode="after")
    def _somebody_listens(self) -> "MonitorFile":
        if isinstance(self.source, HttpSource) and not self.http.is_enabled:
            raise wrong("the http source needs the server of the section `http`", "set http.enabled: true", key="http")
        return self

    def secrets(self) -> list[tuple[tuple[str | int, ...], SecretRef]]:
        """Every secret that the file refers to, with its place."""
        return _secrets(self, ())


def _secrets(value: object, loc: tuple[str | int, ...]) -> list[tuple[tuple[str | int, ...], SecretRef]]:
    if isinstance(value, SecretRef):
        return [(loc, value)]
    if isinstance(value, Section):
        parts = [(key, getattr(value, key)) for key in type(value).model_fields]
        parts += list((value.model_extra or {}).items())
    elif isinstance(value, Mapping):
        parts = list(value.items())
    else:
        return []
    return [found for key, part in parts for found in _secrets(part, (*loc, key))]
