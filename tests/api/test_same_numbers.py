"""Any number on a page is one that the API gives the same viewer under the same filter: walked over the routes that are twins."""

import html
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from page_numbers import CONSTANTS, given_by, shown

from api.auth import CSRF_FIELD

TWINS = {
    "/overview": ["/scans/latest", "/scans/latest/quality"],
    "/teams": ["/teams"],
    "/teams/1": ["/teams/1/map"],
    "/teams/company": ["/teams/company/map"],
    "/company": ["/scans/latest/company", "/scans/latest"],
    "/key-people": ["/scans/latest/key-people"],
    "/key-people?size=2": ["/scans/latest/key-people?size=2"],
    "/quality": ["/scans/latest/quality"],
    "/connections": ["/connections"],
}


def derived(answers: list[object]) -> set[str]:
    """Differences that a page states in words: who is not scored, out of all."""
    first = answers[0]
    people = [first["people"] - first["scored"]] if isinstance(first, dict) and {"people", "scored"} <= first.keys() else []
    return {str(number) for number in people}


def told(client, path: str) -> set[str]:
    answer = client.get(path, headers={"Accept": "text/html", "Accept-Language": "en"})
    assert answer.status_code == 200, path
    return shown(answer.text)


def api(client, paths: list[str]) -> set[str]:
    answers = [client.get(f"/api/v1{path}").json() for path in paths]
    distinct = {
        str(len({mark["person"]["id"] for mark in one.get(kind, [])}))
        for one in answers
        for kind in ("hidden", "marked")
        if "scored" in one
    }
    return set().union(*map(given_by, answers)) | derived(answers) | distinct | CONSTANTS


@pytest.mark.parametrize("path", TWINS)
def test_a_page_shows_only_numbers_of_its_twin(client, path):
    found = told(client, path)
    assert found - api(client, TWINS[path]) == set()
    assert found


facets = st.sampled_from(["helper", "broker", "reach", "overall"])
filters = st.fixed_dictionaries(
    {"facet": facets, "sort": st.sampled_from(["score", "name", "team", "badges"]), "limit": st.integers(1, 40)},
    optional={"team": st.integers(1, 9), "marked": st.just("true"), "hidden": st.just("true"), "badges": st.just("true")},
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filters)
def test_the_list_of_people_and_its_twin_agree_under_any_filter(client, query):
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    page = client.get(f"/people?{asked}", headers={"Accept": "text/html", "Accept-Language": "en"}).text
    answer = client.get(f"/api/v1/scans/latest/people?{asked}").json()
    assert shown(page) - given_by(answer) - CONSTANTS == set()
    rows = re.findall(r'<tr>\s*<th scope="row"><a href="/people/(\w+)[^>]*>([^<]+)</a>', page)
    assert rows == [(one["id"], one["label"]) for one in answer["people"]]
    number = r"(\d+(?:\.\d)?)"
    scores = re.findall(rf"<b>{number}</b> <span class=\"soft\">\({number}–{number}\)", page)
    known = [one["score"] for one in answer["people"] if one["score"]["value"] is not None]
    assert scores == [as_precise(one, texts) for one, texts in zip(known, scores, strict=True)]


def as_precise(score, texts):
    """Place and interval with as many decimals as the page shows: one where the interval is narrower than a place."""
    return tuple(f"{score[name]:.{len(text.partition('.')[2])}f}" for name, text in zip(("value", "low", "high"), texts, strict=True))


def test_a_person_has_the_same_numbers_on_both_sides(client):
    people = client.get("/api/v1/scans/latest/people?limit=500").json()["people"]
    for one in people[::9]:
        assert told(client, f"/people/{one['id']}") - api(client, [f"/people/{one['id']}"]) == set(), one["label"]


@pytest.mark.parametrize("unit", ["company", "1"])
def test_a_manager_reads_the_same_bands_on_both_sides(client, unit):
    view_as(client, {"role": "manager", "team": "1"})
    try:
        page = client.get(f"/map/{unit}?view=table", headers={"Accept": "text/html", "Accept-Language": "en"}).text
        found = client.get(f"/api/v1/teams/{unit}/map").json()
        assert shown(page) - given_by(found) - CONSTANTS == set()
        assert [one["name"] for one in found["people"] if f">{html.escape(one['name'])}</a>" not in page] == []
        assert page.count('<tr id="row-') == len(found["nodes"]) + len(found["people"])
    finally:
        view_as(client, {})


def view_as(client, form: dict[str, str]) -> None:
    page = client.get("/help").text
    token = re.search(rf'name="{CSRF_FIELD}" value="(\w+)"', page)[1]
    origin = str(client.base_url).rstrip("/")
    answer = client.post(
        "/view-as", data=form | {CSRF_FIELD: token}, headers={"Origin": origin, "Sec-Fetch-Site": "same-origin"}, follow_redirects=False
    )
    assert answer.status_code == 303


def test_the_reader_of_pages_would_see_a_number_that_is_nobodys():
    """The control."""
    page = "<main><p>is asked by 1,234 people</p><p class='x'>99 %</p><p class=\"soft\">7</p><select>8</select></main>"
    assert shown(page) == {"1234", "99"}
    assert shown(page) - given_by({"askers": 1234.0, "share": 0.99}) == set()
    assert shown(page) - given_by({"askers": 1235.0}) == {"1234", "99"}
