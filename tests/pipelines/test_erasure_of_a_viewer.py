"""Somebody who signs in, was asked for, invited and contested is erased: nothing is left of them in any live file, and others stay."""

import shutil

import pytest
import sealed_scan
import signing_in
import sqlalchemy as sa

from connectors.identity import alias_token, token_text
from pipelines import scans
from pipelines.access.policy import Viewer, view_id
from pipelines.access.rights import Role
from pipelines.access.sessions import open_session, session_viewer
from pipelines.erasure import erase
from pipelines.intake import people
from pipelines.purposes import Purpose
from pipelines.rights import invitations, own_steps, reveals
from pipelines.rights.contests import Reason
from pipelines.schema import GRANTS, KEPT_ANSWERS, METADATA, SESSIONS, VIEWERS
from pipelines.schema.holders import LINKS, row_columns
from pipelines.storage.workspace import open_workspace

GONE, STAYS = 5, 9
REASON = "Canary-reason: they hold the only tie between two plants."


@pytest.fixture
def built(tmp_path):
    return sealed_scan.build(tmp_path / "home", people=21)


@pytest.fixture
def ws(built):
    with open_workspace(signing_in.company_settings(built.settings)) as opened:
        yield opened


def use_the_service(ws, built):
    """Let both people do and be asked everything; return the session of the one who will be erased."""
    add = signing_in.add_viewer
    scan, now = scans.open_scan(ws), ws.now()
    hr = Viewer("hr", Role.HR, signed_in=now)
    tokens = {}
    for at in (GONE, STAYS):
        name, person = f"viewer {at}", built.persons[at]
        add(ws, name, Role.EMPLOYEE, person=person)
        tokens[at] = open_session(ws, name, Role.EMPLOYEE)
        me = Viewer(name, Role.EMPLOYEE, person=person)
        own_steps.choose(ws, me, {"mentor_pool": True, "nudge": True})
        own_steps.contest(ws, me, "latest", "helper", Reason.OTHER, "HR-42")
        code = view_id(ws.keys, Role.HR, scan.id, person)
        asked = reveals.request(ws, hr, scan, code, Purpose.MENTORING, REASON)
        reveals.decide(ws, Viewer("steward", Role.STEWARD), asked.id, approve=True)
        reveals.read_name(ws, hr, asked.id)
        invitations.invite(ws, hr, scan, code)
        invitations.answer(ws, me, invitations.received(ws, me)[0].id, accept=True)
    people.withhold(ws, built.persons[GONE])
    grant = {
        "viewer": f"viewer {GONE}",
        "role": "manager",
        "start": now.date(),
        "state": "active",
        "requested_by": "admin",
        "requested": now,
    }
    answer = {"viewer": "hr", "key": "k", "digest": "d", "status": 201, "place": "/", "created": now}
    with ws.service.begin() as connection:
        connection.execute(
            sa.insert(GRANTS), [grant | {"stands_for": None}, grant | {"viewer": f"viewer {STAYS}", "stands_for": built.persons[GONE]}]
        )
        connection.execute(sa.insert(KEPT_ANSWERS).values(**answer, body=ws.vault.names([built.persons[GONE]])[built.persons[GONE]]))
        connection.execute(sa.update(SESSIONS).where(SESSIONS.c.viewer == f"viewer {STAYS}").values(acting_person=built.persons[GONE]))
    return tokens


def drop_scans(ws, _person):
    """Stand in for the sealing of a successor, which other tests look at."""
    for one in scans.list_scans(ws):
        ws.service.drop_scan(one.id)
        shutil.rmtree(ws.home / "scans" / one.id)
    return 1


def forms_of(ws, person):
    """Every form in which somebody could be found in bytes: name, address, tokens, numbers."""
    accounts = ws.vault.accounts_of(person)
    handles = list(ws.vault.handles(accounts).values())
    tokens = [alias_token(ws.keys.alias, "person", handle) for handle in handles]
    numbers = [number.to_bytes(8, order) for number in (person, *accounts) for order in ("little", "big")]
    texts = [*ws.vault.names([person]).values(), *handles, *(token_text(token) for token in tokens), *(token.hex() for token in tokens)]
    return [*(text.encode() for text in texts), *tokens, *numbers]


def found_in(home, forms):
    return {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file() for form in forms if form in path.read_bytes()}


def test_nothing_is_left_in_any_live_file_and_others_stay(ws, built):
    tokens = use_the_service(ws, built)
    gone, stays = built.persons[GONE], built.persons[STAYS]
    forms = {person: forms_of(ws, person) for person in (gone, stays)}
    before = {column: ids_in(ws, column, stays) for column in row_columns()}
    assert found_in(ws.home, forms[gone])
    assert session_viewer(ws, tokens[GONE]) is not None
    erase(ws, gone, drop_scans)
    assert found_in(ws.home, forms[gone]) == set()
    assert found_in(ws.home, forms[stays])  # a control: the same search still finds the other
    assert not [str(column) for column in (*row_columns(), *LINKS) if ids_in(ws, column, gone)]
    assert {column: ids_in(ws, column, stays) for column in row_columns()} == before
    assert session_viewer(ws, tokens[GONE]) is None
    assert [row.id for row in ws.service.rows(sa.select(VIEWERS).order_by(VIEWERS.c.id))] == [f"viewer {STAYS}"]
    assert {row.viewer for row in ws.service.rows(sa.select(SESSIONS))} == {f"viewer {STAYS}"}
    assert ws.service.rows(sa.select(GRANTS)) == []  # the own one, and the one that stood in for them


def ids_in(ws, column, person):
    return len(ws.service.rows(sa.select(column).where(column == person)))


def test_every_table_with_a_person_is_emptied_of_them_whatever_room_it_belongs_to(ws, built):
    """Write one row for a person into every table that may hold one, then erase: none is left, and no reference stands in the way."""
    person = built.persons[GONE]
    with ws.service.begin() as connection:
        for table in METADATA.sorted_tables:
            for column in [column for column in row_columns() if column.table is table]:
                connection.execute(sa.insert(table).values(filled(connection, table, column.name, person)))
    held = {str(column) for column in row_columns() if ids_in(ws, column, person)}
    assert held == {str(column) for column in row_columns()}
    erase(ws, person, drop_scans)
    assert [str(column) for column in row_columns() if ids_in(ws, column, person)] == []


def filled(connection, table, name, person):
    """A row with something in each column that needs it, and parents made where a reference needs one."""
    row = {}
    for column in table.columns:
        if column.name == name:
            row[column.name] = person
        elif column.foreign_keys:
            row[column.name] = parent(connection, next(iter(column.foreign_keys)).column)
        elif not column.nullable and not (column.primary_key and column.autoincrement is True):
            row[column.name] = something(column, name)
    if isinstance(table.c.get("id"), sa.Column) and isinstance(table.c.id.type, sa.Integer):
        row.pop("id", None)
    return row


def parent(connection, key):
    found = connection.execute(sa.select(key).limit(1)).scalar()
    if found is None:
        connection.execute(sa.insert(key.table).values(filled(connection, key.table, "", 0)))
        found = connection.execute(sa.select(key).limit(1)).scalar()
    return found


def something(column, salt):
    if isinstance(column.type, sa.JSON):
        return []
    kind = column.type.python_type
    if kind.__name__ in ("datetime", "date"):
        return kind(2026, 9, 1)
    return kind(sum(map(ord, f"{column.name}{salt}"))) if kind in (int, float) else f"{column.name} {salt}"[:30] if kind is str else kind()
