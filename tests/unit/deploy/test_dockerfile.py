"""The Dockerfile, as far as it can be judged without an engine."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def instructions() -> list[tuple[str, str]]:
    """(instruction, arguments) with comments gone and continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()
    return [(word.upper(), rest.strip()) for word, _, rest in (line.partition(" ") for line in joined)]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for word, rest in instructions():
        if word == "FROM":
            found.append([])
        if found:
            found[-1].append((word, rest))
    return found


def arguments(word: str, stage: list[tuple[str, str]]) -> list[str]:
    return [rest for name, rest in stage if name == word]


def test_the_base_image_is_pinned_to_a_patch_release_that_the_program_supports() -> None:
    default = arguments("ARG", instructions()[:1])[0]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    found = re.fullmatch(r"PYTHON_IMAGE=python:(3\.\d+)\.\d+-slim-[a-z]+", default)

    assert found is not None
    assert f"Programming Language :: Python :: {found[1]}" in project["classifiers"]


def test_everything_installed_is_checked_against_a_hash_and_nothing_is_compiled() -> None:
    installs = [
        step.strip()
        for stage in stages()
        for run in arguments("RUN", stage)
        for step in run.split("&&")
        if "pip install" in step
    ]

    assert len(installs) == 3
    for step in installs:
        words = set(shlex.split(step))
        assert {"--require-hashes", "--no-deps", "--only-binary=:all:"} <= words or {"--no-index", "."} <= words, step
    assert "pip check" in (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize("lock", ["requirements.lock", ".docker/build-requirements.lock"])
def test_every_line_of_the_lock_files_is_pinned_and_hashed(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    entries = [entry for entry in re.split(r"\n(?=[a-z0-9])", re.sub(r"(?m)^#.*\n", "", text)) if entry.strip()]

    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+==\S+", entry), entry[:60]
        assert "--hash=sha256:" in entry, entry[:60]


def test_the_build_tool_that_is_pinned_satisfies_pyproject() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    pinned = re.search(r"^setuptools==(\d+)", (ROOT / ".docker/build-requirements.lock").read_text(), re.MULTILINE)

    assert pinned is not None
    assert wanted == ["setuptools>=77"]
    assert int(pinned[1]) >= 77


def test_the_last_stage_runs_as_a_fixed_uid_without_root_and_without_the_build() -> None:
    build, final = stages()

    assert arguments("USER", final) == ["10001:10001"]
    assert "--uid 10001 --gid 10001" in arguments("RUN", final)[0]
    assert not any("pip" in run or "apt-get" in run for run in arguments("RUN", final))
    assert arguments("COPY", final) == ["--from=build /opt/driftline /opt/driftline"]
    assert arguments("USER", build) == []


def test_the_command_the_volume_and_the_health_check_are_those_of_the_program() -> None:
    final = stages()[-1]

    assert arguments("ENTRYPOINT", final) == ['["driftline"]']
    assert arguments("VOLUME", final) == ["/data"]
    assert "http://127.0.0.1:8484/healthz" in arguments("HEALTHCHECK", final)[0]
    assert arguments("EXPOSE", final) == ["8484"]
    assert "org.opencontainers.image.licenses" in arguments("LABEL", final)[0]


def test_what_is_copied_exists_and_passes_dockerignore() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = {path for each in arguments("COPY", stages()[0]) for path in each.split()[:-1]}

    assert lines[1] == "*"
    assert copied == allowed
    assert all((ROOT / path).exists() for path in copied)
