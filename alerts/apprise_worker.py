"""The process that sends one message by Apprise: `python -m alerts.apprise_worker`; nothing else imports this module.

Before Apprise is loaded, hooks of the interpreter itself are set, which nothing in the process can take away: every
connection of a Python socket is checked on its address, whichever library makes it and wherever a redirect leads, and
no program may be started. Apprise and what it depends on connect by such sockets; a library that is installed beside it
and connects in compiled code, as that for D-Bus, is not seen.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from typing import Any

from alerts.egress import EgressPolicy

_CONNECTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_TO_THIS_MACHINE = frozenset({"syslog.openlog", "syslog.syslog"})
_STARTS = frozenset({"subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"})


class Guard:
    """Refuses connections that the policy does not permit, and keeps why the first was refused."""

    def __init__(self, allow: Iterable[str]) -> None:
        """By the rules of every other channel: public addresses, and what is allowed besides."""
        self.refused = ""
        self._policy = EgressPolicy.of(allow)
        self._hosts: dict[str, set[str]] = {}
        self._resolve: Callable[..., Any] = socket.getaddrinfo

    def install(self) -> None:
        """Watch every connection of this process from now on."""
        socket.getaddrinfo = self._resolved
        sys.addaudithook(self._heard)

    def _resolved(self, host: str | bytes | None, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the original
        """Look up, and remember which names an address was looked up for: names can be allowed, too."""
        found = self._resolve(host, *args, **kwargs)
        name = host.decode(errors="replace") if isinstance(host, bytes) else str(host)
        for *_, address in found:
            self._hosts.setdefault(str(address[0]), set()).add(name)
        return found

    def _heard(self, event: str, args: tuple[Any, ...]) -> None:
        if event in _STARTS:
            self._refuse("Apprise may not start a program here: this service is none that can be used")
        if event in _TO_THIS_MACHINE:
            self._refuse("Apprise may not write to the log of this machine")
        if event in _CONNECTS and len(args) > 1:
            self._check(args[1])

    def _check(self, address: object) -> None:
        if address is None:
            return  # over a connection that was checked when it was made
        if not isinstance(address, tuple):
            self._refuse("Apprise may not call local sockets")
            return
        host = str(address[0])
        names = self._hosts.get(host, {host})
        for name in names:
            with suppress(ValueError):
                if self._policy.permits(name, ipaddress.ip_address(host.partition("%")[0])):
                    return
        said = min(names)
        self._refuse(f"{said} is at an address that may not be called; the operator can list it under `allow`")

    def _refuse(self, why: str) -> None:
        self.refused = self.refused or why
        raise PermissionError(why)


def main() -> None:
    """Answer one question."""
    asked = json.loads(sys.stdin.buffer.read())
    guard = Guard(asked["allow"])
    guard.install()
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):  # the answer must stay alone
        answer = _told(asked)
    print(json.dumps({"refused": guard.refused} if guard.refused else answer))  # noqa: T201 - this is the answer


def _told(asked: Mapping[str, Any]) -> dict[str, bool]:
    from apprise import Apprise, AppriseAsset, PersistentStoreMode  # noqa: PLC0415 - behind the guard, and an extra

    apprise = Apprise(asset=AppriseAsset(storage_mode=PersistentStoreMode.MEMORY, async_mode=False))
    if not apprise.add(asked["url"]):
        return {"unknown": True}
    return {
        "sent": bool(
            apprise.notify(
                title=asked["title"],
                body=asked["body"],
                notify_type=asked["kind"],
                body_format="text",
                interpret_escapes=False,
            )
        )
    }


if __name__ == "__main__":
    main()
