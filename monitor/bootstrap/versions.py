"""The comparison of versions on the same traffic."""

from monitor.adapters.archive.members import ArchivedSegments
from monitor.bootstrap.app import App
from monitor.bootstrap.archiving import archive_location
from monitor.usecases.compare_candidate import CompareCandidate
from monitor.usecases.compare_versions import CompareVersions


def build_compare_versions(app: App) -> CompareVersions:
    """The use case on the database."""
    segments = ArchivedSegments(lambda: archive_location(app), app.stores.records)
    return CompareVersions(app.stores.pairs, CompareCandidate(app.metrics), segments)
