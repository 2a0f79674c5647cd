"""The search for weak segments, on the archive and the database."""

from monitor.bootstrap.app import App
from monitor.bootstrap.archiving import archived_columns
from monitor.usecases.find_segments import FindSegments


def find_segments(app: App) -> FindSegments:
    """The use case."""
    return FindSegments(archived_columns(app), app.stores.pairs, app.stores.baselines, app.stores.records)
