"""Why a server is not there: it cannot be had on this machine, or it was started and failed."""

from collections.abc import Sequence


class ServerUnavailable(Exception):
    """A server cannot be had on this machine; the message says what to install or change."""

    def __init__(self, server: str, problem: str, remedy: str) -> None:
        """Name the server ("real Kafka"), what is wrong, and what mends it."""
        super().__init__(f"{server}: {problem}. {remedy}")
        self.server = server
        self.problem = problem
        self.remedy = remedy


class ServerFailed(Exception):
    """A server that this machine has ended, or was not ready in time; the message holds its log's end."""

    def __init__(self, server: str, problem: str, log_lines: Sequence[str]) -> None:
        """Name the server, say what it did, and quote the last lines that it wrote."""
        super().__init__(f"{server} {problem}. Its log ends with:\n  " + "\n  ".join(log_lines))
        self.server = server
        self.problem = problem
