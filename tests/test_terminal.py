"""What a terminal of 80 columns, or a pipe, gets to see of the command line."""

from io import StringIO
from types import SimpleNamespace

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from connectors.base import connector_names
from connectors.microsoft.login import NEEDED
from pipelines import cli, connecting, console, doctor
from pipelines.intake import quality

NARROW = 80
GROUPS = [verb.name for verb in cli.VERBS if isinstance(cli.load(verb.name), typer.core.TyperGroup)]


@pytest.fixture
def screen(monkeypatch):
    """Let the command line write to a screen of so many columns, and return what it wrote there."""

    def of(width: int) -> StringIO:
        written = StringIO()
        monkeypatch.setattr(console, "out", Console(file=written, width=width))
        return written

    return of


def shown(*words: str) -> str:
    """Return what the command line prints, its line breaks as blanks."""
    return " ".join(CliRunner().invoke(cli.app, list(words), env={"COLUMNS": str(NARROW)}).output.split())


def test_the_list_of_verbs_says_whole_sentences_on_a_narrow_screen():
    said = shown("--help")
    assert [verb.name for verb in cli.VERBS if verb.help not in said] == []


@pytest.mark.parametrize("group", GROUPS)
def test_the_list_of_a_group_says_whole_sentences_on_a_narrow_screen(group):
    said = shown(group, "--help")
    verbs = cli.load(group).commands.values()
    assert [verb.name for verb in verbs if " ".join(verb.help.split()) not in said] == []


def test_a_table_with_columns_to_cut_keeps_the_others_whole_and_each_row_on_one_line(screen):
    written = screen(NARROW)
    rows = [
        ("5D8C0C34425C676C", "Maja Oliveira", "Sales team 1", 100, "99-100", "helper, hidden", "CompTIA Security+ (issuer-asserted)")
    ] * 3
    console.table("Id Person Team Score Interval Stands_out Badges", rows, cut=("Person", "Team", "Badges"))
    lines = written.getvalue().splitlines()
    assert len(lines) == 1 + len(rows)
    assert max(map(len, lines)) <= NARROW
    assert all("5D8C0C34425C676C" in line and "helper, hidden" in line and "…" in line for line in lines[1:])


def test_a_wide_screen_cuts_nothing(screen):
    written = screen(console.PIPED_WIDTH)
    console.table("Id Badges", [("5D8C", "CompTIA Security+ (issuer-asserted)")], cut=("Badges",))
    assert "CompTIA Security+ (issuer-asserted)" in written.getvalue()


def test_what_to_call_next_names_the_folder_that_was_named(screen, tmp_path):
    written = screen(NARROW)
    console.next_verb("ona scan", tmp_path)
    console.next_verb("ona scan")
    assert written.getvalue().splitlines() == [f"Next: ona scan --home {tmp_path}", "Next: ona scan"]


@pytest.mark.parametrize("name", connector_names())
def test_every_connector_says_how_to_connect_it(name):
    steps = connecting.how_to(name)
    assert len(steps) > 1
    assert any(f"[connectors.{name}]" in step for step in steps)
    assert any(f"ona pull {name}" in step for step in steps)


def test_the_steps_of_a_part_of_microsoft_name_its_permissions_and_no_other():
    said = " ".join(connecting.how_to("microsoft_mail"))
    assert all(one in said for one in NEEDED["mail"])
    assert not any(one in said for one in NEEDED["calendar"] if one not in NEEDED["mail"])


def test_a_connector_of_which_no_row_is_of_use_is_unusable():
    pull = SimpleNamespace(id=1, connector="people", read=48, accepted=0, duplicate=0, first=None, last=None)
    count = SimpleNamespace(pull=1, fate="quarantined", code="day_unreadable", rows=48)
    assert quality._account("people", [pull], [count]).verdict == quality.UNUSABLE
    assert quality._account("people", [SimpleNamespace(**vars(pull) | {"accepted": 48})], []).verdict == quality.USABLE


def test_of_many_accounts_that_are_no_people_the_first_are_named():
    many = [{"kind": "former", "handle": f"email:f{n:04}@acme.example"} for n in range(3_000)]
    lines = doctor._accounts_in_words([*many, {"kind": "bot", "handle": "id:hr/7"}])
    assert len(lines) == doctor.MOST_ACCOUNTS + 2  # ten, how many more, one bot
    assert "2,990 more" in lines[doctor.MOST_ACCOUNTS]
