"""Every page and every JSON answer of a real server over the demo company, walked as a reader would: no content, no error, no log line."""

import html
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from canaries import canaries

from connectors.simulated.files import CANARY

ONA = Path(sys.executable).with_name("ona")
ALIKE = 3  # pages of one kind that are opened: the template is the same, the people differ
SOMEBODY = re.compile(r"/(\d+|[0-9A-F]{4,}|[0-9a-f]{8,})(?=/|$)")


@dataclass(frozen=True)
class Walk:
    """What a walk through the site saw: the text of each answer by path, what the server printed meanwhile, and what it wrote."""

    answers: dict[str, str]
    types: dict[str, str]
    statuses: dict[str, int]
    printed: str
    folder: Path


@pytest.fixture(scope="module")
def walk(demo, tmp_path_factory) -> Walk:
    folder = tmp_path_factory.mktemp("served")
    home, printed = folder / "home", folder / "printed"
    shutil.copytree(demo.home, home)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "temporary").mkdir()
    own = {"env": os.environ | {"TMPDIR": str(folder / "temporary")}, "stderr": subprocess.STDOUT}
    with printed.open("wb") as output:
        server = subprocess.Popen([str(ONA), "serve", "--home", str(home), "--port", str(port)], stdout=output, **own)
    try:
        found = walked(f"http://127.0.0.1:{port}", printed)
    finally:
        server.terminate()
        server.wait(30)
    texts = {path: answer.text for path, answer in found.items()}
    types = {path: answer.headers["content-type"].partition(";")[0] for path, answer in found.items()}
    return Walk(texts, types, {path: answer.status_code for path, answer in found.items()}, printed.read_text(), folder)


def walked(base: str, printed: Path) -> dict[str, httpx2.Response]:
    """Open the one-time link, then follow every link, a few of each kind, and call every route of the API that needs no unknown id."""
    answers: dict[str, httpx2.Response] = {}
    with httpx2.Client(base_url=base, follow_redirects=True, timeout=30) as client:
        link = one_time_link(client, printed)
        client.post(link, headers={"Origin": base, "Sec-Fetch-Site": "same-origin"}).raise_for_status()
        waiting, kinds = ["/", "/metrics"], {}
        while waiting:
            path = waiting.pop(0)
            kind = SOMEBODY.sub("/{}", urlsplit(path).path)
            if path in answers or kinds.get(kind, 0) >= ALIKE:
                continue
            kinds[kind] = kinds.get(kind, 0) + 1
            answers[path] = client.get(path)
            waiting += links_of(answers[path])
    return answers


def one_time_link(client: httpx2.Client, printed: Path) -> str:
    """Wait for the server and return the path of the link that it printed."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = re.search(r"http://\S+?(/\S+)", printed.read_text())
        try:
            if found and client.get("/healthz").status_code == 200:
                return found[1]
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError(printed.read_text())


def links_of(answer: httpx2.Response) -> list[str]:
    """Return the places of this site that a page or a description of the API points to."""
    if answer.headers["content-type"].startswith("text/html"):
        found = [html.unescape(link) for link in re.findall(r'(?:href|src)="(/[^"#]*)', answer.text)]
        return [*found, "/api/v1/openapi.json"]
    if answer.request.url.path.endswith("/openapi.json"):
        gets = [path for path, verbs in answer.json()["paths"].items() if "get" in verbs]
        routes = [re.sub(r"{scan(_id)?}", "latest", path) for path in gets]
        return [route for route in routes if "{" not in route]
    if answer.request.url.path.endswith("/people"):
        return [f"/api/v1/people/{one['person']}" for one in answer.json().get("items", [])[:ALIKE]]
    return []


def test_the_walk_saw_the_whole_site(walk):
    kinds = {SOMEBODY.sub("/{}", urlsplit(path).path) for path in walk.answers}
    assert {
        "/",
        "/people",
        "/people/{}",
        "/teams/company",
        "/teams/{}",
        "/quality",
        "/metrics",
        "/api/v1/scans",
        "/api/v1/openapi.json",
    } <= kinds
    assert sum(kind.startswith("/api/v1/") for kind in kinds) >= 6


def test_no_link_leads_to_an_error(walk):
    assert {path: status for path, status in walk.statuses.items() if status != 200 and not path.startswith("/api/")} == {}


def test_a_route_that_answers_nothing_here_says_why(walk):
    """Routes of other roles, and routes that want to know more than a walk can say."""
    refused = {path: status for path, status in walk.statuses.items() if status != 200 and path.startswith("/api/")}
    assert set(refused.values()) <= {403, 422}
    assert {walk.types[path] for path in refused} <= {"application/problem+json"}


def test_no_answer_holds_content(walk):
    assert [path for path, text in walk.answers.items() if CANARY in text] == []


def test_no_file_holds_content_after_people_looked_at_all_of_it(walk):
    assert canaries(walk.folder) == []


def test_the_server_prints_the_link_and_no_person(walk):
    assert CANARY not in walk.printed
    assert "Traceback" not in walk.printed
    assert len(walk.printed.strip().splitlines()) <= 3, walk.printed


def test_no_answer_holds_an_address(walk, demo):
    lines = (demo.home / "inbox" / "hr.csv").read_text(encoding="utf-8").splitlines()[1:]
    addresses = [field for line in lines for field in line.split(",") if "@" in field]
    assert len(addresses) > 100
    assert [path for path, text in walk.answers.items() if any(address in text for address in addresses)] == []


def test_json_answers_are_json(walk):
    assert sum("json" in kind for kind in walk.types.values()) >= 20
    for path, text in walk.answers.items():
        if "json" in walk.types[path]:
            json.loads(text)
