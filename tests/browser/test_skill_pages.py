"""Pages of skills as people use them: filled, by keyboard alone, with scripts off, narrow, and without serious findings of axe."""

import pytest
import skilled_company
import sqlalchemy as sa

from api.auth import COOKIE
from pipelines import publishing
from pipelines.access import LOCAL_ANALYST, Viewer, view_id
from pipelines.access.rights import Role
from pipelines.access.sessions import open_session
from pipelines.growth import nudges, programmes, surveys
from pipelines.intake import people
from pipelines.schema import CATALOGUE, NUDGES, PAIRS, VIEWERS
from pipelines.storage.service import put

pytestmark = pytest.mark.browser

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()

HR = Viewer("t-hr", Role.HR)


@pytest.fixture(scope="module")
def place(tmp_path_factory, serve_company):
    """A company with a programme that was invited, an open survey and this quarter's steps."""
    company = skilled_company.build(tmp_path_factory.mktemp("skills") / "home", people_count=35)
    with serve_company(company) as site:
        ws = site.app.state.ws
        skilled_company.add_addresses(ws, 35)
        for person in company.persons[:40]:
            for purpose in ("survey", "nudge"):
                people.set_consent(ws, person, purpose, granted=True)
        with ws.service.begin() as connection:
            connection.execute(sa.insert(CATALOGUE).values(item="q", skill="quality", title="Quality in ten minutes", minutes=10, url=None))
        publishing.publish_everywhere(ws, company.scan, LOCAL_ANALYST)
        scan = site.app.state.shelf.take("latest")
        surveys.open_survey(ws, LOCAL_ANALYST, "Autumn pulse")
        nudges.make_nudges(ws, LOCAL_ANALYST, scan)
        invited = programmes.create(ws, HR, scan, "Running", seats=2)
        programmes.invite(ws, HR, scan, invited)
        yield site, invited, programmes.create(ws, HR, scan, "Draft", seats=2)


@pytest.fixture
def open_as(place, browser):
    """Open a page as somebody who holds one role."""
    site = place[0]
    contexts = []

    def opened(path, role, person=None, **options):
        ws, identity = site.app.state.ws, f"t-{role}" if person is None else f"t-{role}-{person}"
        row = {"id": identity, "identity": identity, "person": person, "roles": [role], "state": "active"}
        with ws.service.begin() as connection:
            put(connection, VIEWERS, [row | {"created": ws.now(), "seen": ws.now()}])
        cookie = {"name": COOKIE, "value": open_session(ws, identity, role), "url": site.base}
        context = browser.new_context(reduced_motion="reduce", **options)
        context.add_cookies([cookie])
        contexts.append(context)
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda message: page.complaints.append(message.text) if message.type == "error" else None)
        assert page.goto(site.base + path).status == 200
        return page

    yield opened
    for context in contexts:
        context.close()


def serious(page):
    """Serious and critical findings of axe, in light and in dark, and how wide the page is on a small phone."""
    page.evaluate(axe.axe_script)
    found = []
    for scheme, options in (("light", {}), ("dark", {"runOnly": {"type": "rule", "values": ["color-contrast"]}})):
        page.emulate_media(color_scheme=scheme)
        violations = page.evaluate("options => axe.run(options)", options | {"resultTypes": ["violations"]})["violations"]
        found += [f"{one['id']}: {one['nodes'][0]['html'][:140]}" for one in violations if one["impact"] in ("serious", "critical")]
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 320, "height": 600})
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size({"width": 1280, "height": 900})
    return found + ([f"{wide} wide"] if wide > 320 else []) + page.complaints


def nudged(place):
    rows = place[0].app.state.ws.service.rows(sa.select(NUDGES))
    return next(row.person for row in rows if not row.control)


def asked(place):
    return place[0].app.state.ws.service.rows(sa.select(PAIRS).where(PAIRS.c.state == "invited"))[0].mentee


def test_filled_pages_have_no_serious_findings_at_any_width_in_any_light(place, open_as):
    site = place[0]
    code = view_id(site.app.state.ws.keys, Role.ANALYST, site.company.scan, site.company.hidden_helper)
    person = site.company.persons[9]
    pages = [(path, Role.ANALYST, None) for path in ("/skills?team=1", f"/people/{code}")]
    pages += [(path, Role.HR, None) for path in ("/skill-units?by=archetype",)]
    pages += [("/my-step", Role.EMPLOYEE, nudged(place))]
    pages += [("/my-mentoring", Role.EMPLOYEE, asked(place)), ("/my-badges", Role.EMPLOYEE, person)]
    pages += [("/needs?text=agile", Role.ANALYST, None), ("/needs?text=agile", Role.HR, None), ("/candidates?page=2", Role.HR, None)]
    pages += [("/mentoring/exclusions", Role.HR, None), ("/skill-teams/company", Role.ANALYST, None)]
    faults = [f"{path}: {fault}" for path, role, who in pages for fault in serious(open_as(path, role, who))]
    assert not faults, "\n".join(faults)


def test_every_cell_of_the_grid_is_told_by_shape_and_word(open_as):
    page = open_as("/skills", Role.ANALYST)
    cells = page.locator("td.skill-cell")
    assert cells.count() > 100
    assert page.locator("td.skill-cell svg").count() == cells.count() == page.locator("td.skill-cell .cell-word").count()
    assert page.evaluate("[...document.querySelectorAll('td.skill-cell .cell-word')].every(e => e.textContent.trim() !== '')")
    assert {"held", "missing", "stated"} <= {text.strip() for text in page.locator(".cell-word").all_inner_texts()}


def test_the_grid_and_the_spider_chart_are_read_by_keyboard_with_scripts_off(place, open_as):
    """Tab reaches the table, arrows move it sideways, a name opens the person, whose chart is followed by the same as a table."""
    page = open_as("/skills", Role.ANALYST, java_script_enabled=False, viewport={"width": 375, "height": 800})
    region = page.get_by_role("region", name="People and skills")
    for _ in range(40):
        page.keyboard.press("Tab")
        if region.evaluate("e => e === document.activeElement"):
            break
    expect(region).to_be_focused()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(50)
    assert region.evaluate("e => e.scrollLeft") > 0
    page.keyboard.press("Tab")
    first = region.get_by_role("link").first
    expect(first).to_be_focused()
    outline = first.evaluate("e => getComputedStyle(e).outlineWidth")
    assert float(outline.removesuffix("px")) >= 2, "where the focus is can be seen"
    page.keyboard.press("Enter")
    page.wait_for_url("**/people/*")
    names = page.locator("svg.spider text:not(.scale)").all_inner_texts()
    rows = page.locator(".spider-figure table tbody th").all_inner_texts()
    assert len(names) == len(rows) >= 3
    assert page.locator("svg.spider").get_attribute("aria-hidden") == "true"


def test_a_pair_is_put_on_the_list_and_taken_off_by_keyboard_with_scripts_off(place, open_as):
    page = open_as("/mentoring", Role.HR, java_script_enabled=False)
    page.get_by_role("link", name="Pairs that are never matched").focus()
    page.keyboard.press("Enter")
    page.get_by_label("One of the two").fill("p20@acme.example")
    for other, said in (("nobody@acme.example", "nobody of this address or label"), ("p21@acme.example", None)):
        page.get_by_label("The other", exact=True).fill(other)
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert").filter(has_text=said or "nobody")).to_have_count(1 if said else 0)
        expect(page.get_by_label("One of the two")).to_have_value("p20@acme.example" if said else "")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("you")
    page.get_by_role("button", name="Take off the list").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("No pair is on the list.")).to_have_count(1)


def test_a_pair_is_held_and_let_go_by_keyboard_with_scripts_off(place, open_as):
    page = open_as(f"/mentoring/{place[2]}?text=person", Role.HR, java_script_enabled=False)
    page.locator("details.mentee > summary").first.focus()
    page.keyboard.press("Enter")
    label = page.locator("details.mentee[open] .who-looks strong").inner_text()
    page.locator("details.mentee[open] tr:not(.chosen) button").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("details.mentee[open] .who-looks strong")).to_have_text(label)  # back where it was held
    expect(page.locator("details.mentee[open] summary")).to_contain_text("held, costs")
    assert "text=person" in page.url
    page.locator("details.mentee[open] tr.chosen button", has_text="Let go").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("· held")).to_have_count(0)


def test_the_board_is_filtered_and_weighed_by_keyboard_with_scripts_off(place, open_as):
    page = open_as(f"/mentoring/{place[2]}", Role.HR, java_script_enabled=False)
    mentees = page.locator("details.mentee").count()
    page.get_by_label("Show", exact=True).select_option("unmatched")
    page.get_by_label("Label or skill").press("Enter")
    expect(page.locator("details.mentee .with:not(.none)")).to_have_count(0)
    page.goto(page.url.split("?")[0])
    assert page.locator("details.mentee").count() == mentees
    page.locator("summary", has_text="What the fit is made of").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Another department").fill("90")
    page.keyboard.press("Enter")
    assert page.locator("input[name=crossing]").input_value() == "90"
    page.set_viewport_size({"width": 375, "height": 800})
    assert page.evaluate("document.documentElement.scrollHeight") < 6_000


def test_a_debrief_is_kept_by_keyboard_with_scripts_off(open_as):
    page = open_as("/needs?text=agile", Role.ANALYST, java_script_enabled=False)
    first = page.locator("li.need").first
    first.get_by_label("The debrief found").select_option("process")
    first.get_by_label("Target").fill("95")
    page.keyboard.press("Enter")
    page.wait_for_url("**/needs?text=agile#list")
    expect(page.locator("li.need").first).to_contain_text("95 in 100")
    page.locator("li.need").first.get_by_label("Target").fill("1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("This target is reached already. Set a higher one.")


def test_somebody_says_by_keyboard_how_they_take_part_and_who_sees_a_badge(place, open_as):
    page = open_as("/my-mentoring/profile", Role.EMPLOYEE, place[0].company.persons[21], java_script_enabled=False)
    page.get_by_label("As the service proposes").focus()
    page.keyboard.press("ArrowDown")
    page.get_by_label("Skill 1 that I look for").select_option("negotiation")
    page.get_by_label("I think best while talking.").select_option("5")
    page.get_by_role("button", name="Keep").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("As a mentee")).to_be_checked()
    expect(page.get_by_label("Skill 1 that I look for")).to_have_value("negotiation")
    page.get_by_label("from").select_option("9")
    page.get_by_role("button", name="Keep").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("a start and an end")
    page = open_as("/my-badges", Role.EMPLOYEE, place[0].company.persons[21], java_script_enabled=False)
    page.locator("li.card").first.get_by_label("HR and colleagues").focus()
    page.keyboard.press("ArrowUp")
    page.locator("li.card").first.get_by_role("button").press("Enter")
    expect(page.locator("li.card").first.get_by_label("Only me")).to_be_checked()


def test_a_manager_suggests_and_the_person_answers_by_keyboard_with_scripts_off(place, open_as):
    persons = place[0].company.persons
    page = open_as("/suggest", Role.MANAGER, persons[2], java_script_enabled=False)
    for address, said in (("p5@acme.example", "nobody of this address"), ("p12@acme.example", None)):
        page.get_by_label("Work address").fill(address)
        page.get_by_label("Skill", exact=True).select_option("negotiation")
        page.get_by_label("Work address").press("Enter")
        expect(page.get_by_role("alert").filter(has_text=said or "nobody")).to_have_count(1 if said else 0)
    expect(page.locator("tbody tr")).to_have_count(1)
    person = open_as("/my-mentoring", Role.EMPLOYEE, persons[12], java_script_enabled=False)
    person.get_by_role("button", name="Yes negotiation").focus()
    person.keyboard.press("Enter")
    expect(person.get_by_text("You said yes. Nobody was told.")).to_have_count(1)
    page.reload()
    expect(page.locator("tbody tr")).to_contain_text("suggested")


def test_a_survey_is_answered_by_keyboard_with_scripts_off(place, open_as):
    page = open_as("/my-surveys", Role.EMPLOYEE, place[0].company.persons[15], java_script_enabled=False)
    page.get_by_role("link", name="Answer Autumn pulse").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Part of the name").focus()
    page.keyboard.type("abel")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Add").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("input[type=checkbox][name=names]")).to_have_count(1)
    page.get_by_role("button", name="Send").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("You answered")).to_have_count(1)


def test_a_step_is_accepted_by_keyboard_with_scripts_off(place, open_as):
    page = open_as("/my-step", Role.EMPLOYEE, nudged(place), java_script_enabled=False)
    page.get_by_role("button", name="Accept").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("You accepted.")).to_have_count(1)
