"""What this program adds to digests: how often the rules were right, and the models of which nothing came."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from alerts.digests import Period
from alerts.incident_book import IncidentBook
from alerts.incidents import marks_by
from alerts.ports import DigestPart
from alerts.render.digest import table
from alerts.render.document import Table
from monitor.adapters.sql.engine import reading
from monitor.bootstrap.app import App
from monitor.bootstrap.incidents import LOOK_BACK, RULE_LABEL
from monitor.domain.models import MonitoredModel
from monitor.domain.ports import AccountReads
from monitor.domain.time import Clock, to_ms
from monitor.rules.job_events import is_of_a_rule
from monitor.stats.proportions import wilson

Accepts = Callable[[Mapping[str, str]], bool]


def digest_parts(app: App) -> tuple[DigestPart, ...]:
    """All of them."""
    return Precision(app.engine, app.clock), Silent(app.settings.models, app.stores.accounts)


@dataclass(frozen=True, slots=True)
class Precision:
    """How many incidents of each rule were real problems, of those of a year that somebody marked."""

    engine: sa.Engine
    clock: Clock

    def __call__(self, period: Period, accepts: Accepts) -> Sequence[Table]:
        """One table, of the rules that are known by an alert that is accepted."""
        book = IncidentBook(lambda: reading(self.engine), self.clock)
        cases = [
            case for case in book.since(period.until - LOOK_BACK) if any(accepts(one.labels) for one in case.alerts)
        ]
        rows = []
        for rule, of in marks_by(cases, RULE_LABEL, is_of_a_rule).items():
            marked = of.confirmed + of.false_positives
            low, high = wilson(of.confirmed, marked) if marked else (0.0, 1.0)
            share = f"{of.confirmed / marked:.2f} ({low:.2f} to {high:.2f})" if marked else "nothing is marked"
            rows.append((rule, str(of.confirmed), str(of.false_positives), str(of.unmarked), share))
        columns = ("rule", "real", "not a problem", "unmarked", "precision")
        title = "Precision of the rules, last 12 months (alerts about retraining jobs left out)"
        return [table(title, columns, rows, "No incidents.")]


@dataclass(frozen=True, slots=True)
class Silent:
    """The models of which no record of the period was counted, by the event time of their records."""

    models: Mapping[str, MonitoredModel]
    accounts: AccountReads = field(repr=False)

    def __call__(self, period: Period, accepts: Accepts) -> Sequence[Table]:
        """One table; a model is known by its name and its own labels."""
        rows = [
            (name,)
            for name, model in sorted(self.models.items())
            if accepts({**model.labels, "model": name}) and not self._has_any(name, period)
        ]
        return [table("Models without data", ("model",), rows, "Every model had data.")]

    def _has_any(self, name: str, period: Period) -> bool:
        since_ms, until_ms = to_ms(period.since), to_ms(period.until)
        return any(pane.counted for pane in self.accounts.accounts(name, since_ms, until_ms))
