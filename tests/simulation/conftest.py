"""`--seed` replays one script of the simulation; without it a fixed set of seeds is run."""

import pytest

SEEDS = range(12)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=None, help="run the simulation with this seed alone")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        only = metafunc.config.getoption("--seed", default=None)
        metafunc.parametrize("seed", SEEDS if only is None else [only])
