"""Who may see whom: the viewer, per-scan ids, opt-outs, names after opt-in and the minimum group, read anew for every answer."""

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ona.errors import ForbiddenError, NotFoundError
from pipelines import badges, people
from pipelines.access.readable import NO_UNIT, Bools, Ids, ReadableScan
from pipelines.access.rights import Reach, Right, Role, reach
from pipelines.keys import Keys
from pipelines.scans import SealedScan
from pipelines.workspace import Workspace

CODE_FLOOR = 5
"""No setting lowers the minimum group below this."""

ID_DIGITS, SHORTEST_LABEL = 16, 4

Readable = SealedScan | ReadableScan


@dataclass(frozen=True)
class Viewer:
    """Who looks: a subject, a role and, where the role is limited, the persons in scope."""

    subject: str
    role: Role = Role.ANALYST
    scope: frozenset[int] | None = None  # None = everybody
    person: int | None = None  # the viewer's own person, never counted into a minimum group


LOCAL_ANALYST = Viewer("local", Role.ANALYST)
"""Who runs the service alone on a machine of their own."""


def demand(ws: Workspace, viewer: Viewer, right: Right) -> Reach:
    """Return over whom the viewer's role has a right in this deployment's mode.

    Raises ForbiddenError when it has none.
    """
    found = reach(ws.settings.mode, viewer.role, right)
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
    withheld: frozenset[int]
    named: frozenset[int]  # granted name_on_map
    told: dict[int, str] = field(default_factory=dict)  # names read so far

    @cached_property
    def visible(self) -> Bools:
        """Members that this viewer may see; the others are absent everywhere."""
        seen = ~np.isin(self.scan.persons, list(self.withheld))
        if self.viewer.scope is not None:
            seen &= np.isin(self.scan.persons, list(self.viewer.scope))
        return seen

    @cached_property
    def rows(self) -> Ids:
        """Member rows that this viewer may see."""
        return np.flatnonzero(self.visible)

    @cached_property
    def codes(self) -> Sequence[str]:
        """View id of every member; withheld ones keep theirs, so that an objection renames nobody."""
        memo = self.scan.view_ids
        if self.viewer.role not in memo:
            memo[self.viewer.role] = [view_id(self.ws.keys, self.viewer.role, self.scan.id, int(p)) for p in self.scan.persons]
        return memo[self.viewer.role]

    @cached_property
    def pseudonyms(self) -> Sequence[str]:
        """Label of every member."""
        return labels(self.codes)

    @property
    def minimum(self) -> int:
        """Fewest people that a group needs to be shown."""
        sealed = self.scan.sealed.manifest.get("minimum_group", CODE_FLOOR)
        return max(CODE_FLOOR, self.ws.settings.minimum_group, int(str(sealed)))

    def label(self, row: int) -> tuple[str, bool]:
        """Name after opt-in, else the pseudonym; and which of the two it is."""
        person = int(self.scan.persons[row])
        if person in self.named and person not in self.told:
            self.read_names([row])
        name = self.told.get(person)
        return (name, True) if name else (self.pseudonyms[row], False)

    def read_names(self, rows: Iterable[int]) -> None:
        """Decrypt the names of people who opted in, many at once."""
        wanted = {int(self.scan.persons[row]) for row in rows} & self.named - self.told.keys()
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
        """Visible rows of a team or department."""
        found: Ids = self.rows[self.scan.units(attribute)[self.rows] == code]
        return found

    def sizes(self, attribute: str) -> dict[int, int]:
        """Visible people of each unit, the viewer not counted."""
        others = self.rows[self.scan.persons[self.rows] != (self.viewer.person or -1)]
        codes, counts = np.unique(self.scan.units(attribute)[others], return_counts=True)
        return {int(code): int(count) for code, count in zip(codes, counts, strict=True) if code != NO_UNIT}

    def is_shown(self, attribute: str, code: int) -> bool:
        """Whether a unit has enough people to be shown."""
        return self._sizes(attribute).get(code, 0) >= self.minimum

    def unit_name(self, attribute: str, row: int) -> str | None:
        """Name of a person's unit, None where it is unknown or too small."""
        code = int(self.scan.units(attribute)[row])
        return self.scan.unit_name(attribute, code) if self.is_shown(attribute, code) else None

    def _sizes(self, attribute: str) -> dict[int, int]:
        if attribute not in self._known_sizes:
            self._known_sizes[attribute] = self.sizes(attribute)
        return self._known_sizes[attribute]

    @cached_property
    def _known_sizes(self) -> dict[str, dict[int, int]]:
        return {}


def look(ws: Workspace, scan: Readable, viewer: Viewer) -> Sight:
    """Apply today's opt-outs and consents to a sealed scan."""
    opened = scan if isinstance(scan, ReadableScan) else ReadableScan(scan)
    named = {person for person, purposes in people.consents(ws).items() if "name_on_map" in purposes}
    return Sight(ws, opened, viewer, frozenset(people.withheld(ws)), frozenset(named))


def policy_version(ws: Workspace, scan: Readable, viewer: Viewer) -> str:
    """Digest of all that changes an answer without changing the scan: opt-outs, opt-ins and names, badges, thresholds."""
    sight = look(ws, scan, viewer)
    sight.read_names(sight.rows)
    held = badges.badges(ws, set(sight.scan.persons[sight.rows].tolist()))
    state = [
        sight.scan.id,
        viewer.role,
        sorted(viewer.scope or ()),
        sorted(sight.withheld),
        sorted(sight.told.items()),
        sight.minimum,
        sorted(map(str, held.to_pylist())),
    ]
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()[:20]
