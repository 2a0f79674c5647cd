"""Audits of fairness, on the archive and the database."""

from monitor.bootstrap.app import App
from monitor.bootstrap.archiving import archived_columns
from monitor.usecases.audit_fairness import AuditFairness


def audit_fairness(app: App) -> AuditFairness:
    """The use case."""
    stores = app.stores
    return AuditFairness(archived_columns(app), stores.records, stores.pairs, stores.evaluations)
