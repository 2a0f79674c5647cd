"""Which addresses a webhook may call, checked on the address that is connected to, not on a name looked up before."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass

import httpcore
import httpx

from alerts.errors import AlertsError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Not public in effect, though `is_global` lets them pass on some Python versions: each of them
# can carry a private IPv4 address inside, or reaches more than one machine.
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96", "::ffff:0:0/96", "fec0::/10")
)


class EgressRefused(AlertsError):
    """The address may not be called."""


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """Public addresses, and what the operator allows besides: networks and host names, exactly as written."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, allow: Iterable[str]) -> EgressPolicy:
        """Sort the operator's entries into networks (`10.0.0.0/8`, `127.0.0.1`) and host names."""
        networks: list[Network] = []
        hosts = set()
        for entry in allow:
            try:
                networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                hosts.add(entry.lower())
        return cls(tuple(networks), frozenset(hosts))

    def permits(self, host: str, address: Address) -> bool:
        """Whether `address`, one of those that `host` has, may be connected to.

        >>> import ipaddress
        >>> EgressPolicy().permits("metadata", ipaddress.ip_address("169.254.169.254"))
        False
        """
        if host.lower() in self.hosts or any(address in network for network in self.networks):
            return True
        if address.is_multicast or any(address in network for network in _NEVER):
            return False
        return address.is_global


class GuardedBackend(httpcore.NetworkBackend):
    """Resolves once, checks every answer, connects to a checked address; TLS still checks the name."""

    def __init__(self, policy: EgressPolicy) -> None:
        """Guard by this policy."""
        self._policy = policy
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers; raises EgressRefused if any address is not permitted."""
        addresses = self._resolve(host, port)
        for address in addresses:
            if not self._policy.permits(host, address):
                msg = f"{host} is at an address that webhooks may not call; the operator can list it under `allow`"
                raise EgressRefused(msg)
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
        """Refuse: a webhook is never a local socket."""
        msg = "webhooks may not call local sockets"
        raise EgressRefused(msg)

    @staticmethod
    def _resolve(host: str, port: int) -> list[Address]:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            msg = f"{host} cannot be resolved"
            raise httpcore.ConnectError(msg) from error
        found: dict[Address, None] = {}
        for *_, sockaddr in answers:
            with contextlib.suppress(ValueError):
                found[ipaddress.ip_address(str(sockaddr[0]).split("%")[0])] = None
        return list(found)


class GuardedTransport(httpx.HTTPTransport):
    """httpx's own transport over the guarded connections; no proxy from the environment."""

    def __init__(self, policy: EgressPolicy, tls: ssl.SSLContext | None = None) -> None:
        """Guard by this policy; `tls` replaces the default trust (tests, a company's own authority)."""
        super().__init__(trust_env=False)
        context = tls or httpx.create_ssl_context(trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=context, network_backend=GuardedBackend(policy), max_keepalive_connections=0
        )
