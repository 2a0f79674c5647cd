"""The seeds that every test run tries. More, and others: `make sim`."""

import pytest

SEEDS = range(8)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", SEEDS)
