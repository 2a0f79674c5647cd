"""SIGTERM and SIGINT as an event, for whatever runs until it is asked to stop."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stopping_on_signals(stop: threading.Event, tell: Callable[[str], None]) -> Iterator[None]:
    """SIGTERM and SIGINT set the event, and `tell` is given the signal's name. To be used from the main thread.

    A second signal ends the process at once: nothing is lost by that, it is only less polite.

    A handler runs between two lines of whatever the main thread is at, which may hold the lock of this very event
    (in `stop.wait`) or of the log. So it only leaves a note, in the one queue that promises to be safe for that
    (`queue.SimpleQueue.put` is reentrant), and a thread of its own does what takes locks.
    """
    noted = SimpleQueue[signal.Signals | None]()

    def note(number: int, _frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        noted.put(signal.Signals(number))

    def heed() -> None:
        if (heard := noted.get()) is not None:
            stop.set()
            tell(heard.name)

    thread = threading.Thread(target=heed, name="signals", daemon=True)
    thread.start()
    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        noted.put(None)
        thread.join()
