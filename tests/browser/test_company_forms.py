"""Pages of a company that signs in, with something on each: as fit to be shown as the others, and of use by keyboard with scripts off."""

from types import SimpleNamespace

import credentialed_company
import processes
import pytest
import sqlalchemy as sa
from credentialed_company import NEWEST, STAR, settings_of
from signing_in import add_viewer

from api.auth import cookie_name
from pipelines import exports, scans
from pipelines.access import LOCAL_ANALYST, Viewer, issue_link, view_id
from pipelines.access.rights import Role
from pipelines.access.sessions import open_session
from pipelines.entrance import tokens, viewers
from pipelines.entrance.viewers import Wish as GrantWish
from pipelines.exports import Wish
from pipelines.growth import credentials, programmes, surveys
from pipelines.intake import people
from pipelines.jobs import register
from pipelines.purposes import Purpose
from pipelines.rights import reveals
from pipelines.schema import PAIRS

pytestmark = pytest.mark.browser

fit_pages = pytest.importorskip("fit_pages", reason="axe is not installed", exc_type=ImportError)
expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

REASON = "The works council asked for the share of cross ties."
PERSON = 9

IDS = {role: f"v{at:016x}" for at, role in enumerate(Role)}

PAGES = {
    "/exports": Role.ANALYST,
    "/account": Role.ANALYST,
    "/viewers": Role.ADMIN,
    "/signatures": Role.STEWARD,
    "/recognitions": Role.STEWARD,
    "/reveals": Role.HR,
    "/jobs/{job_id}": Role.ANALYST,
    "/map/people/{person_id}": Role.MANAGER,
    "/mentoring/{programme_id}": Role.HR,
    "/mentoring/{programme_id}/pairs/{pair_id}": Role.HR,
    "/my-surveys/{survey_id}": Role.EMPLOYEE,
    "/reveals/{reveal_id}": Role.HR,
}
"""Page → who looks at it. Pages of fit_pages.MADE have to be among them."""


@pytest.fixture(scope="module")
def company(tmp_path_factory, serve_company):
    """The served company, and what stands in the place of each parameter."""
    made = credentialed_company.build(tmp_path_factory.mktemp("forms") / "home")
    port = processes.free_port()
    settings = settings_of(made.home, f"http://127.0.0.1:{port}", reads_per_minute=100_000)
    with serve_company(SimpleNamespace(settings=settings), port) as site:
        ws = site.app.state.ws
        for role in Role:
            person = {Role.EMPLOYEE: STAR, Role.MANAGER: 1}.get(role, PERSON)
            add_viewer(ws, IDS[role], role, person=made.persons[person])
        yield site, filled(ws, made.persons)


def filled(ws, persons) -> dict[str, str]:
    """Make one of everything that waits for somebody, and return their ids."""
    scan = scans.open_scan(ws, NEWEST)
    hr, steward, analyst = (Viewer(IDS[role], role, signed_in=ws.now()) for role in (Role.HR, Role.STEWARD, Role.ANALYST))
    star = Viewer(IDS[Role.EMPLOYEE], Role.EMPLOYEE, person=persons[STAR])
    people.set_consent(ws, persons[STAR], "survey", granted=True)
    credentials.ask(ws, scan, star, understood=True)
    exports.request(ws, analyst, scan, Wish("people", Purpose.NETWORK_HEALTH, REASON))
    viewers.ask_grant(ws, IDS[Role.ADMIN], GrantWish(IDS[Role.HR], Role.AUDITOR))
    tokens.new_token(ws, IDS[Role.ANALYST], tokens.Scope(Role.ANALYST, [], 7))
    wanted = [view_id(ws.keys, Role.HR, NEWEST, persons[at]) for at in (14, 21)]
    told, _waits = (reveals.request(ws, hr, scan, code, Purpose.MENTORING, REASON) for code in wanted)
    reveals.decide(ws, steward, told.id, approve=True)
    programme = programmes.create(ws, hr, scan, "Running", seats=2)
    programmes.invite(ws, hr, scan, programme)
    surveys.open_survey(ws, LOCAL_ANALYST, "Autumn pulse")
    with ws.service.begin() as connection:
        job = register.add(ws, connection, "scan", {}, (IDS[Role.ANALYST], "analyst"))
    return {
        "job_id": job.id,
        "person_id": view_id(ws.keys, f"manager {persons[1]}", NEWEST, persons[STAR]),
        "programme_id": programme,
        "pair_id": ws.service.rows(sa.select(PAIRS.c.id).where(PAIRS.c.programme == programme))[0].id,
        "survey_id": surveys.own_surveys(ws, star)[0].id + "?text=abel",
        "reveal_id": told.id,
    }


@pytest.fixture
def open_as(company, browser):
    """Open a page as somebody who signed in, or as nobody."""
    site, contexts = company[0], []

    def opened(path, role=None, **options):
        ws = site.app.state.ws
        context = browser.new_context(reduced_motion="reduce", **options)
        contexts.append(context)
        if role:
            context.add_cookies([{"name": cookie_name(ws.settings), "value": open_session(ws, IDS[role], role), "url": site.base}])
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda message: page.complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("request", lambda sent: None if sent.url.startswith((site.base, "data:")) else page.complaints.append(sent.url))
        assert page.goto(site.base + path).status == 200, path
        return page

    yield opened
    for context in contexts:
        context.close()


def test_every_page_about_something_that_was_made_is_opened_here():
    assert set(PAGES) >= fit_pages.MADE
    assert {path for path in fit_pages.pages() if path.startswith("/credentials")} <= fit_pages.DOORS


def test_pages_of_a_company_are_fit_to_be_shown(company, open_as):
    faults = []
    for path, role in PAGES.items():
        page = open_as(path.format_map(company[1]), role, viewport={"width": 1280, "height": 900})
        faults += [f"{path}: {fault}" for fault in (*page.complaints, *fit_pages.faults_of(page))]
    assert not faults, "\n".join(faults)


def test_the_ways_in_are_fit_to_be_shown(company, open_as):
    ws = company[0].app.state.ws
    ways = {
        "/open/{link}": issue_link(ws),
        "/sign-in": "/sign-in",
        "/credentials/go-to-helper/1": "/credentials/go-to-helper/1",
    }
    assert set(ways) | {"/sign-in/invited/{invitation}"} == fit_pages.DOORS  # an invitation shows the page of sign-in with another button
    faults = []
    for path, address in ways.items():
        page = open_as(address, viewport={"width": 1280, "height": 900})
        faults += [f"{path}: {fault}" for fault in (*page.complaints, *fit_pages.faults_of(page))]
    assert not faults, "\n".join(faults)


def test_a_file_is_asked_for_and_signed_by_keyboard_with_scripts_off(open_as):
    page = open_as("/exports", Role.ANALYST, java_script_enabled=False)
    waiting = page.get_by_text("waits for a signature").count()
    page.locator("input[name=content][value=ties]").focus()
    page.keyboard.press("Space")
    page.locator("textarea[name=reason], input[name=reason]").focus()
    page.keyboard.type(REASON)
    page.locator("form[action^='/exports?'] button").press("Enter")
    expect(page.get_by_text("waits for a signature")).to_have_count(waiting + 1)
    desk = open_as("/signatures", Role.STEWARD, java_script_enabled=False)
    forms = desk.locator("form[action^='/signatures/exports/']")
    before = forms.count()
    forms.first.get_by_role("button", name="Decline").press("Enter")
    expect(forms).to_have_count(before - 1)
    assert "#files" in desk.url


def test_a_role_is_asked_for_and_signed_by_keyboard_with_scripts_off(company, open_as):
    page = open_as("/viewers", Role.ADMIN, java_script_enabled=False)
    form = page.locator("form[action='/viewers/grants']")
    form.locator("select[name=viewer]").select_option(IDS[Role.EMPLOYEE])
    form.locator("select[name=role]").select_option("auditor")
    form.get_by_role("button").press("Enter")
    page.wait_for_url("**/viewers#roles")
    number = max(one.id for one in viewers.list_grants(company[0].app.state.ws))
    desk = open_as("/signatures", Role.STEWARD, java_script_enabled=False)
    desk.locator(f"form[action='/signatures/grants/{number}']").get_by_role("button", name="Sign").press("Enter")
    expect(desk.locator(f"form[action='/signatures/grants/{number}']")).to_have_count(0)
    assert "auditor" in open_as("/account", Role.EMPLOYEE, java_script_enabled=False).inner_text("main").casefold()


def test_a_token_is_made_and_revoked_by_keyboard_with_scripts_off(open_as):
    page = open_as("/account", Role.HR, java_script_enabled=False)
    page.locator("form[action='/account/tokens'] button").press("Enter")
    assert page.locator("code.token").inner_text().startswith("ona_")
    page.locator("form[action$='/revocation'] button").first.press("Enter")
    expect(page.locator("form[action$='/revocation']")).to_have_count(0)


def test_a_recognition_is_signed_by_keyboard_with_scripts_off(open_as):
    page = open_as("/recognitions", Role.STEWARD, java_script_enabled=False)
    forms = page.locator("form[action^='/recognitions/']")
    expect(forms).not_to_have_count(0)
    page.locator("button[name=sign][value=true]").first.press("Enter")
    expect(page.locator("button[name=sign]")).to_have_count(0)
    assert "Download" in open_as("/me", Role.EMPLOYEE, java_script_enabled=False).inner_text("main")
