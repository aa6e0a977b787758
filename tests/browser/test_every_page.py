"""Every page of every role, found by walking the routes: accessible, quiet, narrow, dark, printed, without scripts and by keyboard."""

import re

import pytest
from fastapi.routing import APIRoute

from api.app import RESOURCES
from pipelines.access import view_id
from pipelines.access.rights import MATRIX, Reach, Right, Role
from pipelines.settings import Mode

pytestmark = pytest.mark.browser

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()

SERIOUS = ("serious", "critical")
NOT_PAGES = re.compile(r"^/(open|sign-in|static|metrics|credentials)(/|$)|\.(json|csv|xlsx)$|download|export")
"""Doors that are walked elsewhere, and files."""

QUERIES = {"/scans/new": ["", "?quarter=2026-Q3"], "/map": ["", "?view=table", "?view=heat"], "/people": ["?badges=true&facet=broker"]}
"""Pages that look different by their parameters."""

OFF = {"/recognitions"}
"""Pages of what this deployment has switched off."""

SMALL = """() => [...document.querySelectorAll('a, button, select, summary, input, textarea')]
  .filter(e => e.checkVisibility() && !e.closest('p, .aside, .skip, li.inline') && !e.classList.contains('skip') && e.type !== 'hidden')
  .map(e => [e.closest('label') || e, e])
  .map(([box, e]) => [e.textContent.trim().slice(0, 30) || e.name || e.tagName, box.getBoundingClientRect()])
  .filter(([, box]) => box.height < 23.5 || box.width < 23.5)
  .map(([text, box]) => `${text} ${Math.round(box.width)}x${Math.round(box.height)}`)"""

ALONE = """() => [...document.querySelectorAll('figure')].filter(f => !f.querySelector('figcaption')).length"""

STOP = """() => { const e = document.activeElement, style = getComputedStyle(e);
  const name = e.tagName + '.' + e.className + '#' + e.id;
  return [name, e === document.body || (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2)] }"""


def rights_of(dependant) -> list[Right]:
    """Rights that a route names, its own and those of what it depends on."""
    own = [dependant.call.right] if hasattr(dependant.call, "right") else []
    return own + [right for part in dependant.dependencies for right in rights_of(part)]


def routes() -> dict[str, list[Right]]:
    """Page → rights that it asks for."""
    found = [route for router in RESOURCES for route in router.routes if isinstance(route, APIRoute)]
    pages = [route for route in found if "GET" in route.methods and not route.include_in_schema and not NOT_PAGES.search(route.path)]
    return {route.path: rights_of(route.dependant) for route in pages}


def may_open(role: Role, rights: list[Right]) -> bool:
    reaches = [MATRIX[Mode.STANDARD].get(right, {}).get(role, Reach.NOBODY) for right in rights]
    persons = role in (Role.MANAGER, Role.EMPLOYEE)
    return all(reach is not Reach.NOBODY and (persons or reach not in (Reach.OWN, Reach.SUBTREE)) for reach in reaches)


ROUTES = routes()
ORDER = (Role.MANAGER, Role.HR, Role.EMPLOYEE, Role.ANALYST, Role.STEWARD, Role.AUDITOR, Role.ADMIN)


def first_role(path: str) -> Role | None:
    """Role that looks at a page closely; the others only open it."""
    return next((role for role in ORDER if may_open(role, ROUTES[path])), None)


def addresses(site, role: Role, path: str) -> list[str]:
    """Addresses of a page, with somebody and something in the place of its parameters."""
    audience = view_id(site.app.state.ws.keys, role, site.company.scan, site.company.hidden_helper)
    known = {"person_id": audience, "team_id": "1", "unit": "1"}
    filled = re.sub(r"{(\w+)}", lambda found: known.get(found[1], "0" * 16), path)
    query = f"?manager={view_id(site.app.state.ws.keys, role, site.company.scan, site.company.persons[1])}" if path == "/preview" else ""
    return [filled + one for one in QUERIES.get(path, [query])]


def test_the_walk_finds_the_pages_of_every_role():
    assert {"/overview", "/people/{person_id}", "/map/{unit}", "/scans/new", "/publish", "/candidates", "/me"} <= set(ROUTES)
    assert [path for path in ROUTES if first_role(path) is None] == []
    assert [path for path, rights in ROUTES.items() if not rights] == []


@pytest.mark.parametrize("role", ORDER)
def test_every_page_of_a_role_is_fit_to_be_shown(site, look, role):
    page, seen = look("/help", role=role, viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    faults = []
    for path in ROUTES:
        if path == "/" or not may_open(role, ROUTES[path]):
            continue
        for address in addresses(site, role, path):
            answer = page.goto(site.base + address)
            close = faults_of(page) if first_role(path) is role else []
            fit = (
                answer.status == (404 if path in OFF else 200) if "{" not in path else answer.status < 500
            )  # a page about somebody may answer that they are not here
            opened = [] if fit and page.locator("h1").count() == 1 else [f"status {answer.status}"]
            heard = [text for text in seen.complaints if "Failed to load" not in text] + seen.outside
            faults += [f"{address}: {fault}" for fault in (*opened, *heard, *close)]
            seen.complaints.clear()
            seen.outside.clear()
    assert not faults, "\n".join(faults)


def faults_of(page) -> list[str]:
    """What is wrong with a page at any width, in any light, on paper and under the Tab key."""
    found = [f"axe {one}" for one in audited(page)]
    found += [f"{count} pictures without words" for count in [page.evaluate(ALONE)] if count]
    page.emulate_media(color_scheme="dark")
    found += [f"dark {one}" for one in audited(page, ["color-contrast"])]
    page.emulate_media(color_scheme="light", media="print")
    found += ["the menu is printed"] if page.locator(".top nav").is_visible() else []
    found += ["the standing line is not printed"] if not page.locator("footer strong").first.is_visible() else []
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 320, "height": 256})  # also 1280 pixels at 400 %
    wide = page.evaluate("document.documentElement.scrollWidth")
    found += [f"{wide} wide"] if wide > 320 else []
    found += [f"too small: {one}" for one in page.evaluate(SMALL)]
    page.set_viewport_size({"width": 1280, "height": 900})
    return found + walked(page)


def audited(page, rules: list[str] | None = None) -> list[str]:
    """Serious and critical findings of axe."""
    options = {"resultTypes": ["violations"]} | ({"runOnly": {"type": "rule", "values": rules}} if rules else {})
    if not page.evaluate("!!window.axe"):
        page.evaluate(axe.axe_script)
    violations = page.evaluate("options => axe.run(options)", options)["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in violations if one["impact"] in SERIOUS]


def walked(page, most: int = 8) -> list[str]:
    """Press Tab: the first stop leads to the content, each stop is seen, and none holds the focus."""
    page.evaluate("document.activeElement.blur(); window.getSelection().removeAllRanges()")
    stops = []
    for _ in range(most):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(STOP))
    names = [name for name, _ in stops]
    found = [] if "skip" in names[0] else [f"first stop {names[0]}"]
    return found + [f"focus is not seen on {name}" for name, is_seen in stops if not is_seen]


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
    assert any("image-alt" in fault for fault in audited(page))
    assert any("button-name" in fault for fault in audited(page))
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<table><tr><td>' + 'wide'.repeat(400) + '</table>')")
    page.set_viewport_size({"width": 320, "height": 256})
    assert page.evaluate("document.documentElement.scrollWidth") > 320
    page.evaluate("document.querySelector('main').insertAdjacentHTML('afterbegin', '<div><a href=/>x</a></div>')")
    assert page.evaluate(SMALL) != []
