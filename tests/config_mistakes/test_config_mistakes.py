"""One YAML file a mistake: it replaces a file of the example configuration, and says what must be reported."""

import shutil
from pathlib import Path

import pytest

from monitor.bootstrap.formats import format_validators
from monitor.bootstrap.triggers import trigger_validators
from monitor.bootstrap.vocabulary import check_route_secrets, check_routes, vocabulary
from monitor.config.directory import check
from monitor.config.vocabulary import KnownColumn, Vocabulary
from monitor.domain.models import ColumnKind

MISTAKES = sorted(Path(__file__).parent.glob("*.yaml"))
EXAMPLE = Path(__file__).parents[2] / "configs"
REPLACES, SAYS = "# replaces: ", "# says: "

_CLOUDS = {name: one for name, one in trigger_validators().items() if name in {"sagemaker", "vertex"}}
KNOWN = Vocabulary(
    tests={
        "psi": frozenset({"pseudo_count"}),
        "error_rate": frozenset({"ok", "missing_is_ok"}),
        "lift": frozenset({"top"}),
        "estimated_accuracy": frozenset(),
        **dict.fromkeys(["mcc", "r2"], frozenset()),
    }
    | dict.fromkeys(["missing_rate", "accuracy", "impact_ratio", "latency_p95", "domain_classifier"], frozenset()),
    row_tests=frozenset({"domain_classifier"}),
    sources=frozenset({"kafka", "files", "memory"}),
    formats=format_validators(),
    triggers={"console": lambda _: (), "webhook": lambda _: (), "command": lambda _: ()} | _CLOUDS,
    metrics=frozenset({"accuracy", "lift"}),
    scales={name: vocabulary().scales[name] for name in ("accuracy", "estimated_accuracy", "lift", "mcc", "r2")},
    columns={
        "churn": {
            "amount": KnownColumn(frozenset({ColumnKind.NUMERIC})),
            "country": KnownColumn(frozenset({ColumnKind.CATEGORICAL}), frozenset({"DE", "FR"})),
            "prediction": KnownColumn(frozenset({ColumnKind.CATEGORICAL}), frozenset({"yes", "no"})),
        }
    },
    check_parameters=lambda name, given: "top must be above 0" if name == "lift" and not given.get("top", 1) else "",
    check_routes=check_routes,
    check_route_secrets=check_route_secrets,
)


def said(mistake: Path, folder: Path) -> list[str]:
    """What checking the example says when this file replaces one of its files; paths are relative to the folder."""
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
    replaced = folder / _header(mistake, REPLACES)[0]
    replaced.write_text(mistake.read_text(encoding="utf-8"), encoding="utf-8")
    found = check(folder, KNOWN, {}).mistakes
    errors = [f"error: {error}" for error in found.errors]
    warnings = [f"warning: {warning}" for warning in found.warnings]
    return [line.replace(f"{folder}/", "") for line in errors + warnings]


def _header(mistake: Path, key: str) -> list[str]:
    lines = mistake.read_text(encoding="utf-8").split("\n")
    return [line.removeprefix(key) for line in lines if line.startswith(key)]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda path: path.stem)
def test_each_mistake_is_reported_with_its_line_its_cause_and_a_hint(mistake: Path, tmp_path: Path) -> None:
    expected = _header(mistake, SAYS)

    reported = said(mistake, tmp_path)

    assert expected, "the file does not say what must be reported"
    assert reported == expected


def test_the_example_itself_has_no_mistake(tmp_path: Path) -> None:
    found = check(EXAMPLE, KNOWN, {})

    assert found.mistakes.errors == ()
    assert found.mistakes.warnings == ()
    assert found.settings is not None


def test_no_message_repeats_a_secret_that_was_written_into_a_file(tmp_path: Path) -> None:
    with_secret = [path for path in MISTAKES if "hunter2" in path.read_text(encoding="utf-8")]

    messages = [line for path in with_secret for line in said(path, tmp_path / path.stem)]

    assert len(messages) >= 3
    assert not [line for line in messages if "hunter2" in line]
