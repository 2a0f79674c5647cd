"""The section `truth_sources` of monitor.yaml: tables of ground truth that are asked again and again."""

from datetime import timedelta
from typing import Literal

from pydantic import model_validator

from monitor.config.fields import Duration, Name, NonEmpty, Section, UrlOrSecret
from monitor.config.wrong import wrong


class TruthColumnsSection(Section):
    """Names of the columns, as the database has them. Polls follow `updated_at`: rows without it are never read."""

    id: NonEmpty
    """The `event_id` of the prediction; it also orders rows that were changed at the same time."""
    label: NonEmpty
    """What turned out to be true. A row whose label is NULL waits until it has one."""
    updated_at: NonEmpty
    """When the row was last changed: a time, a date, ISO text in UTC, seconds or milliseconds since the epoch."""
    time: NonEmpty | None = None
    """When the truth was known; without it, when the row was last changed."""
    annotator: NonEmpty | None = None
    """Who says so."""


class SqlTruthSection(Section):
    """A table or a query of a SQL database, which is only read."""

    kind: Literal["sql"]
    """Always `sql`."""
    model: Name
    """The model that its truth is about."""
    url: UrlOrSecret
    """SQLAlchemy URL (`postgresql://...`, `sqlite:///file`); one with a password only by reference."""
    table: NonEmpty | None = None
    """The table, with its schema before a point where it needs one."""
    query: NonEmpty | None = None
    """A SELECT that gives the columns, instead of a table."""
    columns: TruthColumnsSection
    """What its columns mean."""
    name: str = ""
    """The kind of truth, where a model has several (such as `reviewer`)."""
    every: Duration = timedelta(minutes=5)
    """How often it is asked."""
    look_back: Duration = timedelta(minutes=10)
    """How far before the newest row each poll reads again: rows that are committed late are found within this time."""
    timeout: Duration = timedelta(seconds=20)
    """A statement that lasts longer is cut."""

    @model_validator(mode="after")
    def _reads_one_thing(self) -> "SqlTruthSection":
        if (self.table is None) == (self.query is None):
            said = "`table` and `query` are both given" if self.table else "neither `table` nor `query` is given"
            raise wrong(
                said, "name the table, or write a SELECT that gives the columns", key="query" if self.table else ""
            )
        return self
