"""How much of its speed a pull keeps under the usual faults and outages, on the clock of the fake vendor."""

import pytest

from connectors.simulated.faults import Faults


@pytest.mark.soak
@pytest.mark.parametrize("what", ["mail", "calendar", "message_trace"])
def test_usual_outages_leave_three_fifths_of_the_speed(tenant, what):
    """Median over nine draws of 5 % faults and outages in a fifth of the time."""
    more, seconds = {"days": 9} if what == "message_trace" else {"group": None}, []
    for faults in (Faults(), *(Faults(share=0.05, bursts=0.2, seed=seed) for seed in range(9))):
        with tenant(faults) as acme:
            begun = acme.world.clock.now()
            acme.pull(what, **more)
            seconds.append(acme.world.clock.now() - begun)
    shares = sorted(seconds[0] / one for one in seconds[1:])
    assert shares[4] >= 0.6, shares
