"""What several systems say of people → one row per person on a day: PEOPLE with codes, levels and departments. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from ona.tables import PEOPLE, AccountKind
from pipelines.intake.tree import NOBODY, Longs, Tree, departments, tree_of

LABELLED = ("team", "site", "function", "group")
FACTS = (*LABELLED, "manager", "dotted_manager", "level", "zone", "language", "joined", "left", "fault")
"""Columns in which a system may be silent: the first that speaks is believed."""

ANY = ("named_lead", "service_role", "on_call", "protected")
"""Columns that are true when any system says so."""

ORGANISATION = ("manager", "team", "group")
"""Columns that tell which system knows the organisation best: the one that fills most of them speaks first."""

FIRST_DAY = date(1970, 1, 1)
"""Start of the first row of a person whose directory does not date its rows."""

Row = Mapping[str, Any]


def current(rows: Iterable[Row], labels: Mapping[str, Mapping[int, str]], at: date) -> tuple[pa.Table, dict[str, list[int]]]:
    """Return PEOPLE as of a day, one row per person, and the persons by fault of the reporting tree."""
    merged = _merged(_valid(rows, at))
    person = np.array([row["person"] for row in merged], np.int64)
    tree = tree_of(person, _ids(merged, "manager"))
    known = set(person.tolist())
    codes = {kind: {label: code for code, label in labels[kind].items()} for kind in LABELLED}
    cut = [] if any(row["group"] for row in merged) else departments(tree.parent).tolist()
    for place, row in enumerate(merged):
        above, depth = int(tree.parent[place]), int(tree.level[place])
        row["manager"] = None if above == NOBODY else int(person[above])
        row["dotted_manager"] = row["dotted_manager"] if row["dotted_manager"] in known else None
        row["level"] = row["level"] if row["level"] is not None else depth or None
        row |= {kind: codes[kind].get(row[kind]) for kind in LABELLED}
        if cut:
            row["group"] = None if cut[place] == NOBODY else cut[place]
    return _table(merged), _faults(merged, person, tree)


def alone(persons: Sequence[int]) -> pa.Table:
    """Return PEOPLE for a deployment without any directory: everybody is a member, nothing else is known."""
    known = {"valid_from": FIRST_DAY, "fte": 1.0, "work_days": 0b11111, "kind": int(AccountKind.MEMBER)} | dict.fromkeys(ANY, False)
    return _table([dict.fromkeys(PEOPLE.schema.names) | known | {"person": person} for person in persons])


def branches(people: int) -> dict[int, str]:
    """Return labels for departments that were cut from the tree."""
    return {code: f"Branch {code + 1}" for code in range(people // 5 + 1)}


def _valid(rows: Iterable[Row], at: date) -> list[dict[str, Any]]:
    """Return each system's row of each person that is valid on the day, with the day on which the next one starts."""
    by_key: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in rows:
        by_key[row["source"], row["person"]].append(row)
    found = []
    for versions in by_key.values():
        started = [row for row in versions if row["valid_from"] <= at]
        later = [row["valid_from"] for row in versions if row["valid_from"] > at]
        if started:
            found.append({**max(started, key=lambda row: row["valid_from"]), "valid_to": min(later, default=None)})
    return found


def _merged(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row per person, by person: the system that knows the organisation best speaks first."""
    told = Counter({row["source"]: 0 for row in rows})
    for row in rows:
        told[row["source"]] += sum(row[name] is not None for name in ORGANISATION)
    by_person: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (-told[row["source"]], row["source"])):
        by_person[row["person"]].append(row)
    return [_one(by_person[person]) for person in sorted(by_person)]


def _one(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    first = rows[0]
    if len(rows) > 1:
        first |= {name: next((row[name] for row in rows if row[name] is not None), None) for name in FACTS}
        first |= {name: any(row[name] for row in rows) for name in ANY}
        first["kind"] = next((row["kind"] for row in rows if row["kind"] != AccountKind.MEMBER), int(AccountKind.MEMBER))
        first["valid_from"] = max(row["valid_from"] for row in rows)
        first["valid_to"] = min((row["valid_to"] for row in rows if row["valid_to"]), default=None)
    return first


def _ids(rows: Sequence[Row], name: str) -> Longs:
    return np.array([NOBODY if row[name] is None else row[name] for row in rows], np.int64)


def _faults(rows: Sequence[Row], person: Longs, tree: Tree) -> dict[str, list[int]]:
    faults = {code: person[index].tolist() for code, index in tree.faults.items()}
    for row in rows:
        if row["fault"] is not None:
            faults.setdefault(row["fault"], []).append(row["person"])
    return dict(sorted(faults.items()))


def _table(rows: Sequence[Row]) -> pa.Table:
    return pa.table([pa.array([row[field.name] for row in rows], field.type) for field in PEOPLE.schema], schema=PEOPLE.schema)
