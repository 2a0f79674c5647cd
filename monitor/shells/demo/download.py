"""Fetch one pinned wheel with the package installer that is at hand, without installing it."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

from monitor.domain.errors import MonitorError

TIMEOUT_S = 600


class DownloadFailed(MonitorError):
    """No installer could fetch the wheel; the message holds what each of them said last."""


def download_pinned(project: str, version: str, sha256: str, folder: Path) -> Path:
    """Download the wheel of `project` == `version` whose SHA-256 is `sha256` into `folder`; its path.

    Runs `pip download` with whatever index, proxy and certificates pip is configured for: the pip of this
    environment, else one that uv runs, else one on the path. The wheel's own Python and platform tags are
    ignored because it is only read. Raises `DownloadFailed`.
    """
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{project}=={version} --hash=sha256:{sha256}\n", encoding="utf-8")
    reasons = []
    for installer in installers():
        reason = _run([*installer, *_download_arguments(requirements, folder)])
        wheel = next(folder.glob(f"{project.replace('-', '_')}-{version}-*.whl"), None)
        if not reason and wheel is not None:
            return wheel
        reasons.append(f"{' '.join(installer)}: {reason or 'no wheel was written'}")
    raise DownloadFailed("; ".join(reasons) or "neither pip nor uv was found")


def installers() -> list[list[str]]:
    """Commands that behave like `pip`, the best first; an environment made by uv has no pip of its own."""
    found = []
    if importlib.util.find_spec("pip"):
        found.append([sys.executable, "-m", "pip"])
    beside = Path(sys.executable).with_name("uv")
    if uv := str(beside) if beside.is_file() else shutil.which("uv"):
        found.append([uv, "tool", "run", "pip"])
    if pip := shutil.which("pip3"):
        found.append([pip])
    return found


def _download_arguments(requirements: Path, folder: Path) -> list[str]:
    return [
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary=:all:",
        "--python-version=3.7",
        "--platform=manylinux1_x86_64",
        "--require-hashes",
        f"--requirement={requirements}",
        f"--dest={folder}",
    ]


def _run(command: list[str]) -> str:
    """Empty when the command succeeded, else the last line of what it complained about."""
    try:
        done = subprocess.run(  # noqa: S603  every argument is a constant or a path of ours; no shell
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    lines = (done.stderr or done.stdout).strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"
