"""What is held on the viewer: their own result with its evidence, facts, accounts, choices, and who looked; nothing of anybody else."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import sqlalchemy as sa

from ona.errors import NotFoundError
from ona.tables import AccountKind
from pipelines import audit, consents, scans
from pipelines.access import words
from pipelines.access.answers import Badge, FacetReading, Fact
from pipelines.access.policy import NO_SCAN, Readable, Sight, Viewer, demand, look
from pipelines.access.readings import FACETS, badges_of, facet_reading
from pipelines.access.rights import Right, Role
from pipelines.access.standing import releases
from pipelines.consents import Choice
from pipelines.dates import months_after
from pipelines.intake import people
from pipelines.phrases import Phrase, say
from pipelines.schema import PEOPLE_ROWS, PULLS
from pipelines.storage.vault import ACCOUNTS
from pipelines.storage.workspace import Workspace

LOOKS = ("read_person", "read_people", "read_name", "release_name", "ask_reveal", "invite_person", "export", "preview", "view_as")
"""Acts that count as somebody looking."""

MOST_LOOKS = 200

OVERLOAD = "overload"
"""Start of the facts that tell of a person carrying much; for their own eyes."""

SHOWN_FACTS = (
    "asks",
    "asked_by_name",
    "answered_by_name",
    "answer_minutes",
    "askers",
    "asker_groups",
    "acknowledged",
    "contacts",
    "contact_groups",
    "cross_group_ties",
    "open_pairs",
    "pulls",
)


@dataclass(frozen=True)
class OwnResult:
    """The viewer's result in one scan."""

    scan_id: str
    start: date
    end: date  # first day after the window
    kept_until: date
    team: str | None
    department: str | None
    facets: tuple[FacetReading, ...]
    facts: tuple[Fact, ...]
    visibility: float | None  # percentile of formal visibility, 0 to 100
    overload: tuple[Fact, ...]
    standing: tuple[str, ...]


@dataclass(frozen=True)
class OwnFacts:
    """What one system says of the viewer, from a day on."""

    source: str
    valid_from: date
    facts: dict[str, str | int | float | bool | date]
    manager_known: bool


@dataclass(frozen=True)
class OwnSource:
    """A connected system that was read, and the time it told of."""

    source: str
    first: date | None
    last: date | None


@dataclass(frozen=True)
class OwnAccount:
    """An account that is taken to be the viewer's."""

    handle: str
    valid_from: date | None
    valid_to: date | None


@dataclass(frozen=True)
class Look:
    """Somebody looked at the viewer's record, or asked for it; who it was is told by role only."""

    at: datetime
    role: str
    action: str
    purpose: str
    result: str


@dataclass(frozen=True)
class Kept:
    """How long each kind of thing is kept."""

    events_days: int
    weeks_months: int
    scans_months: int
    audit_months: int


@dataclass(frozen=True)
class OwnRecord:
    """Everything that the self-view shows, but for what others ask of the viewer."""

    result: OwnResult | None
    no_result: Phrase | None  # why there is none
    badges: tuple[Badge, ...]
    accounts: tuple[OwnAccount, ...]
    sources: tuple[OwnSource, ...]
    facts: tuple[OwnFacts, ...]
    choices: tuple[Choice, ...]
    objected: datetime | None
    looks: tuple[Look, ...]
    kept: Kept


def read_own(ws: Workspace, scan: Readable | None, viewer: Viewer) -> OwnRecord:
    """Return everything held on the viewer; not audited, for it is theirs."""
    demand(ws, viewer, Right.OWN_RECORD)
    person = own_person(viewer)
    sight = look(ws, scan, viewer) if scan else None
    result = own_result(sight, person) if sight else None
    return OwnRecord(
        result=result,
        no_result=None if result else _why_none(sight),
        badges=badges_of(sight, [_row(sight, person)]).get(person, ()) if sight and result else (),
        accounts=() if viewer.acting else own_accounts(ws, person),  # an address is a name: looking as somebody shows neither
        sources=sources(ws),
        facts=own_facts(ws, person),
        choices=consents.choices(ws, person),
        objected=people.objected_at(ws, person),
        looks=who_looked(ws, viewer, [result.scan_id] if result else []),
        kept=kept(ws),
    )


def own_scan(ws: Workspace, viewer: Viewer, identity: str = "latest") -> str | None:
    """Return the id of the scan that the viewer reads about themself: what is released to anybody, they may see of themself.

    Raises NotFoundError for one that is not released; None where there is none at all yet.
    """
    demand(ws, viewer, Right.OWN_RECORD)
    alone = ws.settings.sign_in is None
    released = {scan for role in (Role.MANAGER, Role.HR, Role.EMPLOYEE) for scan in releases(ws, role)}
    seen = [one.id for one in scans.list_scans(ws) if alone or one.id in released]
    if identity == "latest":
        return seen[0] if seen else None
    found = scans.resolve(ws, identity)
    if found not in seen:
        raise NotFoundError(NO_SCAN)
    return found


def read_own_result(ws: Workspace, scan: Readable | None, viewer: Viewer) -> OwnResult:
    """Return the viewer's result in one scan alone.

    Raises NotFoundError when there is no scan, or it does not hold them.
    """
    demand(ws, viewer, Right.OWN_RECORD)
    sight = look(ws, scan, viewer) if scan else None
    found = own_result(sight, own_person(viewer)) if sight else None
    if found is None:
        raise NotFoundError(_why_none(sight))
    return found


def own_person(viewer: Viewer) -> int:
    """Return the viewer's own person, which the right to the own record makes sure of."""
    if viewer.person is None:
        raise TypeError("a viewer without a person has no own record")
    return viewer.person


def own_result(sight: Sight, person: int) -> OwnResult | None:
    """Return a person's result as the person may read it: all of it, whatever others are shown."""
    row = _row(sight, person)
    if row < 0:
        return None
    facts = sight.scan.facts_of(row)
    known = [flags.visibility[row] for flags in sight.scan.flags.values() if not np.isnan(flags.visibility[row])]
    manifest = sight.scan.sealed.manifest
    end = date.fromisoformat(str(manifest["end"]))
    return OwnResult(
        scan_id=sight.scan.id,
        start=date.fromisoformat(str(manifest["start"])),
        end=end,
        kept_until=months_after(end, sight.ws.settings.keep_months),
        team=_unit(sight, "team", row),
        department=_unit(sight, "group", row),
        facets=tuple(facet_reading(sight, row, facet) for facet in FACETS if facet != "overall"),
        facts=tuple(Fact(name, facts[name] if facts[name] >= words.SMALLEST_COUNT else None) for name in SHOWN_FACTS if name in facts),
        visibility=round(100 * float(known[0]), 1) if known else None,
        overload=tuple(Fact(name, value) for name, value in sorted(facts.items()) if name.startswith(OVERLOAD)),
        standing=(words.STANDING_LINE, words.ABSENCE_LINE),
    )


def own_accounts(ws: Workspace, person: int) -> tuple[OwnAccount, ...]:
    """Return the accounts taken to be a person's, so that they can say which one is not."""
    columns = (ACCOUNTS.c.account, ACCOUNTS.c.valid_from, ACCOUNTS.c.valid_to)
    rows = ws.vault.database.rows(sa.select(*columns).where(ACCOUNTS.c.person == person))
    handles = ws.vault.handles([row.account for row in rows])
    found = (OwnAccount(handles[row.account], _day(row.valid_from), row.valid_to) for row in rows)
    return tuple(sorted(found, key=lambda one: (one.handle, one.valid_from or date.min)))


def own_facts(ws: Workspace, person: int) -> tuple[OwnFacts, ...]:
    """Return what each directory says of a person; of the manager only that one is known."""
    newest = sa.select(PEOPLE_ROWS).where(PEOPLE_ROWS.c.person == person).order_by(PEOPLE_ROWS.c.source, PEOPLE_ROWS.c.valid_from.desc())
    hidden = ("source", "person", "valid_from", "manager", "dotted_manager")
    found = []
    for row in ws.service.rows(newest):
        values = {name: value for name, value in row._mapping.items() if name not in hidden and value is not None}
        values |= {"work_days": _days(row.work_days), "kind": AccountKind(row.kind).name.lower()}
        found.append(OwnFacts(row.source, row.valid_from, values, row.manager is not None))
    return tuple(found)


def who_looked(ws: Workspace, viewer: Viewer, held_in: Collection[str] = ()) -> tuple[Look, ...]:
    """Return who looked at the viewer's record, or took a file of a scan that holds it, the newest first.

    When, in which role, for what; never by name, and never the viewer.
    """
    entries = audit.entries(ws, MOST_LOOKS, objects=[str(own_person(viewer)), *held_in])
    own_subject = None if viewer.acting else viewer.subject  # who only looks as somebody is not them
    return tuple(
        Look(entry.at, entry.act.role, entry.act.action, entry.act.purpose, entry.act.result)
        for entry in entries
        if entry.act.action in LOOKS and entry.act.actor != own_subject
    )


def sources(ws: Workspace) -> tuple[OwnSource, ...]:
    """Return the systems that were read, and the time they told of."""
    spans = sa.select(PULLS.c.connector, sa.func.min(PULLS.c.first), sa.func.max(PULLS.c.last)).group_by(PULLS.c.connector)
    rows = ws.service.rows(spans.order_by(PULLS.c.connector))
    return tuple(OwnSource(row[0], row[1].date() if row[1] else None, row[2].date() if row[2] else None) for row in rows)


def kept(ws: Workspace) -> Kept:
    """Return how long each kind of thing is kept in this deployment."""
    settings = ws.settings
    return Kept(settings.buffer_days, settings.keep_months, settings.keep_months, settings.audit_months)


def _row(sight: Sight, person: int) -> int:
    """Row of a member, -1 for somebody whom the scan does not hold."""
    at = int(np.searchsorted(sight.scan.persons, person))
    return at if at < len(sight.scan.persons) and sight.scan.persons[at] == person else -1


def _unit(sight: Sight, attribute: str, row: int) -> str | None:
    """Name of the own unit, however small it is: one knows where one works."""
    code = int(sight.scan.units(attribute)[row])
    return sight.scan.unit_name(attribute, code) if code >= 0 else None


def _why_none(sight: Sight | None) -> Phrase:
    if sight is None:
        return say("There is no scan yet, or none is released.")
    return say("The newest scan does not hold you: you were not there, you objected, or you are not a member of staff.")


def _days(mask: int) -> str:
    """Working days as their first letters, from the bits of a week that begins on Monday."""
    return " ".join(name for bit, name in enumerate(("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")) if mask >> bit & 1)


def _day(day: date) -> date | None:
    return None if day.year <= 1 else day
