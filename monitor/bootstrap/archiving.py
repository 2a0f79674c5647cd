"""The archive's parts."""

from collections.abc import Callable

from monitor.adapters.archive.folder import ArchiveFolder
from monitor.adapters.archive.location import ArchiveLocation
from monitor.adapters.archive.rows import ArchivedColumns
from monitor.bootstrap.app import App
from monitor.domain.time import to_ms
from monitor.usecases.archive import Verified, compact, delete_foreign, forget, verify


def archive_location(app: App) -> ArchiveLocation:
    """Where raw rows are; ConfigError when there is no driver for it."""
    return ArchiveLocation(app.settings.monitor.stream.archive.directory)


def archived_columns(app: App) -> ArchivedColumns:
    """Kept rows, column by column; the place is opened when the first is read."""
    return ArchivedColumns(lambda: archive_location(app), app.stores.records)


def archive_hash_key(app: App) -> bytes:
    """The key of personal values' hashes; empty when none is configured, and then no model asks for one."""
    return (app.secret(app.settings.monitor.stream.archive.hash_key) or "").encode()


def verified_archive(app: App) -> Verified:
    """What is listed against what is there."""
    return verify(app.stores.archive, _folder(app), to_ms(app.clock.now()))


def without_foreign_files(app: App, found: Verified) -> int:
    """Delete what `verified_archive` called foreign; how many files."""
    return delete_foreign(_folder(app), found)


def archive_compaction(app: App) -> Callable[[], int]:
    """The knock that makes small files into one; nothing where no model keeps rows."""
    models = [model for model in app.settings.models.values() if model.archive is not None]
    return lambda: compact(app.stores.archive, _folder(app), models, app.stores.windows.progress()) if models else 0


def forget_archived(app: App, now_ms: int) -> int:
    """Delete files that are older than their model keeps them; how many."""
    if not app.stores.archive.models():
        return 0
    return forget(app.stores.archive, _folder(app), app.settings.models, app.settings.monitor.retention.records, now_ms)


def _folder(app: App) -> ArchiveFolder:
    return ArchiveFolder(archive_location(app))
