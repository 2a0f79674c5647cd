"""When things happen in the demo, and why then.

The threshold is justified by the training rows: their own 7-day windows reach a PSI of 3.2 against the whole of
them (nswdemand; nswprice 2.8), because half-hours of a week are alike and seasons differ. The usual 0.25 would
be passed by some feature in every window, so `PSI_DRIFTED` lies above that natural variation. The dates of the
replay and of the retraining were set after the whole file had been looked at: a demonstration, not a benchmark.
"""

from datetime import UTC, datetime, timedelta

from monitor.shells.demo.dataset import CHANGE_AT, FIRST_HALF_HOUR

TRAINING_START = FIRST_HALF_HOUR
TRAINING_END = datetime(1997, 2, 1, tzinfo=UTC)
REPLAY_START = TRAINING_END
REPLAY_END = datetime(1997, 7, 7, tzinfo=UTC)
RETRAINING_SINCE = CHANGE_AT
RETRAINING_AT = datetime(1997, 6, 9, tzinfo=UTC)
"""Five whole weeks of the joined market with their ground truth (a day late): 1,680 rows to learn from."""

WINDOW_SIZE = timedelta(days=7)
"""Whole weeks: shorter windows see a different part of the week each time and drift in `day_of_week` for ever."""
WINDOW_STEP = timedelta(days=1)
PSI_WARNING = 1.0
PSI_DRIFTED = 3.5
DRIFTED_FEATURES_TO_ALERT = 3
AHEAD = WINDOW_SIZE + 3 * WINDOW_STEP
"""So far ahead of the verdicts the log may be: a window must end, be waited for, and be judged."""
