"""HTTP to addresses that the operator allows, checked on the address that is connected to, not on a name before.

The alerts package guards its webhooks the same way and shares nothing with this one: two small guards are cheaper than
a third package that both depend on.
"""

import contextlib
import functools
import ipaddress
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass

import httpcore
import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96", "::ffff:0:0/96", "fec0::/10")
)
"""Addresses that can carry a private IPv4 address inside, though some Python versions call them global."""


class AddressRefused(Exception):
    """The operator does not allow this address."""


@dataclass(frozen=True, slots=True)
class AllowList:
    """Public addresses, and besides them what the operator names: networks, and host names exactly as written."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, entries: Iterable[str]) -> "AllowList":
        """Sort entries into networks (`10.0.0.0/8`, `127.0.0.1`) and host names."""
        networks: list[Network] = []
        hosts = set()
        for entry in entries:
            try:
                networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                hosts.add(entry.lower())
        return cls(tuple(networks), frozenset(hosts))

    def permits(self, host: str, address: Address) -> bool:
        """Whether `address`, one of those that `host` has, may be connected to; loopback and private ones if listed.

        >>> AllowList().permits("localhost", ipaddress.ip_address("127.0.0.1"))
        False
        >>> AllowList.of(["127.0.0.0/8"]).permits("localhost", ipaddress.ip_address("127.0.0.1"))
        True
        """
        if host.lower() in self.hosts or any(address in network for network in self.networks):
            return True
        return address.is_global and not address.is_multicast and not any(address in network for network in _NEVER)


class GuardedBackend(httpcore.NetworkBackend):
    """Resolves a name once and connects to what it checked; TLS still verifies the name."""

    def __init__(self, allowed: AllowList) -> None:
        self._allowed = allowed
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers; AddressRefused when one of them is not allowed."""
        addresses = _resolve(host, port)
        for address in addresses:
            if not self._allowed.permits(host, address):
                raise AddressRefused(f"{host} is at {address}, which is not public: list it under `allow` to call it")
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                return self._inner.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - the signature is httpcore's
        timeout: float | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Refuse: a pipeline is never a local socket."""
        raise AddressRefused("local sockets are not called")


def guarded_client(allowed: AllowList, timeout_s: float) -> httpx.Client:
    """A client that follows no redirect, uses no proxy of the environment and keeps no connection."""
    context = _trust()
    transport = httpx.HTTPTransport(verify=context, trust_env=False)
    transport._pool = httpcore.ConnectionPool(  # noqa: SLF001 - httpx has no public way to set the network backend
        ssl_context=context,
        network_backend=GuardedBackend(allowed),
        max_keepalive_connections=0,
    )
    return httpx.Client(transport=transport, timeout=timeout_s, follow_redirects=False, trust_env=False)


@functools.cache
def _trust() -> ssl.SSLContext:
    """The certificates that are trusted, read once: that takes longer than most exchanges do."""
    return httpx.create_ssl_context(trust_env=False)


def _resolve(host: str, port: int) -> list[Address]:
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(f"{host} cannot be resolved") from error
    found: dict[Address, None] = {}
    for *_, address in answers:
        with contextlib.suppress(ValueError):
            found[ipaddress.ip_address(str(address[0]).split("%")[0])] = None
    return list(found)
