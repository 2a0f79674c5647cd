"""Writing data sets to train on."""

from dataclasses import replace
from pathlib import Path

from monitor.adapters.archive.location import ArchiveLocation
from monitor.adapters.archive.training_set import ParquetTrainingSets
from monitor.bootstrap.app import App
from monitor.bootstrap.archiving import archive_location
from monitor.domain.errors import MonitorError
from monitor.domain.models import truth_name
from monitor.domain.retraining import Mode, RetrainPolicy, RetrainRequest
from monitor.usecases.export import ExportWish, export


def export_to(app: App, wish: ExportWish, place: str) -> dict[str, object]:
    """Write the data set below the place (folder or URL); its manifest."""
    sets = ParquetTrainingSets(archive_location(app), ArchiveLocation(place))
    model = app.settings.models.get(wish.model)
    wish = replace(wish, truth=truth_name(model.ground_truth)) if model else wish
    return export(wish, app.stores.records, app.stores.pairs, sets)


def training_set(app: App, request: RetrainRequest, policy: RetrainPolicy) -> dict[str, object]:
    """Where the job's data set is, with its rows and digest; what went wrong is said and stops no job.

    A dry run writes nothing and says where it would be.
    """
    wanted = policy.export
    if wanted is None:
        return {}
    place = f"{absolute(wanted.directory).rstrip('/')}/{request.model}/{request.key}"
    if policy.mode is Mode.DRY_RUN:
        return {"location": place}
    try:
        manifest = export_to(app, ExportWish(request.model, request.at - wanted.look_back, request.at), place)
    except MonitorError as error:
        return {"location": None, "why_not": str(error)}
    return {name: manifest[name] for name in ("location", "rows", "digest", "since", "until", "versions")}


def absolute(place: str) -> str:
    """A folder or file of this machine from its root on, since a pipeline works elsewhere; URLs as they are."""
    return place if "://" in place else str(Path(place).absolute())
