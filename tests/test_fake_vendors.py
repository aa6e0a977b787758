"""The README's recipe for newcomers: fake vendors in one terminal, a network pull without an account in the other."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from connectors.network import Plan, Scopes
from ona.errors import SettingsError
from pipelines import connecting

ONA = Path(sys.executable).with_name("ona")


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    """Start the fake vendors as a newcomer does, on a free port; give their folder."""
    home = tmp_path_factory.mktemp("newcomer") / "fake"
    command = [str(ONA), "fake-vendors", "--home", str(home), "--people", "50", "--weeks", "1", "--port", "0"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ONA_")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=kept) as server:
        deadline = time.monotonic() + 60
        while not (home / "key").exists() and time.monotonic() < deadline and server.poll() is None:
            time.sleep(0.05)
        try:
            yield home
            server.terminate()  # not Ctrl-C, which a shell lets its background jobs ignore
            printed, _ = server.communicate(timeout=30)
        finally:
            server.kill()  # whatever went wrong, nobody waits for it
    assert re.search(r"Fake vendors at https://127\.0\.0\.1:\d+", printed)
    assert f"ona pull --home {home}" in printed


def test_a_newcomer_checks_the_token_and_pulls_without_an_account(fake, ona):
    checked = ona("connect", "slack_web_api", "--check", "--home", fake, "--json")
    assert checked.returncode == 0, checked.stderr
    assert json.loads(checked.stdout)["too_wide"] == []
    pulled = ona("pull", "slack_web_api", "--home", fake)
    assert pulled.returncode == 0, pulled.stderr
    assert re.search(r"slack_web_api: (\d+) of \1 channels read", pulled.stdout)
    assert list((fake / "lake" / "events").glob("part=*/*.parquet"))


def test_a_newcomer_reads_from_every_other_vendor_too(fake, ona):
    sources = "microsoft_mail", "google_calendar", "scim", "badges_credly"
    pulled = ona("pull", *sources, "--home", fake, "--json")
    assert pulled.returncode == 0, pulled.stderr
    accepted = {one["connector"]: one["report"]["accepted"] for one in json.loads(pulled.stdout)}
    assert accepted.keys() == set(sources)
    assert min(accepted.values()) > 0


def test_a_newcomer_is_told_how_long_a_pull_of_mailboxes_takes(fake, ona):
    forecast = ona("pull", "microsoft_calendar", "--dry-run", "--home", fake)
    told = (
        r"microsoft_calendar: (\d+) people, \1 channels or mailboxes, about [\d,]+ calls; takes about [\d:]+, until [\d:]+ if it begins now"
    )
    assert re.search(told, forecast.stdout), forecast.stderr


def test_a_token_without_scopes_is_not_called_a_file(fake, ona):
    checked = ona("connect", "scim", "--check", "--home", fake)
    assert checked.returncode == 2
    assert "name no scopes" in checked.stderr


def test_a_check_tells_spare_scopes_from_needed_ones_and_a_plan_of_people_names_no_mailboxes():
    said = connecting.in_words(Scopes(("channels:read", "team:read"), ("channels:read",), ()))
    assert [line.partition("  (")[2] for line in said] == ["", "this connector does without)", ""]
    assert "nothing else" not in said[-1]
    assert "nothing else" in connecting.in_words(Scopes(("channels:read",), ("channels:read",), ()))[-1]
    assert connecting.in_words(Scopes(("im:history",), ("channels:read",), ("im:history",)))[-1].startswith("TOO WIDE  im:history")
    assert connecting.plan_in_words("scim", Plan(55, 0, 3, 1.0, ("names",)))[0].startswith(
        "scim: 55 people, about 3 calls; takes about 0:00:01"
    )


def test_connecting_is_explained_and_the_manifest_asks_for_no_more_than_it_says():
    told = "\n".join(connecting.how_to("slack_web_api"))
    manifest = json.loads(Path(re.search(r"\S+manifest\.json", told)[0]).read_text())
    assert manifest["oauth_config"]["scopes"] == {"bot": ["channels:history", "channels:read", "users:read", "users:read.email"]}


def test_a_source_that_is_not_there_is_named_with_those_there_are():
    with pytest.raises(SettingsError, match="slack_web_api"):
        connecting.how_to("carrier_pigeon")
