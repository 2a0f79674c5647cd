"""The JSON schema of the configuration files, for editors."""

import json
from collections.abc import Mapping

from pydantic.json_schema import models_json_schema

from monitor.config.model_file import ModelFile
from monitor.config.monitor_file import MonitorFile
from monitor.config.rule_test_file import RuleTestFile
from monitor.config.rules_file import RulesFile


def json_schema(routes: Mapping[str, object] | None = None) -> dict[str, object]:
    """One schema that fits every file of the folder: each file matches exactly one of its variants.

    `routes` is the schema of routes.yaml, which belongs to the alerts package.
    """
    shapes = (MonitorFile, ModelFile, RulesFile, RuleTestFile)
    _, schema = models_json_schema([(shape, "validation") for shape in shapes], by_alias=True)
    definitions: dict[str, object] = dict(schema["$defs"])
    variants = [{"$ref": f"#/$defs/{shape.__name__}"} for shape in shapes]
    if routes is not None:
        routes = json.loads(json.dumps(routes).replace("#/$defs/", "#/$defs/RoutesFile/$defs/"))
        definitions["RoutesFile"] = dict(routes)
        variants.append({"$ref": "#/$defs/RoutesFile"})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Driftline configuration",
        "description": "monitor.yaml, models/*, rules/*, tests/*.yaml and routes.yaml. Generated; do not edit.",
        "anyOf": variants,
        "$defs": definitions,
    }


def schema_text(routes: Mapping[str, object] | None = None) -> str:
    """The schema as it stands in configs/schema.json."""
    return json.dumps(json_schema(routes), indent=2, sort_keys=True) + "\n"
