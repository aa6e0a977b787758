"""A company's first scan in a real browser over real processes: sign-in, connections, dry run, progress, quality, publication, manager."""

import csv
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import processes
import pytest

from connectors.simulated.files import write_company
from ona.simulate.company import company
from pipelines.keys import create_key

pytestmark = pytest.mark.browser

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

ONA = Path(sys.executable).with_name("ona")
SHOTS = os.environ.get("SCREENSHOTS")
"""Folder for a picture of every step, for whoever wants to look."""

SETTINGS = """\
public_url = "{public}"
port = {port}
deterministic_ids = true
company_domains = ["acme.example"]

[sign_in]
issuer = "{issuer}"
client_id = "ona"

[sign_in.roles]
"Ona.Analyst" = "analyst"
"Ona.Manager" = "manager"

[connectors.people]
path = "inbox/hr.csv"

[connectors.slack_export]
path = "inbox/slack.zip"
private = true
direct = true

[connectors.ics]
path = "inbox/calendar.ics"
window_start = {start}
window_end = {end}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A deployment with four weeks of a simulated company's files in its inbox, and nothing read yet."""
    folder = tmp_path_factory.mktemp("day") / "home"
    today = date.today()
    start = today - timedelta(days=today.weekday(), weeks=5)
    folder.mkdir()
    write_company(company(people=50, weeks=4, seed=5, start=start), folder / "inbox")
    create_key(folder / "key")
    ports = processes.free_port(), processes.free_port()
    public, issuer = (f"http://127.0.0.1:{port}" for port in ports)
    span = {"start": start, "end": start + timedelta(weeks=4)}
    (folder / "ona.toml").write_text(SETTINGS.format(public=public, port=ports[0], issuer=issuer, **span))
    return folder


def address_of_the_head(home: Path) -> str:
    """Mail address of whoever leads most people, two levels down."""
    with (home / "inbox" / "hr.csv").open(encoding="utf-8") as file:
        rows = {row["employee_id"]: row for row in csv.DictReader(file)}
    leads = Counter(
        above for row in rows.values() for above in (row["manager_id"], rows.get(row["manager_id"], row)["manager_id"]) if above
    )
    return str(rows[leads.most_common(1)[0][0]]["email"])


@pytest.fixture(scope="module")
def public(home, tmp_path_factory):
    """The company's provider, pages and worker, each a process of its own."""
    text = (home / "ona.toml").read_text()
    public, issuer = (re.search(rf'{name} = "(.+)"', text)[1] for name in ("public_url", "issuer"))
    head = {"email": address_of_the_head(home), "email_verified": True, "roles": ["Ona.Manager"]}
    users = {"ann": {"roles": ["Ona.Analyst"]}, "head": head}
    given = [part for sub, claims in users.items() for part in ("--user-claims", json.dumps({"sub": sub} | claims))]
    port = issuer.rpartition(":")[2]
    provider = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", port, "--require-nonce", "true", *given]
    secret = {"ONA_SIGN_IN__CLIENT_SECRET": "not-a-secret"}
    folder = tmp_path_factory.mktemp("processes")
    with (
        processes.running(provider, folder / "provider", issuer, AUTHLIB_INSECURE_TRANSPORT="1"),
        processes.running([ONA, "serve", "--home", home], folder / "pages", f"{public}/healthz", **secret),
        processes.running([ONA, "worker", "--home", home], folder / "worker", **secret),
    ):
        yield public


class Visit:
    """Somebody at a browser of their own."""

    def __init__(self, browser, public: str, sub: str, width: int = 1280) -> None:
        """Sign in by way of the provider."""
        self.context = browser.new_context(viewport={"width": width, "height": 900})
        self.page, self.complaints, self.sub = self.context.new_page(), [], sub
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None)
        self.page.goto(public)
        self.look("sign-in")
        self.page.get_by_role("link", name="Sign in with your company account").click()
        self.page.fill("input[name=sub]", sub)
        self.page.get_by_role("button", name="Authorize").click()
        self.page.wait_for_url(f"{public}/**")
        self.complaints.clear()  # the provider's own pages
        self.look("arrived")

    def look(self, name: str) -> None:
        """See that a page fits its window, and keep a picture for whoever asked."""
        assert self.page.locator("h1").count() == 1
        assert self.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
        if SHOTS:
            self.page.screenshot(path=f"{SHOTS}/{self.sub}-{name}.png", full_page=True)

    def heard(self) -> list[str]:
        """What the browser complained about, less that pages answered 403 or 404."""
        return [said for said in self.complaints if "403" not in said and "404" not in said]


@pytest.fixture
def visit(public, browser) -> Iterator[Callable[[str], Visit]]:
    """Let somebody come in; their browsers close with the test."""
    visits = []

    def come(sub: str) -> Visit:
        visits.append(Visit(browser, public, sub))
        return visits[-1]

    yield come
    for one in visits:
        one.context.close()


def test_from_sign_in_to_what_the_manager_sees(public, visit):
    ann = visit("ann")
    page = ann.page
    assert "/scans" in page.url or "No scan yet" in page.inner_text("main")
    page.get_by_role("link", name="Connections").first.click()
    assert page.locator("tbody tr").count() == 3
    assert page.locator("tbody tr", has_text="never").count() == 3
    ann.look("connections")
    page.goto(f"{public}/scans/new")
    page.check("input[value=weeks]")
    page.check("input[name=pull]")
    ann.look("choose")
    page.get_by_role("button", name="Look at the dry run").click()
    assert "the weeks that the pull finds" in page.inner_text("main")  # nothing was ever read
    assert page.locator("main table tbody tr").count() == 3
    ann.look("dry-run")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/jobs/*")
    expect(page.locator("#job-state")).not_to_have_text("waits", timeout=60_000)  # told by server-sent events, without a reload
    ann.look("progress")
    page.wait_for_selector("text=Done.", timeout=120_000)
    ann.look("done")
    page.get_by_role("link", name="Look at the data quality").click()
    assert page.locator(".verdict").count() >= 1
    ann.look("quality")
    head = visit("head")
    assert "published to you" in head.page.inner_text("main")
    page.goto(f"{public}/publish")
    page.check("input[value=manager]")
    ann.look("publish")
    page.get_by_role("button", name="Publish").click()
    assert page.locator(".state.live").inner_text() == "Managers"
    ann.look("published")
    head.page.goto(public)
    assert head.page.url.startswith(f"{public}/map")
    head.page.wait_for_selector(".drawn canvas")
    assert head.page.locator("#map-options li").count() >= 2
    head.look("map")
    assert head.page.goto(f"{public}/people").status == 403
    head.look("closed")
    assert ann.heard() + head.heard() == []
