"""Thirty ways to smuggle a script into a name, a team, a department or a badge, and none of them runs on any page."""

from itertools import cycle, islice

import pytest
import sealed_scan

from pipelines.access import view_id
from pipelines.access.rights import Role

pytestmark = pytest.mark.browser

RUN = "window.ran=1"
STRINGS = (
    f"<script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f'"><script>{RUN}</script>',
    f"'><script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    f'"><img src=x onerror={RUN}>',
    f"<svg onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<body onload={RUN}>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'>",
    f"<details open ontoggle={RUN}>",
    f"<input autofocus onfocus={RUN}>",
    f"<video><source onerror={RUN}></video>",
    f'" onmouseover="{RUN}" x="',
    f"' onfocus='{RUN}' autofocus='",
    f"javascript:{RUN}",
    f"<a href=javascript:{RUN}>x</a>",
    f"<math><mtext><script>{RUN}</script>",
    f"<!--><script>{RUN}</script>-->",
    f"]]><script>{RUN}</script>",
    f"<style>@import'javascript:{RUN}'</style>",
    f"<meta http-equiv=refresh content='0;url=javascript:{RUN}'>",
    f"<base href=//192.0.2.1/><script src=x.js></script>{RUN}",
    "{{ 7 * 7 }}{% set x = 1 %}",
    "{number} %(n)s %s {0}",
    f"\\u003cscript\\u003e{RUN}\\u003c/script\\u003e",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"${{{RUN}}}`{RUN}`",
    f"<template><script>{RUN}</script></template><slot onslotchange={RUN}>",
    f"\u202e<object data='data:text/html,<script>{RUN}</script>'>",
)

PAGES = {
    Role.ANALYST: (
        "/overview",
        "/people",
        "/people?badges=true",
        "/people/{person}",
        "/key-people",
        "/teams",
        "/teams/1",
        "/teams/company",
        "/company",
        "/quality",
        "/publish",
    ),
    Role.MANAGER: ("/map", "/map/1", "/map?view=heat", "/skill-units"),
    Role.HR: ("/map?view=table", "/candidates", "/skills", "/people/{person}"),
    Role.EMPLOYEE: ("/me", "/my-badges"),
}


def renamed(badge, **fields):
    return badge.__class__(**{name: fields.get(name, getattr(badge, name)) for name in badge.__class__.__annotations__})


@pytest.fixture(scope="module")
def hostile(tmp_path_factory, serve_company):
    """A company whose people, teams, departments and badges are called like that."""
    made, names = sealed_scan._badges, cycle(STRINGS)
    hostile_names = {
        "FIRST": STRINGS,
        "LAST": ("",),
        "TEAMS": STRINGS[:8],
        "DEPARTMENTS": tuple(islice(cycle(STRINGS[8:]), 4)),
        "_badges": lambda people: [renamed(badge, name=next(names), issuer=next(names)) for badge in made(people)],
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in hostile_names.items():
            patch.setattr(sealed_scan, name, value)
        company = sealed_scan.made(tmp_path_factory.mktemp("hostile") / "home")
    with serve_company(company) as found:
        yield found


@pytest.mark.parametrize("role", PAGES)
def test_no_name_runs(hostile, look, role):
    page, seen = look("/help", role=role, at=hostile)
    dialogs = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message) or dialog.dismiss())
    somebody = view_id(hostile.app.state.ws.keys, role, hostile.company.scan, hostile.company.hidden_helper)
    for path in PAGES[role]:
        assert page.goto(hostile.base + path.format(person=somebody)).status == 200, path
        page.wait_for_timeout(60)
        assert page.evaluate("window.ran") is None, path
        assert page.locator("main img, main iframe, main object, main video, main math, main base, main input[autofocus]").count() == 0, (
            path
        )
    assert (seen.complaints, seen.outside, dialogs) == ([], [], [])


def test_the_names_are_there_to_be_read(hostile, look):
    """The control: the pages above hold the strings as text, so something could have run."""
    page, _ = look("/people", role=Role.ANALYST, at=hostile)
    told = page.inner_text("main")
    assert sum(text.strip() in told for text in STRINGS) >= 20
    assert "{{ 7 * 7 }}" in told
    ran = """() => new Promise(done =>
        document.querySelector('main').append(Object.assign(document.createElement('img'), {src: 'x', onerror: () => done(1)})))"""
    assert page.evaluate(ran) == 1
