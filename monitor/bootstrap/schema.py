"""The JSON schema of all configuration files, routes included."""

import alerts.config
import alerts.plugins
from monitor.config.schema import schema_text


def whole_schema() -> str:
    """What stands in configs/schema.json."""
    return schema_text(alerts.config.routes_schema(alerts.plugins.discover()))
