"""The HTTP server: Litestar's application, served by uvicorn in a thread of its own."""

import socket
import threading
import time
from typing import Any

import structlog
import uvicorn
from litestar import Litestar, Request
from litestar.exceptions import HTTPException

from monitor.domain.errors import ConfigError, MonitorError
from monitor.shells.api.alerts import alerts_routes
from monitor.shells.api.findings import findings_routes
from monitor.shells.api.health import health_routes
from monitor.shells.api.holds import holds_routes
from monitor.shells.api.incidents import incidents_routes
from monitor.shells.api.parts import ApiParts
from monitor.shells.api.problems import Problem, on_any_error, on_http_error, on_monitor_error
from monitor.shells.api.records import records_routes
from monitor.shells.api.registry import registry_routes
from monitor.shells.api.reports import report_routes
from monitor.shells.api.retraining import retraining_routes
from monitor.shells.api.slack import slack_routes

_START_S, _STOP_S = 10.0, 5.0
_MAX_BODY_BYTES = 64 * 1024
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

log = structlog.stdlib.get_logger("driftline")


def application(parts: ApiParts) -> Litestar:
    """Every route; errors as problem details."""
    return Litestar(
        route_handlers=[
            *health_routes(parts),
            *findings_routes(parts),
            *alerts_routes(parts),
            *(incidents_routes(parts, parts.incidents) if parts.incidents else ()),
            *(retraining_routes(parts, parts.jobs) if parts.jobs else ()),
            *(holds_routes(parts, parts.holds) if parts.holds else ()),
            *(registry_routes(parts.registry) if parts.registry else ()),
            *(slack_routes(parts.slack) if parts.slack else ()),
            *records_routes(parts),
            *report_routes(parts),
        ],
        exception_handlers={HTTPException: on_http_error, MonitorError: on_monitor_error, Exception: on_any_error},
        before_request=_refuse_other_hosts if parts.is_loopback else None,
        request_max_body_size=_MAX_BODY_BYTES,
        openapi_config=None,
        logging_config=None,
    )


def _refuse_other_hosts(request: "Request[Any, Any, Any]") -> None:
    """A page of another site whose name leads to this machine would send that name."""
    if request.base_url.hostname not in _LOOPBACK_NAMES:
        raise Problem("this server answers requests to localhost only", status_code=403)


class Server:
    """Listens from `start` to `stop`. The socket is bound in the calling thread, so a port in use is said at once."""

    def __init__(self, parts: ApiParts, host: str, port: int) -> None:
        config = uvicorn.Config(application(parts), log_config=None, access_log=False, timeout_graceful_shutdown=2)
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._socket = socket.create_server((host, port), family=family)
        except OSError as error:
            raise ConfigError(
                f"cannot listen on {host} port {port}: {error.strerror}", hint="choose another http.port, or 0"
            ) from error
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="http", daemon=True
        )

    @property
    def port(self) -> int:
        """The port that is really listened on."""
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Serve; returns when requests are answered."""
        self._thread.start()
        end = time.monotonic() + _START_S
        while not self._server.started and self._thread.is_alive() and time.monotonic() < end:
            time.sleep(0.01)
        log.info("http_listening", address="{}:{}".format(*self._socket.getsockname()[:2]))

    def stop(self) -> None:
        """Finish the requests under way and close the port."""
        self._server.should_exit = True
        self._thread.join(_STOP_S)
        self._socket.close()
