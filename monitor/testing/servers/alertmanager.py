"""A real Alertmanager, and Prometheus' promtool: what our telling and our rules are compared with."""

import os
import shutil
import signal
from pathlib import Path

from monitor.testing.servers.cache import cache_folder, locked
from monitor.testing.servers.debian_package import unpacked
from monitor.testing.servers.local_server import LocalServer
from monitor.testing.servers.ports import LOOPBACK, accepts_connections
from monitor.testing.servers.process import Launch, ServerProcess

SERVER = "real Alertmanager"

# Debian's program reads its templates from this folder. The unpacked copy reads them from the folder it is started
# in: a path of the same length, since it stands in the middle of the program.
_SHARE = b"/usr/share/prometheus/alertmanager"
_HERE = b"." + b"templates".rjust(len(_SHARE) - 1, b"/")


def find_alertmanager() -> Path:
    """The program: installed, else Debian's in the cache; raises ServerUnavailable."""
    installed = shutil.which("alertmanager") or shutil.which("prometheus-alertmanager")
    return Path(installed) if installed else _movable(unpacked("prometheus-alertmanager", SERVER))


def find_promtool() -> Path:
    """The program: installed, else Debian's in the cache; raises ServerUnavailable."""
    installed = shutil.which("promtool")
    return Path(installed) if installed else unpacked("prometheus", "promtool of Prometheus") / "usr/bin/promtool"


class Alertmanager(LocalServer):
    """One Alertmanager without peers, on a free loopback port, with the configuration it is given (YAML)."""

    name = "alertmanager"
    polite = signal.SIGTERM
    ready_within_s = 30.0

    def __init__(self, configuration: str) -> None:
        """Start with this configuration."""
        super().__init__()
        self._configuration = configuration

    @property
    def url(self) -> str:
        """Where its API is."""
        return f"http://{LOOPBACK}:{self._port}"

    def _launch(self, folder: Path) -> ServerProcess:
        program = find_alertmanager()
        (folder / "alertmanager.yml").write_text(self._configuration)
        templates = program.parent / "templates"
        if templates.is_dir() and not (folder / "templates").exists():
            (folder / "templates").symlink_to(templates)
        options = {
            "config.file": str(folder / "alertmanager.yml"),
            "storage.path": str(folder / "data"),
            "cluster.listen-address": "",
            "web.listen-address": f"{LOOPBACK}:{self._port}",
            "log.level": "warn",
        }
        launch = Launch(
            server=SERVER,
            command=[str(program), *(f"--{name}={value}" for name, value in options.items())],
            directory=folder,
            log=folder / "server.log",
            environment={"PATH": os.environ.get("PATH", ""), "HOME": str(folder)},
            delete_when_orphaned=folder if self._owns_folder else None,
        )
        return ServerProcess(launch)

    def _serves(self) -> bool:
        return accepts_connections(self._port)


def _movable(files: Path) -> Path:
    """A copy that finds its templates beside itself."""
    home = cache_folder() / "alertmanager"
    program = home / "alertmanager"
    home.mkdir(parents=True, exist_ok=True)
    with locked(home / "lock"):
        if not program.is_file():
            shutil.copytree(files / "usr/share/prometheus/alertmanager", home / "templates", dirs_exist_ok=True)
            content = (files / "usr/bin/prometheus-alertmanager").read_bytes().replace(_SHARE, _HERE)
            partial = home / "alertmanager.partial"
            partial.write_bytes(content)
            partial.chmod(0o755)
            partial.rename(program)
    return program
