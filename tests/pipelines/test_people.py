"""Directories become people: joined, dated, coded; a tree that cannot be is not believed."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import permutations

import numpy as np
import pytest
from msgspec import structs

from connectors.base import RawPerson
from ona.tables import ACCOUNTS, PEOPLE, AccountKind, check
from pipelines.intake.events import pull_events
from pipelines.intake.people import (
    accounts,
    consents,
    current_people,
    faults,
    labels,
    object_person,
    places,
    pull_people,
    set_consent,
    withdraw_objection,
    withheld,
)
from pipelines.intake.tree import NOBODY, departments, tree_of
from pipelines.storage.workspace import Workspace
from tests.pipelines.conftest import NOW, Events, People, handle, mail

Opened = Callable[..., AbstractContextManager[Workspace]]
TODAY = NOW.date()


def someone(number: int, manager: int | None = None, **more: object) -> RawPerson:
    return RawPerson((f"id:hr/{number}", handle(f"p{number}")), manager=None if manager is None else f"id:hr/{manager}", **more)


def table(ws: Workspace, at: date = TODAY) -> dict[int, dict[str, object]]:
    """Return the rows by employee number."""
    rows = {row["person"]: row for row in current_people(ws, at).to_pylist()}
    known = ws.vault.persons_of(f"id:hr/{n}" for n in range(100))
    return {int(handle.partition("/")[2]): rows[person] for handle, person in known.items() if person in rows}


def manager_of(ws: Workspace, number: int) -> int | None:
    by_person = {row["person"]: number for number, row in table(ws).items()}
    return by_person.get(table(ws)[number]["manager"])


def test_what_a_directory_says_comes_back(ws: Workspace) -> None:
    boss = someone(0, team="Ops", group="North", named_lead=True, zone="Europe/Berlin", language="de", level=1)
    report = pull_people(ws, "people", People([boss, someone(1, 0, team="Dev", fte=0.5, work_days=0b0111, joined=date(2026, 1, 5))]))
    check(current_people(ws, TODAY), PEOPLE)
    rows = table(ws)
    assert report.balanced
    assert report.accepted == 2
    assert manager_of(ws, 1) == 0
    assert (rows[0]["zone"], rows[0]["named_lead"], rows[1]["fte"], rows[1]["work_days"]) == ("Europe/Berlin", True, 0.5, 0b0111)
    assert labels(ws)["team"] == {0: "Dev", 1: "Ops"}
    assert (rows[0]["team"], rows[1]["team"], rows[1]["level"]) == (1, 0, 2)


def test_any_order_of_rows_gives_the_same_people(open_at: Opened, ws: Workspace) -> None:
    given = [someone(0, team="B"), someone(1, 0, team="A"), someone(2, 7), someone(2, 0), someone(3, 3), someone(3, 3)]
    found = set()
    for order in list(permutations(given))[::97]:
        pull_people(ws, "people", People(order))
        found.add(str(current_people(ws, TODAY).to_pylist()))
    assert len(found) == 1


def test_pulling_the_same_directory_again_changes_nothing(ws: Workspace, open_at: Opened) -> None:
    given = [someone(0), someone(1, 0)]
    pull_people(ws, "people", People(given))
    before = current_people(ws, TODAY)
    with open_at(NOW + timedelta(days=30)) as later:
        pull_people(later, "people", People(given))
        assert current_people(later, TODAY + timedelta(days=31)) == before


def test_a_change_holds_from_the_day_it_was_seen(ws: Workspace, open_at: Opened) -> None:
    pull_people(ws, "people", People([someone(0, team="A")]))
    with open_at(NOW + timedelta(days=30)) as later:
        pull_people(later, "people", People([someone(0, team="B")]))
    day = TODAY + timedelta(days=30)
    assert labels(ws)["team"][table(ws, day - timedelta(days=1))[0]["team"]] == "A"
    assert labels(ws)["team"][table(ws, day)[0]["team"]] == "B"


def test_dated_rows_hold_from_their_own_days(ws: Workspace) -> None:
    given = [someone(0, team="A", valid_from=date(2025, 1, 1)), someone(0, team="B", valid_from=date(2026, 1, 1))]
    pull_people(ws, "people", People(given))
    assert current_people(ws, date(2024, 12, 31)).num_rows == 0
    row = table(ws, date(2025, 6, 1))[0]
    assert (labels(ws)["team"][row["team"]], row["valid_from"], row["valid_to"]) == ("A", date(2025, 1, 1), date(2026, 1, 1))


def test_a_single_own_manager_is_the_top(ws: Workspace) -> None:
    report = pull_people(ws, "people", People([someone(0, 0), someone(1, 0)]))
    assert (manager_of(ws, 0), manager_of(ws, 1)) == (None, 0)
    assert not report.notes
    assert [table(ws)[n]["level"] for n in (0, 1)] == [1, 2]


def test_impossible_managers_are_not_believed_and_counted(ws: Workspace) -> None:
    """4 and 5 manage each other, 6 and 7 manage themselves, 8 reports to nobody known, 9 has two managers; 1 is fine."""
    given = [
        someone(0),
        someone(1, 0),
        someone(4, 5),
        someone(5, 4),
        someone(6, 6),
        someone(7, 7),
        someone(8, 77),
        someone(9, 0),
        someone(9, 1),
    ]
    report = pull_people(ws, "people", People(given))
    assert report.notes == {"tree_loop": 2, "tree_own_manager": 2, "tree_orphan": 1, "tree_two_managers": 1}
    assert report.balanced
    assert {code: len(who) for code, who in faults(ws).items()} == {"loop": 2, "own_manager": 2, "orphan": 1, "two_managers": 1}
    assert [n for n in table(ws) if manager_of(ws, n) is not None] == [1]
    assert [n for n, row in table(ws).items() if row["level"] is not None] == [0, 1]  # below a doubtful top no depth is known


def test_two_directories_are_put_together(ws: Workspace) -> None:
    """HR knows the team, the chat system the zone and who is a bot; they meet at the address."""
    pull_people(ws, "hr", People([someone(0, team="A"), someone(1, 0, team="A")]))
    chat = [RawPerson(("slack:T/U1", handle("p1")), zone="Asia/Tokyo"), RawPerson(("slack:T/B",), kind=AccountKind.BOT)]
    pull_people(ws, "slack", People(chat))
    rows = table(ws)
    assert current_people(ws, TODAY).num_rows == 3
    assert (rows[1]["zone"], manager_of(ws, 1), rows[1]["kind"]) == ("Asia/Tokyo", 0, AccountKind.MEMBER)
    kinds = {row["account"]: row["kind"] for row in accounts(ws).to_pylist()}
    assert kinds[ws.vault.accounts(["slack:T/B"])[0]] == AccountKind.BOT


def test_a_join_that_comes_later_takes_the_rows_along(ws: Workspace) -> None:
    pull_people(ws, "hr", People([someone(0, team="A", objected=True)]))
    pull_people(ws, "slack", People([RawPerson(("slack:T/U",))]))
    pull_people(ws, "slack", People([RawPerson(("slack:T/U", handle("p0")))]))
    assert current_people(ws, TODAY).num_rows == 1
    assert withheld(ws) == {ws.vault.person_of("slack:T/U")} == {ws.vault.person_of("id:hr/0")}
    assert ws.vault.accounts(["slack:T/U"]) == [0]


def test_accounts_carry_kind_working_days_and_exclusion(ws: Workspace) -> None:
    given = [someone(0), someone(1, kind=AccountKind.ROOM, work_days=1), someone(2, protected=True), someone(3, objected=True)]
    pull_people(ws, "people", People(given))
    ws.vault.accounts([handle("stranger")])
    found = check(accounts(ws), ACCOUNTS).to_pylist()
    assert len(found) == 8  # two handles each; a stranger is nobody's
    assert {row["account"] for row in found if row["excluded"]} == set(accounts_of(ws, 2) + accounts_of(ws, 3))
    assert {(row["kind"], row["work_days"]) for row in found if row["account"] in accounts_of(ws, 1)} == {(AccountKind.ROOM, 1)}


def accounts_of(ws: Workspace, number: int) -> list[int]:
    return ws.vault.accounts_of(ws.vault.person_of(f"id:hr/{number}") or 0)


def test_without_any_directory_every_account_of_the_company_is_a_person(open_at: Opened) -> None:
    with open_at(company_domains=("acme.example",)) as ws:
        pull_events(ws, "mbox", Events([structs.replace(mail("1", "a", "b"), sender="email:x@other.example"), mail("2", "a", "b")]))
        people = check(current_people(ws, TODAY), PEOPLE)
        assert people.num_rows == accounts(ws).num_rows == 2
        assert set(people["kind"].to_pylist()) == {AccountKind.MEMBER}


def test_consent_is_the_last_word_and_a_persons_own_word_stays(ws: Workspace) -> None:
    pull_people(ws, "people", People([someone(0, named_on_map=True), someone(1)]))
    ann, bob = (ws.vault.person_of(f"id:hr/{n}") for n in (0, 1))
    assert consents(ws) == {ann: {"name_on_map"}}
    set_consent(ws, ann, "name_on_map", granted=False)
    set_consent(ws, bob, "mentor_pool", granted=True)
    pull_people(ws, "people", People([someone(0, named_on_map=True), someone(1)]))
    assert consents(ws) == {bob: {"mentor_pool"}}


def test_a_directory_may_take_back_what_it_said_itself(ws: Workspace) -> None:
    for named in (True, False):
        pull_people(ws, "people", People([someone(0, named_on_map=named)]))
    assert consents(ws) == {}


def test_an_objection_removes_what_is_stored_and_holds_for_later_pulls(ws: Workspace) -> None:
    pull_people(ws, "people", People([someone(n) for n in range(3)]))
    events = [mail("1", "p0", "p1"), mail("2", "p1", "p0", "p2"), mail("3", "p1", "p2")]
    pull_events(ws, "mbox", Events(events))
    ann = ws.vault.person_of("id:hr/0")
    object_person(ws, ann)
    stored = ws.lake.read("events").to_pylist()
    assert withheld(ws) == {ann}
    assert len(stored) == 2
    assert not {row["account"] for event in stored for row in event["recipients"]} & set(ws.vault.accounts_of(ann))
    before = ws.lake.version("events")
    report = pull_events(ws, "mbox", Events(events))
    assert report.dropped == {"objected_or_protected": 1}
    assert ws.lake.version("events") == before
    withdraw_objection(ws, ann)
    assert pull_events(ws, "mbox", Events(events)).accepted == 1


def test_an_unknown_zone_counts_as_the_companys(open_at: Opened) -> None:
    with open_at(zone="Europe/Berlin") as ws:
        pull_people(ws, "people", People([someone(0, zone="Mars/Base"), someone(1, zone="Asia/Tokyo")]))
        found = places(ws)
        zones = [found.names[i] for i in found.of(np.array([*accounts_of(ws, 0), *accounts_of(ws, 1), 5]))[0]]
    assert sorted(zones) == ["Asia/Tokyo"] * 2 + ["Europe/Berlin"] * 3


def test_a_dry_run_stores_nothing(ws: Workspace) -> None:
    report = pull_people(ws, "people", People([someone(0), someone(0)]), dry_run=True)
    assert (report.accepted, report.duplicate, report.balanced) == (1, 1, True)
    assert current_people(ws, TODAY).num_rows == 0
    assert ws.vault.accounts_table().num_rows == 0


def tree(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Return persons and managers of "boss:reports" pairs of letters."""
    pairs = dict.fromkeys(letter for part in text.split() for letter in part.replace(":", ""))
    manager = {report: boss for part in text.split() for boss, reports in [part.split(":")] for report in reports}
    person = np.array([ord(letter) for letter in pairs])
    return person, np.array([ord(manager[letter]) if letter in manager else NOBODY for letter in pairs])


def test_a_chain_of_command_has_its_depth_as_level() -> None:
    found = tree_of(*tree("a:bc b:de"))
    assert found.level.tolist() == [1, 2, 2, 3, 3]
    assert found.parent.tolist() == [NOBODY, 0, 0, 1, 1]


def test_whoever_hangs_below_a_loop_keeps_their_manager_but_has_no_level() -> None:
    found = tree_of(*tree("a:b b:ac"))
    assert found.parent.tolist() == [NOBODY, NOBODY, 1]
    assert found.faults["loop"].tolist() == [0, 1]
    assert found.level.tolist() == [0, 0, 0]


def test_an_empty_company_has_no_tree() -> None:
    assert len(tree_of(np.empty(0, np.int64), np.empty(0, np.int64)).parent) == 0
    assert len(departments(np.empty(0, np.int64))) == 0


def regular(width: int, depth: int) -> np.ndarray:
    """Return parents of a tree in which everybody above the last level has ``width`` reports."""
    count = sum(width**level for level in range(depth))
    return np.array([NOBODY, *((n - 1) // width for n in range(1, count))])


def test_branches_of_a_quarter_or_less_become_departments() -> None:
    """Five branches of 31 below one head, 156 people: each holds 20 %; the head joins the first of them."""
    codes = departments(regular(5, 4))
    assert np.bincount(codes).tolist() == [32, 31, 31, 31, 31]


def test_a_branch_above_a_quarter_is_split_again() -> None:
    """Two branches of 31 (49 %) below one head: each is cut into two of 15, and the three heads above go to the first of these."""
    assert np.bincount(departments(regular(2, 6))).tolist() == [18, 15, 15, 15]


def test_no_department_has_fewer_than_five_people_and_pairs_have_none() -> None:
    rng = np.random.default_rng(0)
    for people in (6, 20, 60, 300):
        parent = np.array([NOBODY, *(int(rng.integers(0, n)) for n in range(1, people)), NOBODY, people])
        codes = departments(parent)
        assert codes[-2:].tolist() == [NOBODY, NOBODY]
        assert np.bincount(codes[:-2]).min() >= 5
        assert set(codes[:-2]) == set(range(codes.max() + 1))


@pytest.mark.parametrize("seed", range(3))
def test_departments_do_not_depend_on_the_order_of_people(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parent = np.array([NOBODY, *(int(rng.integers(0, max(1, n // 3 + 1))) for n in range(1, 80))])
    order = rng.permutation(80)
    place = np.argsort(order)
    shuffled = np.array([NOBODY if parent[old] == NOBODY else place[parent[old]] for old in order])
    pairs = set(zip(departments(parent)[order].tolist(), departments(shuffled).tolist(), strict=True))
    assert len(pairs) == len(set(departments(parent).tolist()))


def test_departments_are_cut_only_when_nobody_names_one(ws: Workspace) -> None:
    given = [someone(0), *(someone(n, 0 if n <= 5 else n % 5 + 1) for n in range(1, 60))]
    pull_people(ws, "people", People(given))
    groups = {row["group"] for row in table(ws).values()}
    assert len(groups) == 5
    assert groups <= labels(ws)["group"].keys()
    pull_people(ws, "people", People([replace(given[0], group="Board"), *given[1:]]))
    with_name = {row["group"] for row in table(ws).values()}
    assert with_name == {0, None}


def test_the_report_is_stored_with_the_pull(ws: Workspace) -> None:
    from pipelines.schema import PULLS

    pull_people(ws, "people", People([someone(0)]))
    [row] = ws.service.rows(PULLS.select())
    assert (row.connector, row.read, row.accepted, row.started) == ("people", 1, 1, datetime(2026, 9, 28, 12))
