"""Which groups of a scan an audience may see so that no sum and no difference tells of fewer people than the minimum group."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ona.disclosure import Hidden, Relation, protected
from ona.subtraction import beside, exposed, too_near
from pipelines.access.readable import NO_UNIT, Bools, Ids

COMPANY, GROUP, TEAM, OUTSIDE = "company", "group", "team", "outside"
"""Everybody in scope, their departments and teams, and teams of others beside a manager's own."""

Cell = tuple[str, int]


@dataclass(frozen=True, eq=False)
class Before:
    """What the same audience was told of in scans of overlapping weeks; columns are the members of this scan, then further people."""

    told: sp.csr_array  # (groups with figures, people)
    alone: Bools  # (people,) read one by one in any of the scans


@dataclass(frozen=True, eq=False)
class Audience:
    """Who counts for one audience, as masks over the members of a scan.

    ``counted`` makes up groups, ``own`` those of them in scope, and ``single`` are read one by one, which a difference must not undo.
    """

    counted: Bools
    own: Bools
    single: Bools
    minimum: int
    departments: bool  # whether figures of departments are published beside those of teams
    before: Before | None = None

    @property
    def digest(self) -> str:
        """What a pattern follows from, as one word."""
        masks = b"".join(np.packbits(mask).tobytes() for mask in (self.counted, self.own, self.single))
        earlier = b""
        if self.before is not None:
            told = self.before.told
            earlier = told.indptr.tobytes() + told.indices.tobytes() + np.packbits(self.before.alone).tobytes()
        return hashlib.sha256(masks + earlier + f"{self.minimum} {self.departments}".encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Pattern:
    """Every group that an audience can ask about, why it is hidden, if it is, and whether figures of it may be told.

    A shown group of whom all but a few are read one by one keeps its name and its lines, but no figure: it would be theirs.
    """

    cells: tuple[Cell, ...]
    members: sp.csr_array  # (cells, members of the scan)
    reasons: Ids
    figures: Ids  # as reasons, for figures
    place: Mapping[Cell, int]

    def is_shown(self, attribute: str, code: int) -> bool:
        """Whether a group is published."""
        at = self.place.get((attribute, code))
        return at is not None and self.reasons[at] == Hidden.SHOWN

    def has_figures(self, attribute: str, code: int) -> bool:
        """Whether figures of a group are published."""
        at = self.place.get((attribute, code))
        return at is not None and self.figures[at] == Hidden.SHOWN

    def is_held(self, attribute: str, code: int) -> bool:
        """Whether figures of a published group wait because too few people joined or left since an overlapping scan."""
        at = self.place.get((attribute, code))
        return at is not None and self.figures[at] == Hidden.OVERLAP

    @property
    def published(self) -> sp.csr_array:
        """Who is in which published group."""
        return self.members[np.flatnonzero(self.reasons == Hidden.SHOWN)]

    @property
    def told(self) -> sp.csr_array:
        """Who is in which group that figures are published of."""
        return self.members[np.flatnonzero(self.figures == Hidden.SHOWN)]


def pattern(audience: Audience, group: Ids, team: Ids, *, complement: bool = True) -> Pattern:
    """Choose the groups that are published; without ``complement`` only by their size, which the audit must find wanting."""
    found = groups(audience, group, team)
    cells, members = tuple(cell for cell, _ in found), _matrix([rows for _, rows in found], len(team))
    sizes, rests = _sizes(members), members @ (~audience.single).astype(np.int64)
    reasons = np.where(sizes < audience.minimum, Hidden.TOO_FEW, Hidden.SHOWN).astype(np.int64)
    if complement:
        reasons = _protected(cells, members, audience.minimum, reasons)
    figures = np.where((reasons == 0) & (rests > 0) & (rests < audience.minimum), Hidden.TOO_FEW, reasons)
    near = np.zeros(len(cells), dtype=np.bool_) if audience.before is None else _near(members, audience.before, audience.minimum)
    figures = np.where((figures == 0) & near, Hidden.OVERLAP, figures)
    if complement and (audience.single.any() or near.any()):
        figures = _protected(cells, members[:, np.flatnonzero(~audience.single)], audience.minimum, figures)
    if complement and audience.before is not None:
        figures = _apart(members, figures, audience.before, audience.minimum)
    return Pattern(cells, members, reasons, figures, {cell: at for at, cell in enumerate(cells)})


def groups(audience: Audience, group: Ids, team: Ids) -> list[tuple[Cell, Ids]]:
    """Return every group that an audience can ask about, with the rows of its people who count."""
    own, others = audience.counted & audience.own, audience.counted & ~audience.own
    found: list[tuple[Cell, Ids]] = [((COMPANY, 0), np.flatnonzero(own))]
    for attribute, codes, among in ((GROUP, group, own), (TEAM, team, own), (OUTSIDE, team, others)):
        if attribute != GROUP or audience.departments:
            found += [((attribute, code), rows) for code, rows in _by_code(codes, among)]
    return found


def rows_of(sets: Sequence[Ids], persons: Ids) -> sp.csr_array:
    """Return sets of persons as rows over these persons."""
    place = {int(person): at for at, person in enumerate(persons.tolist())}
    return _matrix([np.sort([place[int(person)] for person in one]).astype(np.int64) for one in sets], len(place))


def leaks(published: sp.csr_array, single: Bools, minimum: int) -> list[frozenset[int]]:
    """Return the sets of 1 to k - 1 people, by member row, whose sum follows from what is published beside single people."""
    kept = np.flatnonzero(~single)
    return [frozenset(int(kept[column]) for column in leak) for leak in exposed(published[:, kept], minimum)]


def _near(members: sp.csr_array, before: Before, minimum: int) -> Bools:
    """Say whose figure beside a former one would be that of the few who joined or left, single people counted or not."""
    wider, kept = _wider(members, before), np.flatnonzero(~before.alone)
    return too_near(wider, before.told, minimum) | too_near(wider[:, kept], before.told[:, kept], minimum)


def _apart(members: sp.csr_array, figures: Ids, before: Before, minimum: int) -> Ids:
    """Let more groups wait until nothing of a few people follows from what is told here and in overlapping scans together."""
    found, shown, kept = figures.copy(), np.flatnonzero(figures == Hidden.SHOWN), np.flatnonzero(~before.alone)
    waits = beside(_wider(members, before)[shown][:, kept], before.told[:, kept], minimum)
    found[shown[waits]] = Hidden.OVERLAP
    return found


def _wider(members: sp.csr_array, before: Before) -> sp.csr_array:
    return sp.csr_array((members.data, members.indices, members.indptr), shape=(members.shape[0], len(before.alone)))


def _by_code(codes: Ids, among: Bools) -> list[tuple[int, Ids]]:
    rows = np.flatnonzero(among & (codes != NO_UNIT))
    rows = rows[np.argsort(codes[rows], kind="stable")]
    known, starts = np.unique(codes[rows], return_index=True)
    return list(zip(known.tolist(), np.split(rows, starts[1:]), strict=True)) if known.size else []


def _matrix(sets: Sequence[Ids], width: int) -> sp.csr_array:
    ends = np.cumsum([0, *(len(rows) for rows in sets)])
    columns = np.concatenate(sets) if sets else np.empty(0, np.int64)
    return sp.csr_array((np.ones(len(columns), np.int64), columns, ends), shape=(len(sets), width))


def _sizes(members: sp.csr_array) -> Ids:
    return np.diff(members.indptr).astype(np.int64)


def _protected(cells: Sequence[Cell], members: sp.csr_array, minimum: int, reasons: Ids) -> Ids:
    """Hide more groups until nothing follows; people of a whole who are in none of its parts are a part that is never shown."""
    relations: list[Relation] = []
    rests: list[Ids] = []
    for whole, parts in _sums(cells, members):
        rest = np.setdiff1d(_row(members, whole), np.concatenate([_row(members, part) for part in parts] or [np.empty(0, np.int64)]))
        if rest.size and (rest.size < minimum or reasons[parts].any()):
            parts.append(len(cells) + len(rests))
            rests.append(rest)
        relations.append(Relation(whole, tuple(parts)))
    every = sp.csr_array(sp.vstack([members, _matrix(rests, members.shape[1])])) if rests else members
    known = np.concatenate([reasons, np.full(len(rests), Hidden.TOO_FEW)])
    return protected(every, known, relations, minimum)[: len(cells)]


def _sums(cells: Sequence[Cell], members: sp.csr_array) -> list[tuple[int, list[int]]]:
    """Return each whole with the parts that lie inside it: the company with departments, each department with its teams."""
    kinds = {kind: [at for at, (attribute, _) in enumerate(cells) if attribute == kind] for kind in (GROUP, TEAM)}
    sizes, found = _sizes(members), [(0, kinds[GROUP] or kinds[TEAM])]
    for whole in kinds[GROUP]:
        around = np.zeros(members.shape[1], np.int64)
        around[_row(members, whole)] = 1
        shared = members[kinds[TEAM]] @ around if kinds[TEAM] else np.empty(0, np.int64)
        found.append((whole, [part for part, count in zip(kinds[TEAM], shared, strict=True) if count == sizes[part]]))
    return found


def _row(members: sp.csr_array, at: int) -> Ids:
    return members.indices[members.indptr[at] : members.indptr[at + 1]].astype(np.int64)
