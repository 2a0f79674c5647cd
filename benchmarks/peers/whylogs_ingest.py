"""JSON messages to saved whylogs profiles, window by window. Has an environment of its own: imports nothing of ours.

Called with the file of messages, the rows of a window, the records of a poll and the database; prints CPU seconds.
With `-` for the database, profiles are only brought up to date.
"""

import gc
import sqlite3
import sys
import time
from pathlib import Path

import orjson
import pandas as pd
from whylogs.core import DatasetProfile


def main(messages: str, rows: str, polled: str, database: str) -> None:
    lines = Path(messages).read_bytes().splitlines()
    connection = sqlite3.connect(":memory:" if database == "-" else database)
    connection.execute("pragma journal_mode = wal")
    connection.execute("create table profiles (start integer, payload blob)")
    window, poll = int(rows), int(polled)
    DatasetProfile().track(pd.DataFrame(_rows(lines[:10])))  # what is loaded on first use is not measured
    gc.collect()
    gc.freeze()  # the messages at hand are not the program's to look through
    began = time.process_time()
    for start in range(0, len(lines), window):
        profile = DatasetProfile()
        for first in range(start, start + window, poll):
            profile.track(pd.DataFrame(_rows(lines[first : min(first + poll, start + window)])))
        if database == "-":
            continue
        with connection:
            connection.execute("insert into profiles values (?, ?)", (start, profile.view().serialize()))
    print(time.process_time() - began)


def _rows(lines: list[bytes]) -> list[dict[str, object]]:
    return [orjson.loads(line)["features"] for line in lines]


if __name__ == "__main__":
    main(*sys.argv[1:])
