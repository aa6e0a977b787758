"""Who may see whom: the viewer, per-scan ids, opt-outs, names after opt-in and the minimum group, read anew for every answer."""

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property, partial

import numpy as np

from ona.errors import ForbiddenError, NotFoundError
from pipelines.access.disclosed import Audience, Before, Pattern, pattern, rows_of
from pipelines.access.readable import NO_UNIT, OVERLOAD, Bools, Ids, ReadableScan
from pipelines.access.rights import Reach, Right, Role, reach
from pipelines.access.scope import scope_in_window
from pipelines.access.stamp import remembered, stamp
from pipelines.access.standing import AUDIENCES, Release, Standing, release, standing, told_to, withheld_at_seal
from pipelines.intake import people
from pipelines.keys import Keys
from pipelines.scans import STRICT_MINIMUM, SealedScan, open_scan
from pipelines.settings import Mode
from pipelines.storage.workspace import Workspace
from pipelines.thresholds import minimum

CODE_FLOOR = 5
"""No setting lowers the minimum group below this."""

WIDTH = (Mode.STRICT, Mode.STANDARD, Mode.OPEN)
"""Modes from the one that shows least."""

ID_DIGITS, SHORTEST_LABEL = 16, 4

Readable = SealedScan | ReadableScan

NOT_PREVIEWED = "You look as somebody else: only the pages of a scan are open to you. Look as yourself again first."

NO_SCAN = "There is no scan of this id for you. What was published to you is in the list of scans."


@dataclass(frozen=True)
class Viewer:
    """Who looks: a subject, a role and, where the role is limited, the persons in scope."""

    subject: str
    role: Role = Role.ANALYST
    scope: frozenset[int] | None = None  # None = everybody; a manager's is found in the reporting tree, whatever this says
    person: int | None = None  # the viewer's own person, never counted into a minimum group
    roles: frozenset[Role] = frozenset()  # all that the viewer holds, among them the one acted in
    acting: bool = False  # the local operator looks as somebody else
    stands_for: frozenset[int] = frozenset()  # managers whose people an acting manager looks after today
    signed_in: datetime | None = None  # when the session began; None for the local operator and for tokens
    token: str | None = None  # id of the API token that speaks for the viewer
    only: frozenset[Right] | None = None  # rights of that token; None = all that the role has
    preview: bool = False  # an analyst looks as somebody would, at a scan that may not be released yet


PREVIEWED = frozenset({Right.READ_WORDS, Right.SEE_GROUPS, Right.SEE_NAMED})
"""What an analyst who looks as a manager may open: the pages that a scan is published on, never the manager's own record."""

LOCAL_ANALYST = Viewer("local", Role.ANALYST)
"""Who runs the service alone on a machine of their own."""


def demand(ws: Workspace, viewer: Viewer, right: Right) -> Reach:
    """Return over whom the viewer's role has a right in this deployment's mode.

    Raises ForbiddenError when it has none.
    """
    found = reach(ws.settings.mode, viewer.role, right)
    if viewer.only is not None and right not in viewer.only:
        raise ForbiddenError(NOT_PREVIEWED if viewer.preview else f"This token was made without the right {right}. Make another one.")
    if found is Reach.NOBODY or (found in (Reach.OWN, Reach.SUBTREE) and viewer.person is None):
        raise ForbiddenError(f"The role {viewer.role} may not do this. Sign in with another role, or ask who administers the service.")
    return found


def view_id(keys: Keys, audience: str, scan: str, person: int) -> str:
    """Id of a person for one audience and one scan; two scans or audiences cannot be joined by it."""
    return hmac.digest(keys.view, f"{audience}\0{scan}\0{person}".encode(), "sha256").hex()[:ID_DIGITS].upper()


def labels(ids: Sequence[str]) -> list[str]:
    """Display label of each view id: its first four digits, and more only where two people would share them."""
    lengths = dict.fromkeys(ids, SHORTEST_LABEL)
    for length in range(SHORTEST_LABEL, ID_DIGITS):
        heads = Counter(code[:length] for code in lengths)
        lengths |= {code: length + 1 for code in lengths if lengths[code] == length and heads[code[:length]] > 1}
    return [f"Person {code[: lengths[code]]}" for code in ids]


@dataclass(frozen=True, eq=False)
class Sight:
    """One scan as one viewer may see it now."""

    ws: Workspace
    scan: ReadableScan
    viewer: Viewer
    mark: str  # of all that may change without the scan
    standing: Standing
    released: Release | None  # None for an analyst, and before publication
    scope: frozenset[int] | None  # None = everybody
    told: dict[int, str] = field(default_factory=dict)  # names read so far

    @cached_property
    def mode(self) -> Mode:
        """Mode that holds for this scan: today's, or the narrower one under which it was published."""
        then = self.released.mode if self.released else Mode.OPEN
        return min((self.ws.settings.mode, then), key=WIDTH.index)

    @cached_property
    def minimum(self) -> int:
        """Fewest people that a group needs to be shown."""
        sealed = int(str(self.scan.sealed.manifest.get("minimum_group", CODE_FLOOR)))
        then = self.released.minimum_group if self.released else CODE_FLOOR
        floor = STRICT_MINIMUM if self.mode is Mode.STRICT else CODE_FLOOR
        now = remembered(self.ws, "minimum", self.mark, lambda: minimum(self.ws).holds)
        return max(floor, now, sealed, then)

    @cached_property
    def withheld(self) -> frozenset[int]:
        """Persons who objected: absent as single people from the moment on."""
        return self.standing.withheld

    @cached_property
    def named(self) -> frozenset[int]:
        """Persons whom this viewer may know by name."""
        if self.viewer.role is Role.HR:
            return self.standing.named | self.standing.accepted_for(self.viewer.subject)
        if self.viewer.role is Role.MANAGER and self.mode is Mode.OPEN:
            return self.scope or frozenset()
        return self.standing.named

    @cached_property
    def told_by_name(self) -> frozenset[int]:
        """Persons whose names this viewer is told: who only looks as a manager learns those alone that people agreed to."""
        return self.named & self.standing.named if self.viewer.preview else self.named

    @cached_property
    def single(self) -> Reach:
        """Over whom this viewer reads single people: by view id and numbers, or by name."""
        reached = (reach(self.mode, self.viewer.role, right) for right in (Right.SEE_SCORES, Right.SEE_NAMED))
        return next((found for found in reached if found is not Reach.NOBODY), Reach.NOBODY)

    @cached_property
    def visible(self) -> Bools:
        """Members whom this viewer may see as single people; the others are absent everywhere."""
        if self.single is Reach.NOBODY:
            return np.zeros(len(self.scan.persons), dtype=np.bool_)
        seen = ~np.isin(self.scan.persons, list(self.withheld)) & self.within
        if self.single in (Reach.CONSENTING, Reach.SUBTREE):
            seen &= np.isin(self.scan.persons, list(self.named))
        return np.asarray(seen)

    @cached_property
    def candidates(self) -> Bools:
        """Members who agreed to be looked at as mentors, did not object, and show no signs of too much load."""
        if self.mode is Mode.STRICT:
            return np.zeros(len(self.scan.persons), dtype=np.bool_)
        agreed = np.isin(self.scan.persons, list(self.standing.mentors - self.withheld))
        overload = self.scan.facts.get(OVERLOAD)
        return np.asarray(agreed if overload is None else agreed & ~(np.nan_to_num(overload) > 0))

    @cached_property
    def alone(self) -> Bools:
        """Members of whom this viewer reads one by one: as people they see, or as candidates without a name."""
        pairs = reach(self.mode, self.viewer.role, Right.PAIR) is not Reach.NOBODY
        return self.visible | self.candidates if pairs else self.visible

    @cached_property
    def within(self) -> Bools:
        """Members in the viewer's scope."""
        if self.scope is None:
            return np.ones(len(self.scan.persons), dtype=np.bool_)
        return np.isin(self.scan.persons, list(self.scope))

    @cached_property
    def counted(self) -> Bools:
        """Members who count into the figures of groups.

        An analyst sees single people, so theirs change with every objection. To all others a group that changed when somebody objected
        would tell who did: whoever objected after the scan stays in its figures until the next one.
        """
        if self.single is Reach.EVERYBODY:
            return self.visible
        return ~np.isin(self.scan.persons, list(withheld_at_seal(self.ws, self.scan.id, self.standing)))

    @cached_property
    def rows(self) -> Ids:
        """Member rows that this viewer may see."""
        return np.flatnonzero(self.visible)

    @cached_property
    def codes(self) -> Sequence[str]:
        """View id of every member; withheld ones keep theirs, so that an objection renames nobody."""
        memo = self.scan.view_ids
        audience = self.viewer.role if self.viewer.role is not Role.MANAGER else f"manager {self.viewer.person}"
        if audience not in memo:
            memo[audience] = [view_id(self.ws.keys, audience, self.scan.id, int(p)) for p in self.scan.persons]
        return memo[audience]

    @cached_property
    def pseudonyms(self) -> Sequence[str]:
        """Label of every member."""
        return labels(self.codes)

    def label(self, row: int) -> tuple[str, bool]:
        """Name after opt-in, else the pseudonym; and which of the two it is."""
        person = int(self.scan.persons[row])
        if person in self.told_by_name and person not in self.told:
            self.read_names([row])
        name = self.told.get(person)
        return (name, True) if name else (self.pseudonyms[row], False)

    def read_names(self, rows: Iterable[int]) -> None:
        """Decrypt the names of people who opted in, many at once."""
        wanted = {int(self.scan.persons[row]) for row in rows} & self.told_by_name - self.told.keys()
        if wanted:
            self.told.update(self.ws.vault.names(sorted(wanted)))

    def row_of(self, code: str) -> int:
        """Member row of a view id or of the digits on its label; missing and hidden are one answer."""
        wanted = code.upper()
        if len(wanted) >= SHORTEST_LABEL:
            found = [row for row in self.rows if self.codes[row].startswith(wanted)]
            if len(found) == 1:
                return int(found[0])
        raise NotFoundError("There is nobody of this id in this scan for you. Ids change from scan to scan: start from the list of people.")

    def members(self, attribute: str, code: int) -> Ids:
        """Rows of a team or department that count, as far as it is in the viewer's scope."""
        return np.flatnonzero(self.counted & self.within & (self.scan.units(attribute) == code))

    def sizes(self, attribute: str) -> dict[int, int]:
        """People of each unit in scope who count, the viewer not among them."""
        others = self.counted & self.within & (self.scan.persons != (self.viewer.person or -1))
        codes, counts = np.unique(self.scan.units(attribute)[others], return_counts=True)
        return {int(code): int(count) for code, count in zip(codes, counts, strict=True) if code != NO_UNIT}

    def is_shown(self, attribute: str, code: int) -> bool:
        """Whether a unit has enough people to be shown, and no difference tells of fewer."""
        return self.pattern.is_shown(attribute, code)

    @cached_property
    def audience(self) -> Audience:
        """Who counts for this viewer, who is read one by one, and which groups wait with their figures."""
        if self.single is Reach.EVERYBODY:
            return self._counting
        name = f"beside {self.scan.id} {self.viewer.role} {self.viewer.person} {self.viewer.subject}"
        return remembered(self.ws, name, self.state, self._beside_overlapping)

    def _beside_overlapping(self) -> Audience:
        """Put beside it what this audience was told before in scans of overlapping weeks."""
        earlier = list(_told_before(self))
        if not earlier:
            return self._counting
        told = [one.scan.persons[one.pattern.told[[at]].indices] for one in earlier for at in range(one.pattern.told.shape[0])]
        different = {people.tobytes(): people for people in told}
        persons = self.scan.persons
        everybody = np.concatenate([persons, np.setdiff1d(np.concatenate([one.scan.persons for one in earlier]), persons)])
        alone = np.isin(everybody, np.concatenate([one.scan.persons[one.alone] for one in (self, *earlier)]))
        return replace(self._counting, before=Before(rows_of(list(different.values()), everybody), alone))

    @cached_property
    def _counting(self) -> Audience:
        others = self.scan.persons != (self.viewer.person if self.viewer.person is not None else -1)
        alone = np.zeros_like(self.alone) if self.single is Reach.EVERYBODY else self.alone
        departments = self.viewer.role is not Role.MANAGER
        return Audience(self.counted & others, self.within, alone, self.minimum, departments)

    @cached_property
    def pattern(self) -> Pattern:
        """Which groups are published to this viewer, found once per scan and audience while the same people count."""
        team, group = (self.scan.units(attribute) for attribute in ("team", "group"))
        name = f"pattern {self.scan.id} {self.viewer.role} {self.viewer.person} {self.viewer.subject}"
        return remembered(self.ws, name, self.audience.digest, lambda: pattern(self.audience, group, team))

    @cached_property
    def state(self) -> str:
        """Mark under which what was made for this viewer still holds."""
        return f"{self.mark} {self.minimum} {self.mode} {hash(self.viewer.scope)} {sorted(self.viewer.stands_for)}"

    def unit_name(self, attribute: str, row: int) -> str | None:
        """Name of a person's unit, None where it is unknown or too small."""
        code = int(self.scan.units(attribute)[row])
        return self.scan.unit_name(attribute, code) if self.is_shown(attribute, code) else None


def look(ws: Workspace, scan: Readable, viewer: Viewer) -> Sight:
    """Apply today's opt-outs, consents and reporting tree to a sealed scan."""
    opened = scan if isinstance(scan, ReadableScan) else ReadableScan(scan)
    found = _sight(ws, opened, viewer)
    if found.released is None and viewer.role in AUDIENCES and not viewer.preview:
        raise NotFoundError(NO_SCAN)
    return found


def _sight(ws: Workspace, scan: ReadableScan, viewer: Viewer) -> Sight:
    mark, scope = stamp(ws), viewer.scope
    if viewer.role is Role.MANAGER:
        end = date.fromisoformat(str(scan.sealed.manifest["end"]))
        scope = frozenset() if viewer.person is None else scope_in_window(ws, viewer.person, end, viewer.stands_for)
    return Sight(ws, scan, viewer, mark, standing(ws, mark), released_to(ws, viewer, scan.id), scope)


def _told_before(sight: Sight) -> Iterator[Sight]:
    """Yield the same viewer's sight of each scan of overlapping weeks that was sealed before and told to their role, then or now."""
    ws, viewer = sight.ws, sight.viewer
    every = {row.id: row for row in remembered(ws, "sealed scans", sight.mark, ws.service.list_scans)}
    own, told = every.get(sight.scan.id), told_to(ws, viewer.role, sight.mark)
    if own is None:
        return
    for row in every.values():
        earlier, overlaps = (row.created, row.id) < (own.created, own.id), row.start < own.end and own.start < row.end
        if earlier and overlaps and (told is None or row.id in told):
            scan = remembered(ws, f"readable {row.id}", "", partial(_readable, ws, row.id))
            yield _sight(ws, scan, viewer)


def _readable(ws: Workspace, identity: str) -> ReadableScan:
    return ReadableScan(open_scan(ws, identity))


def released_to(ws: Workspace, viewer: Viewer, scan: str) -> Release | None:
    """Return how a scan was released to a viewer, None when it was not, or to people of other departments."""
    found = release(ws, scan, viewer.role)
    if found is None or not found.units:
        return found
    return found if viewer.person is not None and department_of(ws, viewer.person) in found.units else None


def department_of(ws: Workspace, person: int) -> str | None:
    """Return the department of somebody today."""
    today = ws.now().date()
    return remembered(ws, f"departments {today}", stamp(ws), lambda: people.departments_on(ws, today)).get(person)


def policy_version(ws: Workspace, scan: Readable, viewer: Viewer) -> str:
    """Digest of all that changes an answer without changing the scan: opt-outs, opt-ins and names, badges, the tree, thresholds."""
    state = [scan.id, viewer.role, viewer.person, sorted(viewer.scope or ()), sorted(viewer.stands_for), stamp(ws)]
    state += [ws.settings.mode, ws.settings.minimum_group]
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()[:20]
