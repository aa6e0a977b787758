"""The minimum group rises with the settings, and falls with the steward's signature alone, for what is made afterwards."""

from dataclasses import replace

import pytest
import sealed_scan
import signing_in
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api.app import create_app
from ona.errors import ConflictError, ForbiddenError
from ona.rules import Rules
from pipelines import audit, publishing, scans
from pipelines.access import LOCAL_ANALYST, ReadableScan, Viewer
from pipelines.access.policy import look
from pipelines.access.rights import Role
from pipelines.publishing import Wanted, lower_minimum
from pipelines.schema import PUBLICATIONS, THRESHOLDS
from pipelines.settings import Settings
from pipelines.storage.workspace import open_workspace
from pipelines.thresholds import keep_minimum, minimum

HR, STEWARD = Viewer("h", Role.HR), Viewer("s", Role.STEWARD)


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    return sealed_scan.build(tmp_path_factory.mktemp("thresholds") / "home", people=35)


@pytest.fixture
def opened(company):
    """Open a company that signs in, with this minimum group in its settings."""
    settings = signing_in.company_settings(company.settings)
    yield lambda number: open_workspace(Settings(**settings.model_dump() | {"minimum_group": number}))
    with open_workspace(settings) as ws, ws.service.begin() as connection:
        connection.execute(sa.delete(THRESHOLDS))
        connection.execute(sa.delete(PUBLICATIONS).where(PUBLICATIONS.c.minimum_group > 5))
        connection.execute(sa.update(PUBLICATIONS).values(withdrawn=None))


@pytest.fixture
def kept(opened):
    """A company that has run with twelve, whose settings ask for eight now."""
    with opened(12) as ws:
        assert keep_minimum(ws) == 12
    with opened(8) as ws:
        yield ws


def test_a_lower_number_in_the_settings_waits_and_changes_nothing(kept):
    found = minimum(kept)
    assert (found.holds, found.wanted, found.waits) == (12, 8, True)
    assert keep_minimum(kept) == 12
    scan = ReadableScan(scans.open_scan(kept))
    assert look(kept, scan, HR).minimum == look(kept, scan, LOCAL_ANALYST).minimum == 12
    publishing.publish(kept, scan, LOCAL_ANALYST, Wanted())
    assert {one.minimum_group for one in publishing.publications(kept)} == {12}


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.STEWARD}))
def test_nobody_but_the_steward_signs(kept, role):
    with pytest.raises(ForbiddenError):
        lower_minimum(kept, Viewer("x", role), 8)
    assert minimum(kept).holds == 12


def test_whoever_only_looks_as_the_steward_signs_nothing(kept):
    with pytest.raises(ForbiddenError):
        lower_minimum(kept, replace(STEWARD, acting=True), 8)


@pytest.mark.parametrize("number", [1, 4, 5, 7, 9, 11, 12, 20])
def test_the_signature_is_for_what_the_settings_ask_for_and_nothing_else(kept, number):
    with pytest.raises(ConflictError):
        lower_minimum(kept, STEWARD, number)
    assert minimum(kept).holds == 12


def test_a_signature_lowers_it_once_for_later_scans_and_leaves_earlier_ones(kept, opened):
    scan = ReadableScan(scans.open_scan(kept))
    publishing.publish(kept, scan, LOCAL_ANALYST, Wanted())
    assert lower_minimum(kept, STEWARD, 8) == 8
    entry = audit.entries(kept, 1)[0].act
    assert (entry.actor, entry.role, entry.action, entry.object, entry.purpose) == ("s", "steward", "change_minimum", "8", "from 12")
    with pytest.raises(ConflictError):
        lower_minimum(kept, STEWARD, 8)
    assert look(kept, scan, HR).minimum == 12  # released before
    assert look(kept, scan, LOCAL_ANALYST).minimum == 8
    assert scans._minimum(kept, Rules()) == 8  # what the next scan is sealed with
    with opened(6) as ws:
        assert minimum(ws).waits  # each further step takes another signature
    with opened(9) as ws:
        assert keep_minimum(ws) == 9
    with opened(8) as ws:
        assert minimum(ws).holds == 9


def test_no_row_takes_it_under_five(kept):
    with kept.service.begin() as connection:
        connection.execute(sa.insert(THRESHOLDS).values(minimum_group=1, at=kept.now(), by="somebody"))
    assert minimum(kept).holds == 8
    with pytest.raises(ValueError, match="minimum_group"):
        Settings(**kept.settings.model_dump() | {"minimum_group": 4})


def test_alone_on_a_machine_the_settings_decide(company):
    for number in (12, 6):
        with open_workspace(company.settings.model_copy(update={"minimum_group": number})) as ws:
            assert (keep_minimum(ws), ws.service.rows(sa.select(THRESHOLDS))) == (number, [])


def test_the_steward_signs_on_the_page_and_over_the_api(kept):
    app = create_app(kept.settings)
    with TestClient(app, base_url=signing_in.BASE):
        ws = app.state.ws
        clients = {role: signing_in.come_in(app, signing_in.add_viewer(ws, role, role), role) for role in (Role.STEWARD, Role.ADMIN)}
        steward, place = clients[Role.STEWARD], "/api/v1/minimum-group"
        assert steward.get(place).json() == {"holds": 12, "wanted": 8, "waits": True}
        assert clients[Role.ADMIN].post(place, json={"minimum_group": 8}).status_code == 403
        for wrong, status in ((4, 422), (0, 422), (7, 409), ("8 ", 422)):
            assert steward.post(place, json={"minimum_group": wrong}).status_code == status, wrong
        assert "From 12 down to 8 people" in steward.get("/signatures").text
        answer = steward.post("/signatures/minimum-group", data={"minimum_group": "8"}, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/signatures#minimum-group")
        assert "The settings ask for nothing lower." in steward.get("/signatures").text
        assert steward.post(place, json={"minimum_group": 8}).status_code == 409
        assert steward.get("/api/v1/meta").json()["minimum_group"] == 8
