"""Every page of every role, found by walking the routes: accessible, quiet, narrow, dark, printed, without scripts and by keyboard."""

import re

import pytest

from pipelines.access import Viewer, view_id
from pipelines.access.rights import MATRIX, Reach, Right, Role
from pipelines.access.units import read_groups
from pipelines.settings import Mode

pytestmark = pytest.mark.browser

fit_pages = pytest.importorskip("fit_pages", reason="axe is not installed", exc_type=ImportError)

QUERIES = {"/scans/new": ["", "?quarter=2026-Q3"], "/map": ["", "?view=table", "?view=heat"], "/people": ["?badges=true&facet=broker"]}
"""Pages that look different by their parameters."""


def may_open(role: Role, rights: list[Right]) -> bool:
    reaches = [MATRIX[Mode.STANDARD].get(right, {}).get(role, Reach.NOBODY) for right in rights]
    persons = role in (Role.MANAGER, Role.EMPLOYEE)
    return all(reach is not Reach.NOBODY and (persons or reach not in (Reach.OWN, Reach.SUBTREE)) for reach in reaches)


ROUTES = {path: rights for path, rights in fit_pages.pages().items() if path not in fit_pages.DOORS}
ORDER = (Role.MANAGER, Role.HR, Role.EMPLOYEE, Role.ANALYST, Role.STEWARD, Role.AUDITOR, Role.ADMIN)


def first_role(path: str) -> Role | None:
    """Role that looks at a page closely; the others only open it."""
    return next((role for role in ORDER if may_open(role, ROUTES[path])), None)


def addresses(site, role: Role, path: str) -> list[str]:
    """Addresses of a page, with somebody and something in the place of its parameters."""
    audience = view_id(site.app.state.ws.keys, role, site.company.scan, site.company.hidden_helper)
    known = {"person_id": audience} | dict.fromkeys(("team_id", "unit"), group_of(site, role))
    filled = re.sub(r"{(\w+)}", lambda found: known.get(found[1], "0" * 16), path)
    query = f"?manager={view_id(site.app.state.ws.keys, role, site.company.scan, site.company.persons[1])}" if path == "/preview" else ""
    return [filled + one for one in QUERIES.get(path, [query])]


def group_of(site, role: Role) -> str:
    """A group that a role may open: of a manager's own teams the first that is shown, or any."""
    if role is not Role.MANAGER:
        return "1"
    state, viewer = site.app.state, Viewer("m", role, person=site.person_as(role))
    return next(one.id for one in read_groups(state.ws, state.shelf.take("latest"), viewer).groups if not one.hidden)


def test_the_walk_finds_the_pages_of_every_role():
    assert {"/overview", "/people/{person_id}", "/map/{unit}", "/scans/new", "/publish", "/candidates", "/me"} <= set(ROUTES)
    assert [path for path in ROUTES if first_role(path) is None] == []
    assert [path for path, rights in ROUTES.items() if not rights] == []
    assert set(fit_pages.pages()) >= fit_pages.MADE | fit_pages.DOORS


@pytest.mark.parametrize("role", ORDER)
def test_every_page_of_a_role_is_fit_to_be_shown(site, look, role):
    page, seen = look("/help", role=role, viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    faults = []
    for path, rights in ROUTES.items():
        if path == "/" or not may_open(role, rights):
            continue
        for address in addresses(site, role, path):
            answer = page.goto(site.base + address)
            close = fit_pages.faults_of(page) if first_role(path) is role else []
            there = path not in fit_pages.MADE and (first_role(path) is role or "{" not in path)
            fit = answer.status == 200 if there else answer.status < 500  # what nobody made is walked in a company, below
            opened = [] if fit and page.locator("h1").count() == 1 else [f"status {answer.status}"]
            heard = [text for text in seen.complaints if "Failed to load" not in text] + seen.outside
            faults += [f"{address}: {fault}" for fault in (*opened, *heard, *close)]
            seen.complaints.clear()
            seen.outside.clear()
    assert not faults, "\n".join(faults)


def test_pages_say_the_same_without_scripts(site, look):
    with_scripts, _ = look("/help", role=Role.ANALYST)
    without, seen = look("/help", role=Role.ANALYST, java_script_enabled=False)
    for path in ("/overview", "/teams/1", "/map", "/scans/new", "/publish", "/quality"):
        with_scripts.goto(site.base + path)
        without.goto(site.base + path)
        assert without.locator("h1").inner_text() == with_scripts.locator("h1").inner_text()
        assert without.locator("main table, main form").count() >= 1, path
    assert seen.complaints == []


def test_the_checks_hear_what_they_should(look):
    """The control: a page with each of the faults is caught."""
    page, _ = look("/help", role=Role.ANALYST)
    page.evaluate("document.querySelector('.lead').innerHTML = '<img src=/static/mark.svg><button></button>'")
    assert any("image-alt" in fault for fault in fit_pages.audited(page))
    assert any("button-name" in fault for fault in fit_pages.audited(page))
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<table><tr><td>' + 'wide'.repeat(400) + '</table>')")
    page.set_viewport_size({"width": 320, "height": 256})
    assert page.evaluate("document.documentElement.scrollWidth") > 320
    page.evaluate("document.querySelector('main').insertAdjacentHTML('afterbegin', '<div><a href=/>x</a></div>')")
    assert page.evaluate(fit_pages.SMALL) != []
