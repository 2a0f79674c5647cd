"""Free ports on loopback, chosen so that they stay free while a server is down."""

import os
import socket
from itertools import count

LOOPBACK = "127.0.0.1"

# Below the range from which systems take the ports of outgoing connections (32768 on Linux, 49152 on
# macOS). A port from that range may be taken by any client while our server restarts, and a client that
# keeps reconnecting to it can even be connected to itself.
_FIRST_PORT = 20_000
_PORTS = 12_000
_attempts = count()


def free_port() -> int:
    """A TCP port on loopback that nothing listens on; never the same twice in one process.

    Processes start at different places of the range, so that test workers rarely try the same port.
    """
    for attempt in _attempts:
        port = _FIRST_PORT + (os.getpid() * 61 + attempt) % _PORTS
        if _is_free(port):
            return port
        if attempt > 2 * _PORTS:
            break
    raise OSError(f"no free port on {LOOPBACK} from {_FIRST_PORT} to {_FIRST_PORT + _PORTS - 1}")


def accepts_connections(port: int) -> bool:
    """Whether something listens on this loopback port now."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # A server sets it as well: connections of the last run in TIME_WAIT do not make a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
