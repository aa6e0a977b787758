"""Directories → persons in the vault and PEOPLE in the service database; consents and objections; accounts of persons."""

import zoneinfo
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from connectors.base import Coverage, PeopleConnector, RawPerson
from ona.tables import ACCOUNTS
from pipelines.intake import directory
from pipelines.intake.merging import Places
from pipelines.schema import CONSENTS, PEOPLE_ROWS, WITHHELD
from pipelines.schema.holders import LINKS, row_columns
from pipelines.storage.accounting import Progress, PullReport, report_of, store
from pipelines.storage.removal import remove
from pipelines.storage.service import put
from pipelines.storage.vault import BLOCKED, Known
from pipelines.storage.workspace import Workspace

NAME_ON_MAP = "name_on_map"
OBJECTED = "objected"
SELF = "person"
SAME = (
    *directory.LABELLED,
    "level",
    "named_lead",
    "service_role",
    "on_call",
    "protected",
    "fte",
    "work_days",
    "zone",
    "language",
    "joined",
    "left",
)


@dataclass(frozen=True, repr=False)
class Told:
    """All rows that a directory gave of one person, the oldest first, and faults found on the way."""

    rows: tuple[RawPerson, ...]
    fault: str | None = None

    @property
    def known(self) -> Known:
        """Return handles, name and time of the person."""
        anchor = self.rows[0].handles[0]
        others = sorted({handle for row in self.rows for handle in row.handles} - {anchor})
        left = [row.left for row in self.rows]
        since = [day for row in self.rows if (day := row.joined or row.valid_from)]
        until = max(day for day in left if day) if all(left) else None
        return Known((anchor, *others), self.rows[-1].name, min(since, default=None), until)


def pull_people(
    ws: Workspace, name: str, connector: PeopleConnector, *, progress: Progress | None = None, dry_run: bool = False
) -> PullReport:
    """Read a directory whole: join its handles to persons, and keep what it says of each with the day from which it holds."""
    started, coverage = ws.now(), Coverage()
    told = _gather(connector.people(coverage), coverage)
    if progress:
        progress(name, coverage.read, coverage.read)
    if dry_run:
        return report_of(name, coverage, dry_run=True)
    with ws.exclusive():
        linked = ws.vault.link([one.known for one in told])
        coverage.notes["shared_handles"] += linked.shared
        persons = _one_each(linked.persons, told, coverage)
        managers = _persons_by_handle(ws, told, linked.persons)
        with ws.service.begin() as connection:
            _follow(connection, linked.merged)
            for person, one in persons.items():
                _put_rows(connection, name, person, [_values(row, one, managers) for row in one.rows], ws.now().date())
            _put_choices(connection, name, persons, ws)
            _, found = _current(connection, ws.now().date())
            coverage.notes.update({f"tree_{code}": len(who) for code, who in found.items()})
            coverage.notes = +coverage.notes
            report = report_of(name, coverage)
            store(connection, report, started, ws.now())
        settle(ws)
    return report


def current_people(ws: Workspace, at: date) -> pa.Table:
    """Return PEOPLE as of a day: one row per person, what all directories say put together."""
    with ws.service.read() as connection:
        table, _ = _current(connection, at)
    if table.num_rows or _has_directory(ws):
        return table
    known = ws.vault.accounts_table()
    return directory.alone(sorted({person for person in known["person"].to_pylist() if person is not None}))


def labels(ws: Workspace) -> dict[str, dict[int, str]]:
    """Return code → label of teams, sites, functions and groups; codes are ranks of the sorted labels."""
    with ws.service.read() as connection:
        found = _labels(connection)
        people = connection.execute(sa.select(sa.func.count(sa.distinct(PEOPLE_ROWS.c.person)))).scalar() or 0
    return found if found["group"] else found | {"group": directory.branches(people)}


def faults(ws: Workspace, at: date | None = None) -> dict[str, list[int]]:
    """Return the persons whose manager was not believed, by fault: orphan, own_manager, loop, two_managers."""
    with ws.service.read() as connection:
        return _current(connection, at or ws.now().date())[1]


def directory_on(ws: Workspace, at: date) -> tuple[pa.Table, dict[str, list[int]]]:
    """Return PEOPLE as of a day and the persons whose manager was not believed, by fault, as one state of the database."""
    with ws.service.read() as connection:
        return _current(connection, at)


def departments_on(ws: Workspace, at: date) -> dict[int, str]:
    """Return the department of everybody who has one on a day, by its label."""
    with ws.service.read() as connection:
        table, names = _current(connection, at)[0], _labels(connection)["group"]
    names = names or directory.branches(table.num_rows)
    known = zip(table["person"].to_pylist(), table["group"].to_pylist(), strict=True)
    return {person: names[code] for person, code in known if code in names}


def accounts(ws: Workspace, at: date | None = None) -> pa.Table:
    """Return ACCOUNTS: every account of a known person, with the person's kind and working days as of a day."""
    account, person, blocked, people = _with_people(ws, at or ws.now().date())
    columns = {
        "account": account,
        "person": person,
        "kind": people["kind"],
        "work_days": people["work_days"],
        "excluded": pc.or_(blocked, people["protected"]),
    }
    return pa.table([columns[name] for name in ACCOUNTS.schema.names], schema=ACCOUNTS.schema)


def places(ws: Workspace) -> Places:
    """Return zone and working days of every account whose person is known."""
    account, _, _, people = _with_people(ws, ws.now().date())
    known = zoneinfo.available_timezones()
    zones = [zone if zone in known else ws.settings.zone for zone in people["zone"].to_pylist()]
    names = (ws.settings.zone, *sorted(set(zones) - {ws.settings.zone}))
    index = np.array([names.index(zone) for zone in zones], np.int64)
    return Places(account.to_numpy(), index, people["work_days"].to_numpy().astype(np.int64), names)


def _with_people(ws: Workspace, at: date) -> tuple[pa.ChunkedArray, pa.ChunkedArray, pa.ChunkedArray, pa.Table]:
    """Return account, person and block of every account of a known person, by account, and the person's row of PEOPLE."""
    people = current_people(ws, at)
    place = {person: row for row, person in enumerate(people["person"].to_pylist())}
    known = ws.vault.accounts_table()
    rows = [place.get(person) for person in known["person"].to_pylist()]
    known = known.filter(pa.array([row is not None for row in rows], pa.bool_()))
    found = people.take(pa.array([row for row in rows if row is not None], pa.int64()))
    return known["account"], known["person"], known["blocked"], found


def adopt(ws: Workspace) -> int:
    """Where no directory was ever read, make every account of the company a person of its own; return how many."""
    if _has_directory(ws):
        return 0
    table = ws.vault.accounts_table()
    free = table.filter(pc.and_(pc.is_null(table["person"]), pc.invert(table["blocked"])))["account"].to_pylist()
    domains = tuple(f"@{name}" for name in ws.settings.company_domains)
    inside = [account for account, handle in ws.vault.handles(free).items() if handle.endswith(domains)] if domains else free
    return len(ws.vault.adopt(inside))


def consents(ws: Workspace) -> dict[int, set[str]]:
    """Return the purposes that each person has agreed to and not taken back."""
    with ws.service.read() as connection:
        granted = [key for key, (state, _) in _last_choices(connection).items() if state]
    found: dict[int, set[str]] = defaultdict(set)
    for person, purpose in granted:
        found[person].add(purpose)
    return dict(found)


def set_consent(ws: Workspace, person: int, purpose: str, *, granted: bool) -> None:
    """Keep a person's own choice; it outweighs what a directory says later."""
    with ws.service.begin() as connection:
        connection.execute(sa.insert(CONSENTS).values(person=person, purpose=purpose, granted=granted, source=SELF, at=ws.now()))


def withheld(ws: Workspace) -> set[int]:
    """Return the persons who are not scored and not shown."""
    return {int(row.person) for row in ws.service.rows(sa.select(WITHHELD.c.person))}


def object_person(ws: Workspace, person: int) -> None:
    """Stop showing and scoring a person at once, and remove their events; later pulls keep nothing of theirs."""
    withhold(ws, person)
    with ws.exclusive():
        settle(ws)


def withdraw_objection(ws: Workspace, person: int) -> None:
    """Score a person again from the next pull on."""
    show_again(ws, person)
    with ws.exclusive():
        settle(ws)


def withhold(ws: Workspace, person: int) -> None:
    """Keep that a person objected: whatever else is running, no answer from now on shows them. ``settle`` does the rest."""
    with ws.service.begin() as connection:
        if not connection.execute(sa.select(WITHHELD.c.person).where(WITHHELD.c.person == person)).first():
            connection.execute(sa.insert(WITHHELD).values(person=person, reason=OBJECTED, at=ws.now()))


def show_again(ws: Workspace, person: int) -> None:
    """Take an objection back; events are kept again once ``settle`` was called."""
    with ws.service.begin() as connection:
        connection.execute(sa.delete(WITHHELD).where(WITHHELD.c.person == person, WITHHELD.c.reason == OBJECTED))


def objected_at(ws: Workspace, person: int) -> datetime | None:
    """Return when a person objected, None when they did not."""
    found = ws.service.rows(sa.select(WITHHELD.c.at).where(WITHHELD.c.person == person))
    return found[0].at if found else None


def settle(ws: Workspace) -> None:
    """Bring the vault's blocked accounts in line with objections and protection, and remove their events; before each pull and scan.

    Call it inside ``Workspace.exclusive``.
    """
    with ws.service.read() as connection:
        table, _ = _current(connection, ws.now().date())
        objected = set(connection.execute(sa.select(WITHHELD.c.person)).scalars())
    wanted = objected | set(table.filter(table["protected"])["person"].to_pylist())
    blocked = ws.vault.blocked()
    newly = ws.vault.block(dict.fromkeys(wanted, True) | dict.fromkeys(blocked - wanted, False))
    remove(ws.lake, newly, tables=("events", "aggregates"))


def undo_join(ws: Workspace, handle: str, source: str) -> int | None:
    """Take back the last join of a handle that a system's mistake made; return the person it belongs to now.

    What that system said of the wrong person goes with it and comes again, corrected, with the next pull.
    """
    with ws.exclusive():
        wrong = ws.vault.person_of(handle)
        (account,) = ws.vault.accounts([handle])
        person = ws.vault.undo(account)
        if wrong is not None and wrong != person:
            with ws.service.begin() as connection:
                connection.execute(sa.delete(PEOPLE_ROWS).where((PEOPLE_ROWS.c.source == source) & (PEOPLE_ROWS.c.person == wrong)))
    return person


def _gather(raw: Iterable[RawPerson], coverage: Coverage) -> list[Told]:
    """Put the rows of each person together; of rows that contradict each other one is kept, without its manager."""
    by_anchor: dict[str, dict[date | None, list[RawPerson]]] = defaultdict(lambda: defaultdict(list))
    for row in raw:
        by_anchor[row.handles[0]][row.valid_from].append(row)
    return [_told(by_anchor[anchor], coverage) for anchor in sorted(by_anchor)]


def _told(by_day: Mapping[date | None, Sequence[RawPerson]], coverage: Coverage) -> Told:
    rows, fault = [], None
    for day in sorted(by_day, key=lambda day: day or directory.FIRST_DAY):
        copies = sorted(set(by_day[day]), key=_content)
        coverage.duplicate += len(by_day[day]) - len(copies)
        coverage.dropped["contradicting_row"] += len(copies) - 1
        coverage.accepted += 1
        rows.append(copies[-1])
        if len({row.manager for row in copies}) > 1:
            fault = "two_managers"
    return Told(tuple(rows), fault)


def _content(row: RawPerson) -> list[str]:
    return [str(getattr(row, field.name)) for field in fields(row)]


def _one_each(persons: Sequence[int], told: Sequence[Told], coverage: Coverage) -> dict[int, Told]:
    """Return one account of each person; erased ones and second entries of one person are counted as dropped."""
    found: dict[int, Told] = {}
    for person, one in zip(persons, told, strict=True):
        if person == BLOCKED or person in found:
            coverage.accepted -= len(one.rows)
            coverage.dropped["erased" if person == BLOCKED else "same_person"] += len(one.rows)
        else:
            found[person] = one
    return found


def _persons_by_handle(ws: Workspace, told: Sequence[Told], persons: Sequence[int]) -> dict[str, int]:
    """Return the person behind every handle that is named as a manager."""
    here = {one.rows[0].handles[0]: person for one, person in zip(told, persons, strict=True) if person != BLOCKED}
    named = {handle for one in told for row in one.rows for handle in (row.manager, row.dotted_manager) if handle}
    return ws.vault.persons_of(named - here.keys()) | here


def _values(row: RawPerson, one: Told, managers: Mapping[str, int]) -> dict[str, object]:
    """Return the columns of one row; a manager whom nobody knows is a fault, not a person."""
    manager = managers.get(row.manager) if row.manager and not one.fault else None
    fault = one.fault or ("orphan" if row.manager and manager is None else None)
    same = {name: getattr(row, name) for name in SAME}
    dotted = managers.get(row.dotted_manager) if row.dotted_manager else None
    return same | {"manager": manager, "dotted_manager": dotted, "kind": int(row.kind), "fault": fault, "valid_from": row.valid_from}


def _put_rows(connection: sa.Connection, source: str, person: int, rows: Sequence[dict[str, object]], today: date) -> None:
    """Write a person's rows; one without a date holds from today when it differs from what was known, else nothing changes."""
    mine = (PEOPLE_ROWS.c.source == source) & (PEOPLE_ROWS.c.person == person)
    if any(row["valid_from"] is not None for row in rows):
        connection.execute(sa.delete(PEOPLE_ROWS).where(mine))
        days = {row["valid_from"] or directory.FIRST_DAY: row for row in rows}
    else:
        last = connection.execute(sa.select(PEOPLE_ROWS).where(mine).order_by(PEOPLE_ROWS.c.valid_from.desc()).limit(1)).mappings().first()
        if last and all(last[name] == value for name, value in rows[-1].items() if name != "valid_from"):
            return
        days = {(today if last else directory.FIRST_DAY): rows[-1]}
    put(connection, PEOPLE_ROWS, [row | {"source": source, "person": person, "valid_from": day} for day, row in days.items()])


def _follow(connection: sa.Connection, merged: Mapping[int, int]) -> None:
    """Let stored rows of a former person belong to the one it is now; of two that say the same thing the former one stays."""
    for column in row_columns() if merged else ():
        table = column.table
        for former, person in merged.items():
            rows = [dict(row) for row in connection.execute(sa.select(table).where(column == former)).mappings()]
            if rows and column.primary_key:
                connection.execute(sa.delete(table).where(column == former))
                put(connection, table, [row | {column.name: person} for row in rows])
            elif rows:
                connection.execute(sa.update(table).where(column == former).values({column.name: person}))
    for column, (former, person) in product(LINKS, merged.items()):
        connection.execute(sa.update(column.table).where(column == former).values({column.name: person}))


def _put_choices(connection: sa.Connection, source: str, persons: Mapping[int, Told], ws: Workspace) -> None:
    """Add consents that changed, and objections; a directory never takes back what a person said themselves."""
    last = _last_choices(connection)
    rows = []
    for person, one in persons.items():
        granted = one.rows[-1].named_on_map
        before, by = last.get((person, NAME_ON_MAP), (False, source))
        if granted != before and by == source:
            rows.append({"person": person, "purpose": NAME_ON_MAP, "granted": granted, "source": source, "at": ws.now()})
    if rows:
        connection.execute(sa.insert(CONSENTS), rows)
    known = set(connection.execute(sa.select(WITHHELD.c.person)).scalars())
    objected = [person for person, one in persons.items() if one.rows[-1].objected and person not in known]
    put(connection, WITHHELD, [{"person": person, "reason": OBJECTED, "at": ws.now()} for person in objected])


def _last_choices(connection: sa.Connection) -> dict[tuple[int, str], tuple[bool, str]]:
    rows = connection.execute(sa.select(CONSENTS).order_by(CONSENTS.c.id))
    return {(row.person, row.purpose): (row.granted, row.source) for row in rows}


def _current(connection: sa.Connection, at: date) -> tuple[pa.Table, dict[str, list[int]]]:
    return directory.current((row._asdict() for row in connection.execute(sa.select(PEOPLE_ROWS))), _labels(connection), at)


def _labels(connection: sa.Connection) -> dict[str, dict[int, str]]:
    found = {}
    for kind in directory.LABELLED:
        column = PEOPLE_ROWS.c[kind]
        names = connection.execute(sa.select(column).distinct().where(column.is_not(None))).scalars()
        found[kind] = dict(enumerate(sorted(names)))  # sorted here: databases collate differently
    return found


def _has_directory(ws: Workspace) -> bool:
    return bool(ws.service.rows(sa.select(PEOPLE_ROWS.c.person).limit(1)))
