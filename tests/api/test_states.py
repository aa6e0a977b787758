"""An old scan says so on its pages, late data is said, and whoever finds nothing or a closed door is told what to do."""

import re
from datetime import date, datetime, timedelta

import pytest
import sealed_scan
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api.app import create_app
from api.auth import COOKIE
from pipelines.access import LOCAL_ANALYST, list_scans
from pipelines.access.rights import Role
from pipelines.access.sessions import LOCAL, open_session, view_as
from pipelines.dates import months_between
from pipelines.schema import STALE
from pipelines.storage.service import put

BASE = "http://127.0.0.1:8765"

END = datetime(2026, 9, 28)
"""First day after the window of the company's scan."""


@pytest.fixture(scope="module")
def apart(tmp_path_factory):
    """A served company of these tests' own: its clock is moved, and sessions end by that."""
    app = create_app(sealed_scan.build(tmp_path_factory.mktemp("old") / "home").settings)
    with TestClient(app, base_url=BASE):
        yield app


@pytest.fixture
def on(apart):
    """Sign in on a day."""
    ws = apart.state.ws
    real = ws.now

    def come(day: datetime) -> TestClient:
        object.__setattr__(ws, "now", lambda: day)
        apart.state.guests.forget_all()
        client = TestClient(apart, base_url=BASE, raise_server_exceptions=False)
        client.cookies.set(COOKIE, open_session(ws, LOCAL, Role.ANALYST))
        return client

    yield come
    object.__setattr__(ws, "now", real)


@pytest.mark.parametrize(
    ("day", "stale"),
    [(datetime(2026, 12, 28), False), (datetime(2027, 1, 27), False), (datetime(2027, 1, 28), True), (datetime(2027, 9, 28), True)],
)
def test_a_scan_is_old_a_quarter_and_a_month_after_its_end(on, apart, day, stale):
    on(day)
    assert [one.stale for one in list_scans(apart.state.ws, LOCAL_ANALYST)] == [stale]


def test_months_are_whole_ones():
    assert months_between(date(2026, 9, 28), date(2027, 1, 27)) == 3
    assert months_between(date(2026, 9, 28), date(2027, 1, 28)) == 4
    assert months_between(date(2026, 8, 31), date(2026, 9, 30)) == 1


def test_every_page_of_an_old_scan_says_how_old_it_is(on):
    old = on(END + timedelta(days=155))
    for path in (
        "/overview",
        "/people",
        "/teams",
        "/teams/company",
        "/map",
        "/company",
        "/quality",
        "/publish",
        "/skill-units",
        "/exports",
    ):
        page = old.get(path)
        assert page.status_code == 200, path
        assert "5 months old" in page.text, path
    assert "months old" not in old.get("/help").text
    assert "the next scan is due" in old.get("/scans").text
    assert old.get("/api/v1/scans").json()["scans"][0]["stale"] is True
    assert "5 Monate alt" in old.get("/overview?lang=de").text


def test_a_fresh_scan_says_nothing_of_its_age(on):
    assert "months old" not in on(END + timedelta(days=30)).get("/overview").text


def test_late_contacts_of_a_week_of_the_scan_are_said_and_those_of_other_weeks_are_not(on, apart):
    ws, client = apart.state.ws, on(END)
    rows = [{"table": "events", "part": part, "late": late} for part, late in (("2026-W30", 7), ("2026-W20", 9), ("2026-W31", 0))]
    with ws.service.begin() as connection:
        put(connection, STALE, rows)
    ws.memory.clear()
    try:
        assert client.get("/api/v1/scans").json()["scans"][0]["late_weeks"] == 1
        assert "arrived too late to be counted" in client.get("/overview").text
    finally:
        with ws.service.begin() as connection:
            connection.execute(sa.delete(STALE))
        ws.memory.clear()


def test_a_list_that_filters_emptied_names_the_filter_that_removed_most(on):
    client = on(END)
    pages = [client.get(f"/people?hidden=true&team={team}").text for team in range(1, 9)]
    emptied = [page for page in pages if "Nobody is left under these filters" in page]
    assert len(emptied) > 3
    assert all(
        "“Beyond the org chart” removes most" in page for page in emptied
    )  # two people of the company are so marked, eight are in a team
    assert "normal answer" not in emptied[0]


def test_who_waits_for_the_first_scan_is_told_when_it_is_planned_and_who_runs_it_what_to_do(tmp_path):
    with_nothing = sealed_scan.build(tmp_path / "home", people=21)
    app = create_app(with_nothing.settings)
    with TestClient(app, base_url=BASE):
        ws = app.state.ws
        for one in list_scans(ws, LOCAL_ANALYST):
            ws.service.drop_scan(one.id)
        ws.memory.clear()
        object.__setattr__(ws, "now", lambda: datetime(2026, 10, 1))
        client = TestClient(app, base_url=BASE, headers={"Accept": "text/html"})
        session = open_session(ws, LOCAL, Role.ANALYST)
        client.cookies.set(COOKIE, session)
        page = client.get("/overview")
        assert page.status_code == 404
        assert "ona pull" in page.text
        assert "/scans/new" in page.text
        planned = re.search(r"planned for ([^<.]+)", page.text)[1]
        assert planned == "5 Oct 2026"  # the Monday after; the schedule of the settings is Mondays
        view_as(ws, session, Role.MANAGER, with_nothing.persons[1])
        app.state.guests.forget_all()
        page = client.get("/map").text
        assert "planned for 5 Oct 2026" in page
        assert "ona pull" not in page


def test_a_closed_door_says_who_could_open_it(on, apart):
    client = on(END)
    view_as(apart.state.ws, client.cookies[COOKIE], Role.AUDITOR)
    apart.state.guests.forget_all()
    page = client.get("/overview", headers={"Accept": "text/html"})
    assert page.status_code == 403
    assert "ask who administers the service" in page.text
    assert 'href="/account"' in page.text
