"""Badges checked again and joins taken back from the command line; a wrong join that was undone leaves the scores of a fresh run."""

import csv
import json
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connectors.base import RawPerson
from connectors.simulated.files import write_company
from connectors.simulated.identities import Identities
from ona.rules import Rules
from ona.simulate.company import company
from pipelines import scans
from pipelines.cli import app
from pipelines.intake import pulls
from pipelines.intake.people import pull_people
from pipelines.keys import create_key
from pipelines.settings import load_settings
from pipelines.storage.workspace import open_workspace
from tests.pipelines.conftest import People

WEEKS = 2
NOW = datetime(2026, 7, 13)  # the company's weeks begin on 2026-06-29


@pytest.fixture(scope="module")
def acme():
    return company(people=50, weeks=WEEKS, seed=5)


@pytest.fixture(scope="module")
def inbox(acme, tmp_path_factory):
    """Write the company's files; its HR table names no Slack accounts, so that addresses alone join them."""
    made = write_company(acme, tmp_path_factory.mktemp("acme") / "inbox")
    with made.people.open(encoding="utf-8", newline="") as stream:
        rows = [row[:-1] for row in csv.reader(stream)]
    with made.people.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return made


@pytest.fixture
def home(tmp_path: Path, inbox):
    """Make deployments with one key that read the same files."""
    create_key(tmp_path / "key")

    def made(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "key").write_bytes((tmp_path / "key").read_bytes())
        (folder / "key").chmod(0o600)
        files = {"people": inbox.people, "slack_export": inbox.slack, "mbox": inbox.mail, "badges_table": inbox.badges}
        sections = "".join(f'[connectors.{name}]\npath = "{path}"\n' for name, path in files.items())
        (folder / "ona.toml").write_text(f'deterministic_ids = true\ncompany_domains = ["acme.example"]\n{sections}')
        return folder

    return made


def run(*words: str) -> dict:
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def scores(folder: Path) -> str:
    with open_workspace(load_settings(folder), lambda: NOW) as ws:
        assert all(outcome.error is None for outcome in pulls.pull(ws))
        sealed = scans.run(ws, Rules(weeks=WEEKS))
        assert sealed.scores.num_rows - sealed.scores["value"].null_count > sealed.people.num_rows
        return scans.score_hash(sealed)


def test_a_wrong_join_that_was_undone_leaves_the_scores_of_a_fresh_run(home, acme, inbox):
    identities = Identities(acme)
    members = [one for one in identities.known.values() if one.on_slack and not one.left][:2]
    mended, fresh = home("mended"), home("fresh")
    users = [one.handle for one in members]
    with open_workspace(load_settings(mended), lambda: NOW) as ws:
        pulls.pull(ws, ["people"])
        pull_people(ws, "wrong_directory", People([RawPerson((users[0], f"email:{members[1].email}"))]))
        assert ws.vault.person_of(users[0]) == ws.vault.person_of(f"email:{members[1].email}")
    wrong = scores(mended)  # two people's work is one person's until somebody notices
    assert run("joins", "undo", users[0], "--source", "wrong_directory", "--home", str(mended)) == {"stands_alone": True}
    assert scores(mended) == scores(fresh) != wrong


def test_badges_are_checked_again_and_what_changed_is_told(home, inbox, tmp_path):
    folder = home("badges")
    copy = tmp_path / "badges.csv"
    copy.write_bytes(inbox.badges.read_bytes())
    settings = folder / "ona.toml"
    settings.write_text(settings.read_text().replace(str(inbox.badges), str(copy)))
    with open_workspace(load_settings(folder)) as ws:
        pulls.pull(ws, ["people", "badges_table"])
    told = run("badges", "check", "--home", str(folder))
    assert (told["changed"], told["errors"]) == ([], [])
    copy.write_bytes(copy.read_bytes().replace(b",unknown,", b",revoked,"))
    changed = run("badges", "check", "--home", str(folder))["changed"]
    assert {one["now"] for one in changed} <= {"revoked"}
    assert told["checked"] == sum(told["by_status"].values()) > 0


def test_an_account_that_nobody_has_cannot_be_undone_and_is_not_repeated(home):
    folder = home("nobody")
    done = CliRunner().invoke(app, ["joins", "undo", "slack:T9/UCANARY", "--source", "x", "--home", str(folder)])
    assert done.exit_code
    assert "CANARY" not in done.output
