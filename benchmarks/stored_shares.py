"""Shares of models in memory, read as those of a database are."""

from collections.abc import Collection, Mapping, Sequence

from monitor.domain.models import ModelRef
from monitor.domain.stream import Share, ShareSpan


class StoredShares:
    """The shares of all models as a database would return them; the other reads are not asked for."""

    def __init__(self, shares: Mapping[ModelRef, list[Share]], baselines: Mapping[str, bytes]) -> None:
        self._shares, self._baselines = shares, baselines

    def shares(self, spans: Sequence[ShareSpan]) -> list[Share]:
        return [share for span in spans for share in self._shares[span.ref]]

    def timelines(self, models: Collection[str]) -> dict[str, list[tuple[str, int | None, str]]]:
        return {name: [("1", None, self._shares[ModelRef(name, "1")][0].key.baseline_id)] for name in models}

    def get(self, baseline_id: str) -> bytes:
        return self._baselines[baseline_id]
