"""Indicators that are read off whole windows."""

import numpy as np
import pytest

from ona.observation import multiplex_participation


def test_contact_over_three_channels_is_spread_as_worked_by_hand():
    found = multiplex_participation(np.array([[6.0, 2, 1], [1, 1, 1], [5, 0, 0], [0, 0, 0]]))
    assert found[:3] == pytest.approx([0.7407, 1, 0], abs=5e-5)  # T1.12
    assert np.isnan(found[3])


def test_one_channel_says_nothing_about_spread():
    assert np.isnan(multiplex_participation(np.array([[6.0], [2.0]]))).all()
