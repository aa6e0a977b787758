"""What people said about being shown, and to whom a scan was released, as it stands now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from pipelines.access.rights import Role
from pipelines.access.stamp import remembered, stamp
from pipelines.intake import people
from pipelines.intake.people import NAME_ON_MAP
from pipelines.schema import NAME_INVITATIONS, PUBLICATIONS, SCANS, WITHHELD
from pipelines.settings import Mode
from pipelines.storage.workspace import Workspace

MENTOR_POOL = "mentor_pool"
"""Consent to be looked at as a mentor."""


@dataclass(frozen=True, eq=False)
class Standing:
    """Objections and consents of everybody."""

    withheld_since: Mapping[int, datetime]
    named: frozenset[int]  # granted name_on_map
    mentors: frozenset[int]  # granted mentor_pool
    accepted: Mapping[str, frozenset[int]]  # by who asked: persons who accepted to show their name

    @property
    def withheld(self) -> frozenset[int]:
        """Persons who objected."""
        return frozenset(self.withheld_since)

    def accepted_for(self, subject: str) -> frozenset[int]:
        """Persons who showed their name to this viewer."""
        return self.accepted.get(subject, frozenset())


@dataclass(frozen=True)
class Release:
    """One release of a scan to an audience, as frozen then."""

    mode: Mode
    minimum_group: int
    units: tuple[str, ...]  # labels of departments; empty = all


def standing(ws: Workspace, mark: str) -> Standing:
    """Return what everybody said, read again only when somebody said something else."""
    return remembered(ws, "standing", mark, lambda: _standing(ws))


def withheld_at_seal(ws: Workspace, scan: str, known: Standing) -> frozenset[int]:
    """Return the persons who had objected when the scan was sealed."""
    sealed = remembered(ws, f"sealed {scan}", "", lambda: _sealed(ws, scan))
    return frozenset(person for person, at in known.withheld_since.items() if sealed is None or at <= sealed)


AUDIENCES = frozenset({Role.MANAGER, Role.HR, Role.EMPLOYEE})
"""Roles that see a scan after it was released to them, and not before; the others work on scans, or oversee the work."""


def releases(ws: Workspace, role: Role) -> dict[str, Release]:
    """Return the scans released to a role, with the release that counts: the last one."""
    return remembered(ws, f"releases {role}", stamp(ws), lambda: _releases(ws, role))


def release(ws: Workspace, scan: str, role: Role) -> Release | None:
    """Return how a scan was released to a role, None when it was not."""
    return releases(ws, role).get(scan)


def told_to(ws: Workspace, role: Role, mark: str) -> frozenset[str] | None:
    """Return every scan that was ever released to a role, taken back or not; None for roles that see all."""
    if role not in AUDIENCES:
        return None
    wanted = sa.select(PUBLICATIONS.c.scan).where(PUBLICATIONS.c.audience == role).distinct()
    return remembered(ws, f"told to {role}", mark, lambda: frozenset(row.scan for row in ws.service.rows(wanted)))


def _standing(ws: Workspace) -> Standing:
    rows = ws.service.rows(sa.select(WITHHELD.c.person, WITHHELD.c.at))
    said = people.consents(ws)
    invited = ws.service.rows(sa.select(NAME_INVITATIONS.c.inviter, NAME_INVITATIONS.c.person).where(NAME_INVITATIONS.c.accepted.is_(True)))
    accepted: dict[str, set[int]] = {}
    for inviter, person in invited:
        accepted.setdefault(inviter, set()).add(person)
    return Standing(
        withheld_since={int(row.person): row.at for row in rows},
        named=frozenset(person for person, purposes in said.items() if NAME_ON_MAP in purposes),
        mentors=frozenset(person for person, purposes in said.items() if MENTOR_POOL in purposes),
        accepted={inviter: frozenset(some) for inviter, some in accepted.items()},
    )


def _sealed(ws: Workspace, scan: str) -> datetime | None:
    found = ws.service.rows(sa.select(SCANS.c.created).where(SCANS.c.id == scan))
    return found[0].created if found else None


def _releases(ws: Workspace, role: Role) -> dict[str, Release]:
    today = ws.now().date()
    valid = sa.and_(PUBLICATIONS.c.withdrawn.is_(None), sa.or_(PUBLICATIONS.c.until.is_(None), PUBLICATIONS.c.until > today))
    rows = ws.service.rows(sa.select(PUBLICATIONS).where(valid, PUBLICATIONS.c.audience == role).order_by(PUBLICATIONS.c.id))
    after = {
        row.id: row.successor for row in ws.service.rows(sa.select(SCANS.c.id, SCANS.c.successor).where(SCANS.c.successor.is_not(None)))
    }
    return {_last(after, row.scan): Release(Mode(row.mode), row.minimum_group, tuple(row.units)) for row in rows}


def _last(after: Mapping[str, str], scan: str) -> str:
    """Return the scan that stands in a released one's place since somebody in it was erased."""
    while scan in after:
        scan = after[scan]
    return scan
