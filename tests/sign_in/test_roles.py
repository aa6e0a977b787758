"""Roles are invited once, asked for by an administrator, and given by somebody else; administrators read nothing about anybody."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from api.auth import COOKIE
from ona.errors import ForbiddenError
from pipelines.access.rights import Role
from pipelines.access.sessions import session_viewer
from pipelines.audit import entries
from pipelines.entrance import viewers
from pipelines.entrance.viewers import Wish
from pipelines.schema import VIEWERS


def id_of(site, browser) -> str:
    return session_viewer(site.ws, browser.cookies[COOKIE]).subject


def roles_of(site, browser) -> set[Role]:
    site.app.state.guests.forget_all()
    return set(session_viewer(site.ws, browser.cookies[COOKIE]).roles)


@pytest.fixture
def cast(site):
    """An administrator, a steward and an employee."""
    wanted = {"admin": "Ona.Admin", "steward": "Ona.Steward", "employee": "Ona.Employee"}
    return {name: site.enter(role, sub=name, number=number) for number, (name, role) in enumerate(wanted.items(), 1)}


def ask(site, cast, role: str = "analyst", who: str = "employee", **more):
    return cast["admin"].post("/api/v1/grants", json={"viewer": id_of(site, cast[who]), "role": role} | more)


def decide(browser, number: int, *, approve: bool = True):
    return browser.post(f"/api/v1/grants/{number}/decision", json={"approve": approve})


def test_the_first_administrator_comes_in_by_an_invitation_that_works_once(site):
    path = viewers.invite(site.ws, Role.ADMIN)
    browser = site.browser()
    for _ in range(2):
        assert "You are invited" in browser.get(path).text  # looking uses nothing
    first = site.sign_in(start=f"/sign-in/start?invitation={path.rpartition('/')[2]}", sub="first")
    assert roles_of(site, first) == {Role.ADMIN}
    late = site.browser()
    site.provider.user = {"sub": "late"}
    answer = site.arrive(late, site.reply(late, f"/sign-in/start?invitation={path.rpartition('/')[2]}"))
    assert (answer.status_code, COOKIE in late.cookies) == (401, False)
    assert late.get(path).status_code == 401
    with pytest.raises(ForbiddenError, match="holds the role admin already"):
        viewers.invite(site.ws, Role.ADMIN)


def test_only_the_hash_of_an_invitation_is_stored_and_it_ends_after_three_days(site, later):
    path = viewers.invite(site.ws, Role.STEWARD)
    stored = b"".join(file.read_bytes() for file in site.ws.settings.home.glob("service.sqlite*"))
    assert path.rpartition("/")[2].encode() not in stored
    later(site.ws, days=3, minutes=1)
    assert site.browser().get(path).status_code == 401


def test_nobody_is_invited_to_read_about_people(site):
    for role in set(Role) - {Role.ADMIN, Role.STEWARD}:
        with pytest.raises(ForbiddenError):
            viewers.invite(site.ws, role)


def test_a_role_holds_when_the_steward_has_approved_it_and_not_before(site, cast):
    asked = ask(site, cast)
    assert (asked.status_code, asked.json()["state"]) == (201, "requested")
    assert roles_of(site, cast["employee"]) == {Role.EMPLOYEE}
    waiting = cast["steward"].get("/api/v1/grants/inbox").json()
    assert [one["id"] for one in waiting] == [asked.json()["id"]]
    assert decide(cast["steward"], asked.json()["id"]).json()["state"] == "active"
    assert roles_of(site, cast["employee"]) == {Role.EMPLOYEE, Role.ANALYST}
    assert cast["employee"].post("/role", data={"role": "analyst"}).status_code == 303
    cast["admin"].delete(f"/api/v1/grants/{asked.json()['id']}")
    assert roles_of(site, cast["employee"]) == {Role.EMPLOYEE}
    log = [entry.act.action for entry in entries(site.ws, 6)]
    assert {"ask_grant", "decide_grant", "switch_role"} <= set(log)


def test_an_administrator_can_grant_themself_nothing_and_approve_nothing(site, cast):
    assert ask(site, cast, who="admin").status_code == 403
    asked = ask(site, cast).json()["id"]
    assert decide(cast["admin"], asked).status_code == 403
    assert roles_of(site, cast["admin"]) == {Role.ADMIN}


def test_a_steward_cannot_approve_what_they_asked_for_or_would_get(site, cast):
    steward = id_of(site, cast["steward"])
    own = viewers.ask_grant(site.ws, "local", Wish(steward, Role.AUDITOR))
    assert decide(cast["steward"], own.id).status_code == 403
    theirs = viewers.ask_grant(site.ws, steward, Wish(id_of(site, cast["employee"]), Role.AUDITOR))
    assert decide(cast["steward"], theirs.id).status_code == 403


@pytest.mark.parametrize("role", ["admin", "hr", "manager"])
def test_a_steward_is_never_also_one_of_those_who_ask(site, cast, role):
    assert ask(site, cast, who="steward", role=role).status_code == 409
    assert ask(site, cast, who="employee", role=role).status_code == 201


def test_what_was_decided_stays_decided(site, cast):
    asked = ask(site, cast).json()["id"]
    assert decide(cast["steward"], asked, approve=False).json()["state"] == "declined"
    assert decide(cast["steward"], asked).status_code == 409
    assert cast["admin"].delete(f"/api/v1/grants/{asked}").status_code == 409
    assert decide(cast["steward"], 999_999).status_code == 404


def test_of_two_decisions_at_one_moment_one_counts(site, cast):
    found = []
    asked = ask(site, cast).json()["id"]
    second = site.enter("Ona.Steward", sub="steward2")
    threads = [
        threading.Thread(target=lambda one=one, yes=yes: found.append(decide(one, asked, approve=yes).status_code))
        for one, yes in ((cast["steward"], True), (second, False))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [200, 409]


def test_an_acting_manager_stands_in_from_a_day_to_a_day(site, cast, later):
    manager = site.enter("Ona.Manager", sub="boss", number=0)
    today = site.ws.now().date()
    wish = {"role": "manager", "stands_for": id_of(site, manager)}
    assert ask(site, cast, **wish).status_code == 409  # without an end
    dates = {"start": str(today + timedelta(days=1)), "end": str(today + timedelta(days=3))}
    assert ask(site, cast, **wish | {"start": dates["end"], "end": dates["start"]}).status_code == 409
    asked = ask(site, cast, **wish, **dates).json()
    assert asked["acting"]
    decide(cast["steward"], asked["id"])
    held = []
    for days in range(4):
        later(site.ws, days=days)
        browser = site.sign_in("Ona.Employee", sub="employee", number=3)
        viewer = session_viewer(site.ws, browser.cookies[COOKIE])
        held.append((Role.MANAGER in viewer.roles, viewer.stands_for == {site.company.persons[0]}))
    assert held == [(False, False), (True, True), (True, True), (False, False)]


def test_the_operator_approves_only_as_long_as_there_is_no_steward(site):
    browser = site.enter("Ona.Employee", number=3)
    first = viewers.ask_grant(site.ws, "local", Wish(id_of(site, browser), Role.AUDITOR))
    assert viewers.operator_decides(site.ws, first.id, approve=True).state == "active"
    site.enter("Ona.Steward", sub="steward")
    second = viewers.ask_grant(site.ws, "local", Wish(id_of(site, browser), Role.ANALYST))
    with pytest.raises(ForbiddenError, match="privacy steward"):
        viewers.operator_decides(site.ws, second.id, approve=True)


def test_an_administrator_sees_viewers_by_id_and_nothing_about_anybody(site, cast):
    listed = cast["admin"].get("/api/v1/viewers")
    assert {frozenset(one) for one in listed.json()} == {frozenset({"id", "state", "roles", "has_person", "seen"})}
    assert {tuple(one["roles"]) for one in listed.json()} == {("admin",), ("steward",), ("employee",)}
    assert not any(str(person) in listed.text for person in site.company.persons)
    for path in ("/api/v1/people", "/people", "/company", "/api/v1/scans/latest/people"):
        assert cast["admin"].get(path, headers={"Accept": "application/json"}).status_code in (403, 404), path
    for name in ("steward", "employee"):
        assert cast[name].get("/api/v1/viewers").status_code == 403


def test_an_administrator_keeps_somebody_out_at_once(site, cast):
    path = f"/api/v1/viewers/{id_of(site, cast['employee'])}/state"
    assert cast["employee"].get("/api/v1/tokens").status_code == 200
    assert cast["admin"].put(path, json={"disabled": True}).status_code == 204
    assert cast["employee"].get("/api/v1/tokens").status_code == 401
    states = {row.id: row.state for row in site.ws.service.rows(sa.select(VIEWERS))}
    assert sorted(states.values()) == ["active", "active", "disabled"]
    assert cast["admin"].put("/api/v1/viewers/v0000000000000000/state", json={"disabled": True}).status_code == 404


@pytest.mark.parametrize("more", [{"state": "active"}, {"requested_by": "local"}, {"role": "root"}, {"viewer": "../x"}, {"end": "never"}])
def test_no_field_can_be_slipped_into_a_wish(site, cast, more):
    assert ask(site, cast, **more).status_code == 422
