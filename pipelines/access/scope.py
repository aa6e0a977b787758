"""Whose people a manager looks after: those below them in the reporting tree of a day, and nobody where the tree is in doubt."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import pyarrow as pa

from pipelines.access.stamp import remembered, stamp
from pipelines.intake import people
from pipelines.storage.workspace import Workspace


@dataclass(frozen=True, eq=False)
class ReportingTree:
    """The reporting lines that are believed on one day; dotted lines are none."""

    manager: Mapping[int, int | None]  # by person
    doubted: Mapping[int, str]  # person → why their manager is not believed
    left: frozenset[int]

    @classmethod
    def of(cls, table: pa.Table, faults: Mapping[str, Collection[int]], at: date) -> "ReportingTree":
        """Read the tree out of PEOPLE as of a day and the faults found in it."""
        persons, managers, left = (table[name].to_pylist() for name in ("person", "manager", "left"))
        gone = (person for person, day in zip(persons, left, strict=True) if day is not None and day <= at)
        doubted = {person: fault for fault, some in faults.items() for person in some}
        return cls(dict(zip(persons, managers, strict=True)), doubted, frozenset(gone))

    @cached_property
    def reports(self) -> Mapping[int, list[int]]:
        """People who report to each manager; whoever's manager is in doubt reports to nobody."""
        found: dict[int, list[int]] = {}
        for person, manager in self.manager.items():
            if manager is not None and manager != person and person not in self.doubted:
                found.setdefault(manager, []).append(person)
        return found

    def below(self, manager: int) -> frozenset[int]:
        """People below a manager, themself not counted; nobody below somebody whose own place is in doubt, or who left."""
        if manager in self.doubted or manager in self.left:
            return frozenset()
        found: set[int] = set()
        waiting = list(self.reports.get(manager, ()))
        while waiting:
            person = waiting.pop()
            if person not in found:
                found.add(person)
                waiting += self.reports.get(person, ())
        return frozenset(found - self.left - {manager})


def tree_on(ws: Workspace, at: date) -> ReportingTree:
    """Return the reporting tree of a day; read again only when what is known of people changed."""
    return remembered(ws, f"tree {at}", stamp(ws), lambda: ReportingTree.of(*people.directory_on(ws, at), at))


def scope_on(ws: Workspace, manager: int, at: date, acting_for: Collection[int] = ()) -> frozenset[int]:
    """Return the persons in a manager's scope on a day: below them, and below those whom they stand for on that day."""
    tree = tree_on(ws, at)
    return frozenset().union(*(tree.below(head) for head in (manager, *acting_for))) - {manager}


def scope_in_window(ws: Workspace, manager: int, end: date, acting_for: Collection[int] = ()) -> frozenset[int]:
    """Return whom a manager may see in a scan whose window ended before ``end``: theirs today, and theirs on its last day already."""
    today = ws.now().date()
    return scope_on(ws, manager, today, acting_for) & scope_on(ws, manager, min(end - timedelta(days=1), today), acting_for)
