"""What a trigger tells the pipeline: the request as JSON-able data, the same for every kind."""

from collections.abc import Mapping

from monitor.domain.retraining import RetrainRequest
from monitor.domain.time import format_instant


def request_content(request: RetrainRequest, parameters: Mapping[str, object]) -> dict[str, object]:
    """The request's words; `key` identifies the job and comes back in the call-back.

    `requested_by` is the person who asked, null where the rule did.
    """
    return {
        "key": request.key,
        "model": request.model,
        "version": request.version,
        "rule": request.rule,
        "at": format_instant(request.at),
        "why": request.why,
        "requested_by": request.by or None,
        "parameters": dict(parameters),
    }
