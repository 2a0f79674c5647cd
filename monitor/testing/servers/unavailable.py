"""The one error of this folder."""


class ServerUnavailable(Exception):
    """A server cannot be had on this machine, or did not start; the message says what to do about it."""

    def __init__(self, server: str, problem: str, remedy: str) -> None:
        """Name the server ("real Kafka"), what is wrong, and what mends it."""
        super().__init__(f"{server}: {problem}. {remedy}")
        self.server = server
        self.problem = problem
        self.remedy = remedy
