"""Run a script in a new world; what broke is the answer."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from tests.simulation.clean import CleanPass, compare_at_rest
from tests.simulation.fates import LawBroken
from tests.simulation.laws import Laws
from tests.simulation.product import on_stage
from tests.simulation.script import Script
from tests.simulation.world import World


def broken_law(script: Script) -> str | None:
    """The law that the script makes the product break, and after which line; None when all hold to the end."""
    with _folders() as folder:
        world = World(folder / "world")
        with on_stage(world.fates, world.disk), structlog.testing.capture_logs():
            return _play(world, script, folder)


def _play(world: World, script: Script, folder: Path) -> str | None:
    laws, clean = Laws(world), CleanPass(world, folder / "clean")
    world.judged = clean.follow
    line = "the start"
    try:
        for number, action in enumerate(script, 1):
            line = f"line {number}, {action}"
            world.act(action)
            laws.check()
        line = "the end"
        world.come_to_rest()
        laws.check_at_rest()
        compare_at_rest(world, folder / "whole")
    except LawBroken as broken:
        return f"after {line}: {broken}"
    except Exception as error:  # noqa: BLE001 - nothing may escape the product's processes but what they say they raise
        return f"after {line}: {type(error).__name__}: {error}"
    return None


@contextmanager
def _folders() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="simulation-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
