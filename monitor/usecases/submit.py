"""Take records that come by request: durable before the sender is told so."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from monitor.domain.errors import Backlogged, RecordRejected
from monitor.domain.ports import RecordLog
from monitor.domain.submission import Message, Receipt, Refusal, Submission, SubmissionKey
from monitor.domain.time import Clock, to_ms


@dataclass(frozen=True, slots=True)
class Submit:
    """Safe to call from several threads.

    `split` cuts a body into records (SubmissionRefused when it cannot); `identify` gives a record's id (RecordRejected
    when it is none). With more than `most_waiting` records in the log that are not folded yet, nothing more is taken.
    """

    log: RecordLog
    split: Callable[[Submission], Sequence[bytes]]
    identify: Callable[[bytes], bytes]
    clock: Clock
    most_waiting: int

    def __call__(self, submission: Submission) -> Receipt:
        """Keep the good records and say which are not; nothing is kept on any error, and all are safe to send again."""
        waiting = self.log.backlog()
        if waiting >= self.most_waiting:
            raise Backlogged(f"{waiting:,} records wait to be read, at most {self.most_waiting:,} may; try again later")
        values = self.split(submission)
        messages, refusals = self._sorted(values)
        if not messages:
            return Receipt.of(0, 0, refusals)
        return self.log.append(messages, refusals, _key(submission, values), to_ms(self.clock.now()))

    def _sorted(self, values: Sequence[bytes]) -> tuple[list[Message], list[Refusal]]:
        messages, refusals = list[Message](), list[Refusal]()
        for index, value in enumerate(values):
            try:
                messages.append(Message(self.identify(value), value))
            except RecordRejected as rejected:
                refusals.append(Refusal(index, rejected.reason, rejected.detail))
        return messages, refusals


def _key(submission: Submission, values: Sequence[bytes]) -> SubmissionKey | None:
    """The sender's key with a digest of the records as they were unpacked: packing again may give other bytes."""
    if submission.key is None:
        return None
    digest = blake2b(digest_size=16)
    for value in values:
        digest.update(len(value).to_bytes(8))
        digest.update(value)
    return SubmissionKey(submission.key, digest.digest())
