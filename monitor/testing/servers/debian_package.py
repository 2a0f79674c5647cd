"""Programs of Debian packages, downloaded and unpacked into a cache folder without root."""

import shutil
import subprocess
from pathlib import Path

from monitor.testing.servers.cache import cache_folder, locked
from monitor.testing.servers.unavailable import ServerUnavailable

_DEADLINE_S = 240


def unpacked(package: str, server: str) -> Path:
    """The folder with the files of a package, filled on first use; raises ServerUnavailable.

    It appears only when it is complete; test workers that come at the same time wait for the one that downloads.
    """
    home = cache_folder() / f"debian-{package}"
    files = home / "files"
    if files.is_dir():
        return files
    remedy = f"Install it (Debian: apt-get install {package}), or unpack its package into {files}"
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise ServerUnavailable(server, "it is not installed, and this system has no apt-get to fetch it with", remedy)
    home.mkdir(parents=True, exist_ok=True)
    with locked(home / "lock"):
        if not files.is_dir():
            _unpack(_downloaded(package, home, server, remedy), home / "files.partial")
            (home / "files.partial").rename(files)
    return files


def _downloaded(package: str, home: Path, server: str, remedy: str) -> Path:
    """The package file; the lists of packages are fetched into the cache where the system has none."""
    own_lists = _private_lists(home)
    tries = (
        ["apt-get", "download", package],
        ["apt-get", *own_lists, "update"],
        ["apt-get", *own_lists, "download", package],
    )
    said = ""
    for command in tries:
        outcome = subprocess.run(  # noqa: S603 - the commands are ours
            command, cwd=home, check=False, capture_output=True, text=True, timeout=_DEADLINE_S
        )
        said = outcome.stderr.strip() or said
        found = sorted(home.glob(f"{package}_*.deb"))
        if found:
            return found[-1]
    last = (said.splitlines() or ["it said nothing"])[-1]
    raise ServerUnavailable(server, f"apt-get could not download {package}: {last}", remedy)


def _private_lists(home: Path) -> list[str]:
    lists, archives = home / "lists", home / "archives"
    for folder in (lists, archives):
        (folder / "partial").mkdir(parents=True, exist_ok=True)
    return ["-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache={home}", "-o", "Debug::NoLocking=1"]


def _unpack(file: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(  # noqa: S603 - the command is ours
        ["dpkg-deb", "--extract", str(file), str(folder)],  # noqa: S607 - found on the path a moment ago
        check=True,
        timeout=_DEADLINE_S,
    )
    file.unlink()
