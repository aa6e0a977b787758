"""What is older than the settings allow is deleted with its files; what is not, and the audit log, stays."""

from datetime import date, datetime, timedelta

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ona.tables import PRESENCE
from pipelines import audit
from pipelines.audit import Act
from pipelines.dates import months_after, months_before
from pipelines.intake.events import part_of, pull_events
from pipelines.retention import retain
from pipelines.schema import CONTESTS, NAME_INVITATIONS, REVEALS
from pipelines.settings import Settings
from tests.pipelines.conftest import NOW, Events, mail

MONDAYS = {"kept": date(2025, 9, 1), "on the day": date(2025, 8, 25), "over": date(2025, 8, 18)}
"""Weeks around 2025-08-28, thirteen months before the clock of these tests: a week stays while one of its days is kept."""


def weekly(ws, monday):
    rows = {field.name: pa.array([None], field.type) for field in PRESENCE.schema} | {
        "week": pa.array([monday]),
        "account": pa.array([7], pa.int64()),
    }
    part = part_of((monday - date(1970, 1, 1)).days)
    ws.lake.write("presence", part, pa.table([rows[name] for name in PRESENCE.schema.names], schema=PRESENCE.schema))
    return part


def scan(ws, name, end):
    folder = ws.home / "scans" / name
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    ws.service.add_scan(name, start=end - timedelta(days=91), end=end, people=1, verdict="usable", created=ws.now())


def rows(ws, months):
    """One request, one invitation and one contested result of so many months ago."""
    made = datetime.combine(months_before(ws.now().date(), months), datetime.min.time()) + timedelta(days=1)
    shared = {"id": str(months), "person": 1, "scan": "s", "created": made}
    with ws.service.begin() as connection:
        named = {"requester": "r", "purpose": "p", "reason": "x", "key_version": 1, "state": "pending", "expires": made}
        connection.execute(sa.insert(REVEALS).values(**shared, **named))
        connection.execute(sa.insert(NAME_INVITATIONS).values(**shared, inviter="r", purpose="p", expires=made))
        connection.execute(sa.insert(CONTESTS).values(**shared, facet="helper", reason="other", state="open"))


def left(ws, table):
    return {row.id for row in ws.service.rows(sa.select(table.c.id))}


def test_weeks_and_scans_go_after_thirteen_months_with_their_files(ws):
    parts = {name: weekly(ws, monday) for name, monday in MONDAYS.items()}
    scan(ws, "old", date(2025, 8, 28))
    scan(ws, "new", date(2025, 9, 1))
    planned = retain(ws, dry_run=True)
    assert (planned.before, planned.weekly_parts, planned.scans) == (date(2025, 8, 28), 1, ("old",))
    assert len(ws.lake.parts("presence")) == 3
    assert retain(ws).scans == ("old",)
    assert ws.lake.parts("presence") == sorted([parts["kept"], parts["on the day"]])
    assert [one.id for one in ws.service.list_scans()] == ["new"]
    assert [path.name for path in (ws.home / "scans").iterdir()] == ["new"]
    assert ws.service.latest_scan() == "new"
    assert not list((ws.home / "lake").rglob(f"*{parts['over']}*/*"))
    again = retain(ws)
    assert (again.weekly_parts, again.scans) == (0, ())


def test_events_go_after_their_days(ws):
    pull_events(ws, "mbox", Events([mail("1", "a", "b", at=NOW - timedelta(days=60)), mail("2", "a", "b", at=NOW - timedelta(days=2))]))
    assert len(ws.lake.parts("events")) == 2
    assert retain(ws).event_weeks == 1
    assert len(ws.lake.parts("events")) == 1


def test_what_was_signed_stays_two_years_and_invitations_as_long_as_scans(ws):
    for months in (12, 13, 14, 24, 25):
        rows(ws, months)
    assert retain(ws).rows == 1 + 1 + 3
    assert left(ws, REVEALS) == left(ws, CONTESTS) == {"12", "13", "14", "24"}
    assert left(ws, NAME_INVITATIONS) == {"12", "13"}


def test_the_log_is_never_shortened(open_at):
    with open_at(now=datetime(2020, 1, 1)) as then:
        audit.record(then, Act("x", "analyst", "export"))
    with open_at() as ws:
        retain(ws)
        assert [entry.act.action for entry in audit.entries(ws)] == ["retain", "export"]
        assert audit.verify(ws).bad is None


@pytest.mark.parametrize("wrong", [{"keep_months": 14}, {"keep_months": 2}, {"audit_months": 23}, {"audit_months": 121}])
def test_the_settings_have_floors_and_ceilings(tmp_path, wrong):
    with pytest.raises(ValidationError):
        Settings(home=tmp_path, **wrong)


@given(st.dates(date(1980, 1, 1), date(2100, 12, 31)), st.integers(0, 60))
def test_months_back_and_forth_never_leave_the_month(day, months):
    later = months_after(day, months)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    assert later.day == day.day or (later + timedelta(days=1)).day == 1
    assert months_before(later, months).month == day.month
