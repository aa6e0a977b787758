"""A sealed scan is released to audiences, frozen with the thresholds of that moment, and taken back if it must be."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, get_args

import sqlalchemy as sa

from ona.errors import ConflictError, NotFoundError, SettingsError
from pipelines import audit, scans, thresholds
from pipelines.access.behind import refuse_acting
from pipelines.access.policy import Readable, Viewer, demand, look
from pipelines.access.rights import Right, Role
from pipelines.access.unit_answers import UnitMap
from pipelines.access.units import read_map
from pipelines.audit import Act
from pipelines.schema import PUBLICATIONS
from pipelines.storage.workspace import Workspace

Audience = Literal["manager", "hr", "employee"]

AUDIENCES: tuple[Audience, ...] = get_args(Audience)

UNUSABLE = "unusable"
"""Verdict of a quality report that holds a publication back."""

SHORTEST_REASON = 15


@dataclass(frozen=True)
class Wanted:
    """To whom a scan shall be released."""

    audiences: tuple[Audience, ...] = AUDIENCES
    units: tuple[str, ...] = ()  # labels of departments whose people may see it; empty = all
    until: date | None = None  # first day without it
    override: str = ""  # why it is released although its data is unusable


@dataclass(frozen=True)
class Publication:
    """One release, as it was frozen."""

    id: int
    scan: str
    audience: Audience
    units: tuple[str, ...]
    until: date | None
    mode: str
    minimum_group: int
    published: datetime  # naive UTC
    withdrawn: bool


def publish(ws: Workspace, scan: Readable, viewer: Viewer, wanted: Wanted) -> tuple[Publication, ...]:
    """Release a sealed scan; an earlier release to the same audience gives way.

    Raises ForbiddenError without the right, ConflictError when its data is unusable and no reason is given,
    SettingsError for an unknown department, or an end that is over.
    """
    demand(ws, viewer, Right.PUBLISH)
    _check(ws, scan, wanted)
    thresholds.keep_minimum(ws)
    sight = look(ws, scan, viewer)
    frozen = {"mode": str(ws.settings.mode), "minimum_group": sight.minimum, "published": ws.now(), "published_by": viewer.subject}
    rows = [
        {"scan": scan.id, "audience": one, "units": list(wanted.units), "until": wanted.until, **frozen}
        for one in sorted({*wanted.audiences})
    ]
    to = f"{', '.join(sorted({*wanted.audiences}))} until {wanted.until or 'withdrawn'}"
    why = f"{to}: {wanted.override}"[:200] if wanted.override else to
    with audit.recorded(ws, Act(viewer.subject, viewer.role, "publish", object=scan.id, purpose=why)) as connection:
        connection.execute(_withdraw(scan.id, wanted.audiences, ws.now()))
        connection.execute(sa.insert(PUBLICATIONS), rows)
    return publications(ws, scan.id)


def withdraw(ws: Workspace, scan: str, viewer: Viewer, audiences: Collection[Audience] = AUDIENCES) -> int:
    """Take a release back, from the next request on; return how many audiences lost it."""
    demand(ws, viewer, Right.PUBLISH)
    if not {one.audience for one in publications(ws, scan)} & {*audiences}:
        return 0
    with audit.recorded(ws, Act(viewer.subject, viewer.role, "withdraw", object=scan, purpose=", ".join(sorted(audiences)))) as connection:
        return int(connection.execute(_withdraw(scan, audiences, ws.now())).rowcount)


def publications(ws: Workspace, scan: str | None = None) -> tuple[Publication, ...]:
    """Return the releases of a scan, or of all, that were not withdrawn."""
    wanted = [PUBLICATIONS.c.withdrawn.is_(None)] + ([PUBLICATIONS.c.scan == scan] if scan else [])
    rows = ws.service.rows(sa.select(PUBLICATIONS).where(*wanted).order_by(PUBLICATIONS.c.id))
    return tuple(
        Publication(
            row.id, row.scan, row.audience, tuple(row.units), row.until, row.mode, row.minimum_group, row.published, withdrawn=False
        )
        for row in rows
    )


def lower_minimum(ws: Workspace, viewer: Viewer, to: int) -> int:
    """Sign that the lower minimum group of the settings holds from now on; what was scanned or released before keeps its own.

    Raises ConflictError when the settings do not ask for just that.
    """
    demand(ws, viewer, Right.APPROVE)
    refuse_acting(viewer)
    return thresholds.lower_minimum(ws, viewer.subject, to)


def preview(ws: Workspace, scan: Readable, viewer: Viewer, manager: str, unit: str = "company") -> UnitMap:
    """Return what a manager would see of a scan, released or not; ``manager`` is their view id for the one who asks.

    Raises NotFoundError when the person looks after nobody.
    """
    demand(ws, viewer, Right.PUBLISH)
    sight = look(ws, scan, viewer)
    person = int(sight.scan.persons[sight.row_of(manager)])
    audit.record(ws, Act(viewer.subject, viewer.role, "preview", object=str(person), purpose=f"scan {scan.id}"))
    return read_map(ws, scan, Viewer(viewer.subject, Role.MANAGER, person=person, preview=True), unit)


def publish_everywhere(ws: Workspace, scan: str, viewer: Viewer) -> None:
    """Release a scan to every audience unless it is released already; what the demo does."""
    if not publications(ws, scan):
        publish(ws, scans.open_scan(ws, scan), viewer, Wanted(override="a simulated company, nobody is judged by it"))


def _check(ws: Workspace, scan: Readable, wanted: Wanted) -> None:
    verdict = str((scan.quality if isinstance(scan, scans.SealedScan) else scan.sealed.quality).get("verdict", ""))
    if not wanted.audiences or not set(wanted.audiences) <= set(AUDIENCES):
        raise SettingsError(f"A scan is published to one or more of: {', '.join(AUDIENCES)}.")
    if verdict == UNUSABLE and len(wanted.override.strip()) < SHORTEST_REASON:
        raise ConflictError(
            "The data of this scan is unusable, as its quality report says. Repair the sources and scan again, or publish it with a "
            f"reason of at least {SHORTEST_REASON} characters, which the audit log keeps."
        )
    if wanted.until is not None and wanted.until <= ws.now().date():
        raise SettingsError("The end of a publication is a day to come.")
    _check_units(scan, wanted.units)


def _check_units(scan: Readable, units: Sequence[str]) -> None:
    labels = (scan if isinstance(scan, scans.SealedScan) else scan.sealed).labels.get("group", {})
    if not set(units) <= set(labels.values()):
        raise NotFoundError("A department of this name is not in the scan. Departments are listed by: ona teams")


def _withdraw(scan: str, audiences: Collection[Audience], now: datetime) -> sa.Update:
    live = sa.and_(PUBLICATIONS.c.scan == scan, PUBLICATIONS.c.audience.in_(audiences), PUBLICATIONS.c.withdrawn.is_(None))
    return sa.update(PUBLICATIONS).where(live).values(withdrawn=now)
