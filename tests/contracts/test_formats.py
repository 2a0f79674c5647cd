"""Every format passes the conformance kit, on its golden samples."""

from pathlib import Path

import pytest
import yaml

from monitor.adapters.formats.sample import read_sample
from monitor.bootstrap.formats import build_format
from monitor.bootstrap.plugins import format_kinds
from monitor.testing.formats import FormatConformance, FormatRig

GOLDEN = Path(__file__).parents[1] / "golden" / "formats"
KINDS = format_kinds()


def rig_of(name: str) -> FormatRig:
    """The format on the lines of its golden sample that are not refused there."""
    folder = GOLDEN / name
    options = folder / "options.yaml"
    its_format = build_format(name, yaml.safe_load(options.read_text()) if options.exists() else {}, options)
    sample = next(path for path in folder.iterdir() if path.stem == "sample")
    refused = {int(line.split(":")[0]) for line in (folder / "refused.txt").read_text().splitlines()}
    return FormatRig(KINDS[name], its_format, [message for line, message in read_sample(sample) if line not in refused])


ASKS_A_SERVER = {"schema-registry"}
"""Passes the kit in test_schema_registry.py."""


@pytest.mark.parametrize("rig", sorted(KINDS.keys() - ASKS_A_SERVER), indirect=True)
class TestFormats(FormatConformance):
    @pytest.fixture
    def rig(self, request: pytest.FixtureRequest) -> FormatRig:
        return rig_of(request.param)


@pytest.mark.parametrize("name", sorted(KINDS.keys() - ASKS_A_SERVER))
def test_no_other_format_recognises_its_messages(name: str) -> None:
    """Or `format: auto` would depend on the order in which formats are asked."""
    recognised = {kind.name for message in rig_of(name).samples for kind in KINDS.values() if kind.recognises(message)}

    assert recognised <= {name}
