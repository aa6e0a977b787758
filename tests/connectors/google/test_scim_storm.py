"""SCIM over a real socket under a storm of faults: the same people, never above the limit, nothing private."""

import pytest

from connectors.simulated.faults import Faults
from connectors.simulated.identities import CANARY
from connectors.simulated.vendors.scim import Scim

STORM = {"share": 0.2, "bursts": 0.2, "mangled": 0.3}


@pytest.mark.parametrize("cursors", [False, True], ids=["by_number", "by_cursor"])
def test_a_storm_of_faults_changes_nobody(workspace, caplog, cursors):
    with workspace(people=Scim(page=5, cursors=cursors)) as acme:
        calm = acme.pull("scim")
    with workspace(Faults(**STORM, seed=11), people=Scim(page=5, cursors=cursors)) as acme:
        stormy = acme.pull("scim")
        assert acme.world.faults.drawn > 2
        assert acme.world.refused == {}
    assert set(stormy.people) == set(calm.people)
    assert len(calm.people) > 40
    assert stormy.coverage.balanced
    assert CANARY not in caplog.text + str([[getattr(one, name) for name in one.__dataclass_fields__] for one in stormy.people])


def test_records_that_come_twice_push_nobody_out_of_a_list_by_number(workspace):
    with workspace(people=Scim(page=5)) as acme:
        calm = acme.pull("scim")
    with workspace(Faults(mangled=1.0), people=Scim(page=5)) as acme:
        mangled = acme.pull("scim")
    assert set(mangled.people) == set(calm.people)
    assert "list_changed_while_read" not in mangled.coverage.notes
