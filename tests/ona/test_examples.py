"""Worked examples of section 1 of the method that no other file holds."""

import numpy as np
import pytest

from ona.observation import multiplex_participation
from ona.scan import _recency


def test_weight_halves_with_every_half_life_of_age():
    """T1.7, half-life 28 days: ages 0, 28 and 84 days add up to 1 + .5 + .125; without one all weeks count the same."""
    weight = _recency(13, 28.0)
    assert weight[[12, 8, 0]].sum() == pytest.approx(1.625)
    assert _recency(13, None).tolist() == [1.0] * 13


def test_participation_in_three_channels_is_that_of_the_worked_example():
    """T1.12: (6, 2, 1) of three channels .7407; all in one channel 0, evenly 1."""
    found = multiplex_participation(np.array([[6.0, 2.0, 1.0], [9.0, 0.0, 0.0], [3.0, 3.0, 3.0]]))
    assert found == pytest.approx([0.7407, 0.0, 1.0], abs=5e-5)
