"""Readings about a whole scan: the list of scans, who stands out, contact between departments, data quality."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import partial

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import sqlalchemy as sa

from ona.subtraction import settled
from pipelines import scans
from pipelines.access import words
from pipelines.access.answers import ContactGrid, Overview, PersonRow, Quality, ScanEntry
from pipelines.access.contact import enough
from pipelines.access.disclosed import GROUP
from pipelines.access.policy import Readable, Sight, Viewer, demand, look, released_to
from pipelines.access.readable import Floats, Ids
from pipelines.access.readings import MARKED_FACETS, marks, rows_of
from pipelines.access.rights import Right
from pipelines.access.stamp import remembered, stamp
from pipelines.access.standing import AUDIENCES
from pipelines.access.steps import is_exact, share_in_steps
from pipelines.dates import months_before
from pipelines.intake.events import monday
from pipelines.schema import STALE
from pipelines.storage.workspace import Workspace

Grid = npt.NDArray[np.bool_]

SCORED, OTHER = "scored", "other"
"""Beside the codes of reasons why a person was not scored."""

STALE_MONTHS = 3 + 1
"""A scan is made every quarter; with a month beyond that its result is old, and every page about it says so."""

MOST_DEPARTMENTS = 16
"""Rows of the contact grid; the largest departments are kept."""


def list_scans(ws: Workspace, viewer: Viewer) -> tuple[ScanEntry, ...]:
    """Sealed scans that the viewer may see, the newest first; without counts, which could be subtracted from each other."""
    found = remembered(ws, "scans", stamp(ws), lambda: _listed(ws))
    if viewer.role not in AUDIENCES or viewer.preview:
        return found
    released = [one for one in found if released_to(ws, viewer, one.id) is not None]
    newest = next((one.id for one in released if one.latest), released[0].id if released else None)
    return tuple(replace(one, latest=one.id == newest) for one in released)


def read_overview(ws: Workspace, scan: Readable, viewer: Viewer) -> Overview:
    """Who stands out, hidden influencers first, and how far to trust it."""
    demand(ws, viewer, Right.RANK)
    sight = look(ws, scan, viewer)
    manifest = sight.scan.sealed.manifest
    return Overview(
        scan=ScanEntry(
            id=sight.scan.id,
            start=date.fromisoformat(str(manifest["start"])),
            end=date.fromisoformat(str(manifest["end"])),
            created=None,
            latest=False,
            verdict=str(sight.scan.sealed.quality.get("verdict", "unknown")),
        ),
        people=len(sight.rows),
        hidden=_standing_out(sight, "hidden"),
        marked=_standing_out(sight, "flagged"),
        scored=int(np.count_nonzero(_reasons(sight) == "")),
        withheld=_withheld(sight),
        contact=contact_grid(sight),
        warnings=_warnings(manifest),
    )


def read_quality(ws: Workspace, scan: Readable, viewer: Viewer) -> Quality:
    """Return the data-quality report of a scan; it counts rows, names nobody and tells no reason of a few people."""
    demand(ws, viewer, Right.SEE_QUALITY)
    sight = look(ws, scan, viewer)
    report = dict(sight.scan.sealed.quality)
    scored = report.get("scored")
    if isinstance(scored, Mapping):
        report["scored"] = {facet: _gates(counts, sight.minimum) for facet, counts in scored.items()}
    return Quality(sight.scan.id, report)


def contact_grid(sight: Sight) -> ContactGrid:
    """Share of each department's contact by department; a cell needs the minimum group at both ends."""
    shown = departments_compared(sight)
    if len(shown) < 2:
        return ContactGrid((), ())
    weight, people, safe = _between(sight, shown, "relationship")
    total = weight.sum(axis=1, keepdims=True)
    share = np.divide(weight, total, out=np.full_like(weight, np.nan), where=total > 0)
    share[unanswerable(~safe & (weight > 0), people)] = np.nan
    names = tuple(sight.scan.unit_name("group", code) for code in shown)
    tell = partial(round, ndigits=3) if is_exact(sight) else share_in_steps
    return ContactGrid(names, tuple(tuple(None if np.isnan(x) else tell(float(x)) for x in row) for row in share))


def departments_compared(sight: Sight) -> list[int]:
    """Return the largest departments that are shown, by name."""
    sizes = sight.sizes("group")
    known = [code for attribute, code in sight.pattern.cells if attribute == GROUP and sight.pattern.has_figures(attribute, code)]
    largest = sorted(known, key=lambda code: -sizes[code])[:MOST_DEPARTMENTS]
    return sorted(largest, key=lambda code: sight.scan.unit_name("group", code).casefold())


def cells_hidden(sight: Sight, shown: list[int], graph: str) -> Grid:
    """Return between which two of these departments a number would be about too few people, or would tell one that is."""
    weight, people, safe = _between(sight, shown, graph)
    return unanswerable(~safe & (weight > 0), people)


def _listed(ws: Workspace) -> tuple[ScanEntry, ...]:
    """Every sealed scan, with what makes its result old."""
    last = months_before(ws.now().date(), STALE_MONTHS)
    late = [monday(row.part) for row in ws.service.rows(sa.select(STALE.c.part).where(STALE.c.late > 0))]
    return tuple(
        ScanEntry(
            one.id,
            one.start,
            one.end,
            one.created,
            one.latest,
            one.verdict,
            stale=one.end <= last,
            late_weeks=sum(one.start <= week < one.end for week in late),
        )
        for one in scans.list_scans(ws)
    )


def _standing_out(sight: Sight, kind: str) -> tuple[tuple[str, PersonRow], ...]:
    """Facet and person for each mark, the surest first inside a facet."""
    found: list[tuple[str, PersonRow]] = []
    for facet in MARKED_FACETS:
        rows = [int(row) for row in sight.rows if facet in marks(sight, int(row), kind)]
        rows.sort(key=lambda row: (-float(sight.scan.scores[facet].percentile_low[row]), sight.codes[row]))
        found += [(facet, person) for person in rows_of(sight, rows, facet)]
    return tuple(found)


def _reasons(sight: Sight) -> npt.NDArray[np.str_]:
    """Reason of each visible member that no facet could be given to, empty where one was."""
    known = [sight.scan.scores[facet].reason[sight.rows] for facet in MARKED_FACETS if facet in sight.scan.scores]
    if not known:
        return np.full(len(sight.rows), "channel_missing")
    return np.array(
        [min(("" if code is None else str(code) for code in codes), key=len) for codes in zip(*known, strict=True)], dtype=np.str_
    )


def _withheld(sight: Sight) -> tuple[tuple[str, int], ...]:
    """Sentence and people per reason."""
    counts = Counter(str(code) for code in _reasons(sight) if code)
    return tuple((words.reason(code) or code, number) for code, number in _together(counts, sight.minimum).items())


def _gates(counts: Mapping[str, int], minimum: int) -> dict[str, int]:
    """How many were scored, and for which reasons the others were not."""
    others = Counter({reason: number for reason, number in counts.items() if reason != SCORED})
    return {SCORED: counts.get(SCORED, 0)} | _together(others, minimum)


def _together(counts: Counter[str], minimum: int) -> dict[str, int]:
    """Count reasons of few people together, and with them the next one while they are few; told is what enough people have."""
    ordered = counts.most_common()
    large = [(reason, number) for reason, number in ordered if number >= minimum]
    rest = sum(number for _, number in ordered[len(large) :])
    while 0 < rest < minimum and large:
        rest += large.pop()[1]
    return dict(large) | ({OTHER: rest} if rest >= minimum else {})


def _warnings(manifest: Mapping[str, object]) -> tuple[str, ...]:
    notes = manifest.get("notes")
    found = notes.get("warnings", ()) if isinstance(notes, Mapping) else ()
    return tuple(str(one) for one in found) if isinstance(found, list | tuple) else ()


def _between(sight: Sight, shown: list[int], graph: str) -> tuple[Floats, Ids, Grid]:
    """Contact of each pair of departments, the distinct people in it, and whether enough stand at both ends and none carries most."""
    source, target, weight = sight.scan.ties(graph)
    place = np.full(len(sight.scan.persons), -1, dtype=np.int64)
    for at, code in enumerate(shown):
        place[sight.members("group", code)] = at
    known = (place[source] >= 0) & (place[target] >= 0)
    near, far = np.concatenate([source[known], target[known]]), np.concatenate([target[known], source[known]])
    weights, k = np.tile(weight[known], 2), len(shown)
    pair = place[near] * k + place[far]
    safe = enough(pair, near, weights, k * k, sight.minimum).reshape(k, k)
    each = np.unique(np.stack([np.concatenate([pair, place[far] * k + place[near]]), np.tile(near, 2)]), axis=1)
    people = np.bincount(each[0], minlength=k * k).astype(np.int64)
    total = np.bincount(pair, weights, k * k).astype(np.float64)
    return total.reshape(k, k), people.reshape(k, k), np.asarray(safe & safe.T)


def unanswerable(hidden: Grid, people: Ids) -> Grid:
    """Hide further cells until none can be computed: shares of a row add up to 100 %, and a cell is the same seen from both sides."""
    k = len(hidden)
    cells = {pair: at for at, pair in enumerate((a, b) for a in range(k) for b in range(a, k))}
    index = np.array([[cells[min(a, b), max(a, b)] for b in range(k)] for a in range(k)])
    gone, sizes = np.zeros(len(cells), dtype=np.bool_), np.zeros(len(cells), dtype=np.int64)
    np.logical_or.at(gone, index, hidden)
    sizes[index] = people
    rows = np.zeros((k, len(cells)), dtype=np.int64)
    rows[np.arange(k)[:, None], index] = 1
    while gone.any() and not gone.all():
        known = settled(sp.csr_array(rows), gone)
        if not known.size:
            break
        beside = np.flatnonzero(rows[rows[:, known].any(axis=1)].any(axis=0) & ~gone)
        if not beside.size:
            beside = np.flatnonzero(~gone)
        gone[beside[np.lexsort((beside, sizes[beside]))[0]]] = True
    return np.asarray(gone[index])
