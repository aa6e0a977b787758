"""What only single pages do, in a real browser: the one-time link, the map by keyboard, pictures beside their numbers."""

import pytest

pytestmark = pytest.mark.browser

PATHS = ["/overview", "/people?hidden=true", "/teams/1", "/quality", "/company"]

PICTURES_ALONE = """() => [...document.querySelectorAll('svg.interval, svg.weeks, #map')]
  .filter(e => !e.closest('figure, td, .extent')?.textContent.match(/[0-9]/)).length"""


def person(site) -> str:
    from pipelines.access import view_id

    return f"/people/{view_id(site.app.state.ws.keys, 'analyst', site.company.scan, site.company.hidden_helper)}"


def test_the_listener_hears_a_blocked_style_and_a_request_to_others(look):
    """The control: what the test above does not hear would have been heard."""
    page, seen = look("/help")
    page.evaluate("document.body.setAttribute('style', 'color: red')")
    page.evaluate("fetch('http://192.0.2.1/').catch(() => 0)")
    page.wait_for_timeout(200)
    assert any("Content Security Policy" in text for text in seen.complaints)


def test_everything_is_told_without_scripts(site, look):
    page, seen = look("/", java_script_enabled=False)
    assert "Fia Abel is asked by 9 people from 4 departments" in page.inner_text("main")
    page.click(".person-card a")
    assert page.locator("h1").inner_text() == "Fia Abel"
    page.goto(site.base + "/teams/company")
    assert "The map needs scripts" in page.inner_text(".map-stage")
    # teams of eight; the Board of three is not drawn, and takes one team along so that the company's total does not give it back
    assert page.locator(".map-table tbody tr").count() == (67 - 3) // 8 - 1
    page.goto(site.base + "/people")
    page.check("input[name=hidden]")
    page.get_by_role("button", name="Show").click()
    assert page.locator("table.people tbody tr").count() == 2
    assert seen.complaints == []


def test_the_link_works_once_and_without_scripts(site, browser):
    context = browser.new_context(java_script_enabled=False)
    page, link = context.new_page(), site.link()
    assert page.goto(site.base + "/").status == 401
    page.goto(link)
    page.get_by_role("button", name="Open the results").click()
    assert page.url == site.base + "/overview"
    assert context.cookies()[0]["httpOnly"]
    assert page.goto(link).status == 401
    page.goto(site.base + "/")
    page.get_by_role("button", name="Sign out").click()
    assert page.goto(site.base + "/people").status == 401
    context.close()


def test_every_map_mark_has_its_row_and_its_option(site, look):
    page, _ = look("/")
    for path in ("/teams/company", "/teams/1", "/teams/3"):
        page.goto(site.base + path)
        drawn = page.evaluate("JSON.parse(document.getElementById('map-data').textContent).nodes.length")
        assert drawn > 5
        assert page.locator(".map-table tbody tr").count() == page.locator("#map-options li").count() == drawn


def test_every_picture_has_words_beside_it(site, look):
    page, _ = look("/")
    for path in (*PATHS, person(site)):
        page.goto(site.base + path)
        alone = page.evaluate(PICTURES_ALONE)
        assert alone == 0, path
        assert page.evaluate("[...document.querySelectorAll('figure')].filter(f => !f.querySelector('figcaption')).length") == 0


ARROWS = {"ArrowRight": (1, 0), "ArrowDown": (0, 1), "ArrowLeft": (-1, 0), "ArrowUp": (0, -1)}


def in_sight(here, there, dx, dy) -> bool:
    """Whether a mark lies rather that way than across it, which is where an arrow key looks."""
    x, y = there[0] - here[0], there[1] - here[1]
    along = x * dx + y * dy
    return along > 0 and abs(x * dy) + abs(y * dx) <= 2 * along


def test_the_map_is_walked_by_keyboard(look):
    page, seen = look("/teams/2")
    page.wait_for_selector(".drawn canvas")
    stops = []
    for _ in range(30):
        page.keyboard.press("Tab")
        stops.append(page.evaluate("document.activeElement.id || document.activeElement.className || document.activeElement.tagName"))
        if stops[-1] == "map-fit":
            break
    assert stops.count("map") == 1  # one stop, and the canvas inside is none
    assert not [stop for stop in stops if "vis-" in stop]
    page.focus("#map")
    start = page.get_attribute("#map", "aria-activedescendant")
    assert start
    assert page.locator(f"#{start}").get_attribute("aria-selected") == "true"
    page.keyboard.press("Enter")  # the first stop is somebody who stands out and so has a page
    assert page.get_by_role("link", name="Why").is_visible()
    at = page.evaluate(
        "Object.fromEntries(JSON.parse(document.getElementById('map-data').textContent).nodes.map(node => [node.id, [node.x, node.y]]))"
    )
    here = start.removeprefix("option-")
    visited = {here}
    for key, (dx, dy) in [(key, step) for _ in range(3) for key, step in ARROWS.items()]:
        page.keyboard.press(key)
        there = page.get_attribute("#map", "aria-activedescendant").removeprefix("option-")
        along = (at[there][0] - at[here][0]) * dx + (at[there][1] - at[here][1]) * dy
        assert along > 0 if there != here else not [xy for xy in at.values() if in_sight(at[here], xy, dx, dy)]
        visited.add(here := there)
    assert len(visited) > 2  # how many depends on the layout, which another processor may round another way
    assert page.locator(".map-table tr.at").count() == 1
    # A mark with a page of its own has a link.
    end = page.get_attribute("#map", "aria-activedescendant").removeprefix("option-")
    page.keyboard.press("Enter")
    assert page.locator("#map-note").is_visible()
    assert page.locator("#map-note a.more").count() == page.locator(f"#row-{end} a").count()
    page.keyboard.press("Escape")
    assert page.locator("#map-note").is_hidden()
    assert page.locator(".map-table tr.at").count() == 0
    assert page.evaluate("document.activeElement.id") != "map"
    assert seen.complaints == []


def test_reloading_a_map_puts_every_mark_in_the_same_place(look):
    page, _ = look("/teams/company")
    first = page.inner_text("#map-data") or page.text_content("#map-data")
    page.reload()
    assert page.text_content("#map-data") == first
