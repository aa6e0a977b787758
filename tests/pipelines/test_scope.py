"""A manager's scope: the reporting tree of the day, closed wherever the tree is in doubt."""

from datetime import date, datetime

import pytest

from connectors.base import RawPerson
from pipelines.access.scope import scope_in_window, scope_on
from pipelines.intake.people import pull_people

TODAY = datetime(2026, 9, 28, 12).date()


def handle(name: str) -> str:
    return f"mail:{name}@acme.example"


def one(
    name: str, manager: str | None = None, *, since: date | None = None, dotted: str | None = None, left: date | None = None
) -> RawPerson:
    return RawPerson(
        handles=(handle(name),),
        name=name,
        manager=handle(manager) if manager else None,
        dotted_manager=handle(dotted) if dotted else None,
        valid_from=since,
        left=left,
    )


class Directory:
    def __init__(self, *rows: RawPerson) -> None:
        self.rows = rows

    def people(self, coverage):
        coverage.read += len(self.rows)
        yield from self.rows


def below(ws, manager: str, at: date = TODAY, acting=()) -> set[str]:
    """Names of the people in a manager's scope."""
    names = {ws.vault.person_of(handle(name)): name for name in NAMES}
    acting = [ws.vault.person_of(handle(name)) for name in acting]
    return {names[person] for person in scope_on(ws, ws.vault.person_of(handle(manager)), at, acting)}


NAMES = ("top", "ann", "bob", "cas", "dee", "eve", "fay")
TREE = (one("top"), one("ann", "top"), one("bob", "top"), one("cas", "ann"), one("dee", "cas", dotted="bob"), one("eve", "bob"))


def test_a_manager_sees_whom_they_lead_at_any_depth_and_neither_themself_nor_peers_nor_superiors(ws):
    pull_people(ws, "hr", Directory(*TREE))
    assert below(ws, "top") == {"ann", "bob", "cas", "dee", "eve"}
    assert below(ws, "ann") == {"cas", "dee"}
    assert below(ws, "cas") == {"dee"}
    assert below(ws, "dee") == set()


def test_a_dotted_line_gives_nothing(ws):
    pull_people(ws, "hr", Directory(*TREE))
    assert below(ws, "bob") == {"eve"}


def test_whoever_stands_in_for_a_manager_sees_their_people_too_and_not_themself(ws):
    pull_people(ws, "hr", Directory(*TREE))
    assert below(ws, "bob", acting=("ann",)) == {"eve", "cas", "dee"}
    assert below(ws, "cas", acting=("ann",)) == {"dee"}


def test_a_reorganisation_counts_from_its_day_and_from_the_next_reading(ws):
    pull_people(ws, "hr", Directory(*TREE))
    assert "cas" in below(ws, "ann")
    pull_people(ws, "hr", Directory(*(row for row in TREE if row.name != "cas"), one("cas", "bob")))
    assert below(ws, "ann") == set()
    assert below(ws, "bob") == {"cas", "dee", "eve"}
    assert below(ws, "ann", at=date(2026, 9, 27)) == {"cas", "dee"}


def test_a_dated_move_waits_for_its_day(ws):
    moved = (one("cas", "ann", since=date(2025, 1, 1)), one("cas", "bob", since=date(2026, 10, 1)))
    pull_people(ws, "hr", Directory(*(row for row in TREE if row.name != "cas"), *moved))
    assert "cas" in below(ws, "ann")
    assert "cas" in below(ws, "bob", at=date(2026, 10, 1))
    assert "cas" not in below(ws, "ann", at=date(2026, 10, 1))


def test_a_scan_from_before_somebody_came_under_a_manager_is_closed_to_that_manager(ws):
    moved = (one("cas", "ann", since=date(2025, 1, 1)), one("cas", "bob", since=date(2026, 9, 15)))
    pull_people(ws, "hr", Directory(*(row for row in TREE if row.name != "cas"), *moved))
    bob, cas, dee = (ws.vault.person_of(handle(name)) for name in ("bob", "cas", "dee"))
    assert {cas, dee} <= scope_in_window(ws, bob, date(2026, 9, 21))  # its last day is the 20th
    assert not {cas, dee} & scope_in_window(ws, bob, date(2026, 9, 15))  # its last day is the 14th


def test_a_former_manager_loses_old_scans_with_the_people(ws):
    moved = (one("cas", "ann", since=date(2025, 1, 1)), one("cas", "bob", since=date(2026, 9, 15)))
    pull_people(ws, "hr", Directory(*(row for row in TREE if row.name != "cas"), *moved))
    assert scope_in_window(ws, ws.vault.person_of(handle("ann")), date(2026, 9, 1)) == frozenset()


def test_who_left_is_in_nobodys_scope_and_has_none(ws):
    gone = date(2026, 9, 1)
    pull_people(ws, "hr", Directory(*(row for row in TREE if row.name != "cas"), one("cas", "ann", left=gone)))
    assert below(ws, "ann") == {"dee"}
    assert below(ws, "cas") == set()
    assert "cas" in below(ws, "ann", at=date(2026, 8, 31))


@pytest.mark.parametrize(
    ("rows", "closed"),
    [
        ((one("top"), one("ann", "bob"), one("bob", "ann"), one("cas", "ann")), ("ann", "bob")),  # a loop
        ((one("top"), one("ann", "nobody"), one("cas", "ann")), ("ann",)),  # an orphan
        ((one("top"), one("bob", "bob"), one("ann", "ann"), one("cas", "ann"), one("eve", "bob")), ("ann", "bob")),  # several own managers
    ],
    ids=["loop", "orphan", "own manager"],
)
def test_a_faulty_tree_closes(ws, rows, closed):
    pull_people(ws, "hr", Directory(*rows))
    for name in closed:
        assert below(ws, name) == set()
    assert not set(closed) & below(ws, "top")


def test_somebody_with_two_managers_is_below_neither(ws):
    pull_people(
        ws, "hr", Directory(one("top"), one("ann", "top"), one("bob", "top"), one("cas", "ann"), one("cas", "bob"), one("dee", "cas"))
    )
    assert below(ws, "ann") == below(ws, "bob") == set()
    assert below(ws, "cas") == set()
    assert below(ws, "top") == {"ann", "bob"}
