"""Stretches of equal length are added up together, each as it is alone."""

from itertools import pairwise

import numpy as np
import pytest

from monitor.stats.stretches import stacked


@pytest.mark.parametrize("seed", range(3))
def test_rows_are_added_up_as_their_stretches_alone_to_the_last_bit_whatever_their_length(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lengths = rng.permutation(np.arange(201).repeat(3))
    bounds = np.concatenate(([0], lengths.cumsum()))
    values, others = rng.normal(0, 1, (2, bounds[-1])) * rng.lognormal(0, 6, bounds[-1])
    sums, products = np.full((2, len(lengths)), np.nan)

    for which, places in stacked(bounds):
        sums[which] = np.add.reduce(values[places], axis=1)
        products[which] = np.vecdot(values[places], others[places])

    alone = [slice(*ends) for ends in pairwise(bounds.tolist())]
    assert sums.tolist() == [np.add.reduce(values[mine]) for mine in alone]
    assert products.tolist() == [values[mine] @ others[mine] for mine in alone]
