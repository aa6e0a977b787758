"""Badges → rows of known persons: the holder is matched over all aliases, and whoever is not matched is only counted."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from connectors.base import BadgeConnector, Coverage, RawBadge
from connectors.identity import event_id
from ona.errors import NotFoundError
from ona.tables import BADGES
from pipelines.schema import BADGE_CHOICES, BADGE_ROWS
from pipelines.storage.accounting import Progress, PullReport, report_of, store
from pipelines.storage.service import put
from pipelines.storage.workspace import Workspace

HASHED = "sha256$"
"""Start of a holder that is known by a salted hash of an address alone (Open Badges 2.0, section 3.4)."""

EMAIL = "email:"

PRIVATE = "private"
"""Only its holder may see the badge; ``org`` is for colleagues under the policy, ``public`` for everybody."""


def pull_badges(
    ws: Workspace, name: str, connector: BadgeConnector, *, progress: Progress | None = None, dry_run: bool = False
) -> PullReport:
    """Read all badges of one system in place of what it said before; unmatched holders are counted, never kept."""
    started, coverage = ws.now(), Coverage()
    raw = _once(connector.badges(coverage), coverage)
    if progress:
        progress(name, coverage.read, coverage.read)
    with ws.exclusive():
        holders = _holders(ws, {badge.holder for badge in raw})
        matched = [(holders[badge.holder], badge) for badge in raw if badge.holder in holders]
        coverage.accepted += len(matched)
        coverage.dropped["unmatched_holder"] += len(raw) - len(matched)
        report = report_of(name, coverage, dry_run=dry_run)
        if not dry_run:
            rows = [_row(ws, name, person, badge) | {"checked": started} for person, badge in matched]
            with ws.service.begin() as connection:
                connection.execute(sa.delete(BADGE_ROWS).where(BADGE_ROWS.c.source == name))
                if rows:
                    connection.execute(sa.insert(BADGE_ROWS), rows)
                store(connection, report, started, ws.now())
    return report


def badges(ws: Workspace, persons: Collection[int] | None = None, *, own: int | None = None) -> pa.Table:
    """Return BADGES of these persons, or of all; a badge that several systems know is told once, by the first of them.

    Private badges are left out, but for those of the person who looks (``own``).
    """
    rows = ws.service.rows(sa.select(BADGE_ROWS).order_by(BADGE_ROWS.c.badge, BADGE_ROWS.c.source))
    private = _private(ws, rows)
    shown = [row for row in rows if row.badge not in private or row.person == own]
    first = {row.badge: row for row in reversed(shown) if persons is None or row.person in persons}
    found = [first[badge] for badge in sorted(first)]
    return pa.table([pa.array([getattr(row, f.name) for row in found], f.type) for f in BADGES.schema], schema=BADGES.schema)


@dataclass(frozen=True)
class Check:
    """How and when the status of a badge was found."""

    status: str
    method: str
    checked: datetime  # naive UTC


def checks(ws: Workspace, persons: Collection[int] | None = None) -> dict[int, Check]:
    """Return badge → the check behind its status, of these persons or of all, from the system that ``badges`` believes."""
    rows = ws.service.rows(sa.select(BADGE_ROWS).order_by(BADGE_ROWS.c.badge, BADGE_ROWS.c.source))
    wanted = [row for row in reversed(rows) if persons is None or row.person in persons]
    return {row.badge: Check(row.status, row.method, row.checked) for row in wanted}


def visibilities(ws: Workspace, person: int) -> dict[int, str]:
    """Return who may see each badge of a person: what they said themselves, else what its source says."""
    rows = ws.service.rows(sa.select(BADGE_ROWS).where(BADGE_ROWS.c.person == person).order_by(BADGE_ROWS.c.source.desc()))
    chosen = ws.service.rows(sa.select(BADGE_CHOICES).where(BADGE_CHOICES.c.person == person))
    return {row.badge: row.visibility for row in rows} | {row.badge: row.visibility for row in chosen}


def choose_visibility(ws: Workspace, person: int, badge: int, visibility: str) -> None:
    """Keep what a person says about who may see one of their badges.

    Raises NotFoundError when it is not theirs.
    """
    if badge not in visibilities(ws, person):
        raise NotFoundError("You hold no badge of this id.")
    with ws.service.begin() as connection:
        put(connection, BADGE_CHOICES, [{"person": person, "badge": badge, "visibility": visibility, "at": ws.now()}])


def _private(ws: Workspace, rows: Iterable[sa.Row[*tuple[Any, ...]]]) -> set[int]:
    """Badges that only their holder may see; one that several systems know is as private as the strictest of them says."""
    chosen = {(row.person, row.badge): row.visibility for row in ws.service.rows(sa.select(BADGE_CHOICES))}
    return {row.badge for row in rows if chosen.get((row.person, row.badge), row.visibility) == PRIVATE}


def _once(raw: Iterable[RawBadge], coverage: Coverage) -> list[RawBadge]:
    """Return each badge once; of copies that differ, the last in the order of their content."""
    copies: dict[str, list[RawBadge]] = defaultdict(list)
    for badge in raw:
        copies[badge.id].append(badge)
    coverage.duplicate += sum(len(same) - 1 for same in copies.values())
    return [max(copies[id], key=lambda badge: (badge.status, str(badge.issued_on), badge.holder, badge.name)) for id in sorted(copies)]


def _holders(ws: Workspace, holders: Collection[str]) -> dict[str, int]:
    """Return the person behind each holder that is known."""
    plain = [holder for holder in holders if not holder.startswith(HASHED)]
    hashed = [holder for holder in holders if holder.startswith(HASHED)]
    return ws.vault.persons_of(plain) | (_unhashed(hashed, ws.vault.aliases()) if hashed else {})


def _unhashed(holders: Sequence[str], aliases: Iterator[tuple[int, str]]) -> dict[str, int]:
    """Match salted hashes against every known address in lower case."""
    by_salt: dict[str, dict[str, str]] = defaultdict(dict)
    for holder in holders:
        _, salt, digest = (*holder.split("$", 2), "")[:3]
        by_salt[salt][digest.lower()] = holder
    found = {}
    for person, alias in aliases:
        for salt, digests in by_salt.items() if alias.startswith(EMAIL) else ():
            address = alias.removeprefix(EMAIL).lower()
            if (match := digests.get(hashlib.sha256((address + salt).encode()).hexdigest())) is not None:
                found[match] = person
    return found


def _row(ws: Workspace, source: str, person: int, badge: RawBadge) -> dict[str, object]:
    kept = ("name", "issuer", "standard", "level", "issued_on", "expires_on", "status", "method", "visibility")
    same = {name: getattr(badge, name) for name in kept}
    return same | {"source": source, "badge": event_id(ws.keys.event, f"badge\0{badge.id}"), "person": person, "skills": list(badge.skills)}
