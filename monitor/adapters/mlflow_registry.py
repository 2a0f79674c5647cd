"""Which version an alias of MLflow's model registry names, by its REST API."""

from monitor.adapters.triggers.rest import Answer, Rest, RestSettings
from monitor.domain.registry import ServingVersion

TRAINING_DATA_TAG = "driftline.training_data"
"""Tag of a model version: file or folder of its training data, as this program can read it."""

_ABSENT = "RESOURCE_DOES_NOT_EXIST"


class MlflowRegistry:
    """`GET /api/2.0/mlflow/registered-models/alias`; TriggerFailed when nobody can say now."""

    def __init__(self, url: str, token: str | None, allow: tuple[str, ...] = (), timeout_s: float = 15.0) -> None:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        settings = RestSettings(url=url, allow=allow, timeout_s=timeout_s)
        self._rest = Rest(settings, headers, [token or ""])

    def serving(self, name: str, alias: str) -> ServingVersion | None:
        """The version that the alias names; None when there is no such model or alias."""
        query = {"name": name, "alias": alias}
        answer = self._rest.call("GET", "/api/2.0/mlflow/registered-models/alias", query=query, known={400, 404})
        if answer.status >= 400:
            if answer.text("error_code") == _ABSENT:
                return None
            raise self._rest.refused(answer)
        version = answer.text("model_version", "version")
        return None if version is None else ServingVersion(version, _tags(answer).get(TRAINING_DATA_TAG))


def _tags(answer: Answer) -> dict[str, str]:
    tags = answer.get("model_version", "tags")
    found = tags if isinstance(tags, list) else []
    return {str(tag.get("key")): str(tag.get("value")) for tag in found if isinstance(tag, dict)}
