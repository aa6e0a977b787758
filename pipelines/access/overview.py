"""Readings about a whole scan: the list of scans, who stands out, contact between departments, data quality."""

from collections import Counter
from collections.abc import Mapping
from datetime import date

import numpy as np
import numpy.typing as npt

from pipelines import scans
from pipelines.access import words
from pipelines.access.answers import ContactGrid, Overview, PersonRow, Quality, ScanEntry
from pipelines.access.policy import Readable, Sight, Viewer, look
from pipelines.access.readable import NO_UNIT, Floats, Ids
from pipelines.access.readings import MARKED_FACETS, marks, rows_of
from pipelines.scans import ScanSummary
from pipelines.workspace import Workspace

Grid = npt.NDArray[np.bool_]

MOST_DEPARTMENTS = 16
"""Rows of the contact grid; the largest departments are kept."""


def list_scans(ws: Workspace, viewer: Viewer) -> tuple[ScanEntry, ...]:
    """Sealed scans, the newest first; without counts, which could be subtracted from each other."""
    del viewer  # in single-user mode every scan is the viewer's
    return tuple(_entry(one) for one in scans.list_scans(ws))


def read_overview(ws: Workspace, scan: Readable, viewer: Viewer) -> Overview:
    """Who stands out, hidden influencers first, and how far to trust it."""
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


def read_contact(ws: Workspace, scan: Readable, viewer: Viewer) -> ContactGrid:
    """Return the share of each department's contact by department."""
    return contact_grid(look(ws, scan, viewer))


def read_quality(ws: Workspace, scan: Readable, viewer: Viewer) -> Quality:
    """Return the data-quality report of a scan; it counts rows and never names anybody."""
    sight = look(ws, scan, viewer)
    return Quality(sight.scan.id, dict(sight.scan.sealed.quality))


def contact_grid(sight: Sight) -> ContactGrid:
    """Share of each department's contact by department; a cell needs the minimum group at both ends."""
    sizes = sight.sizes("group")
    shown = sorted((code for code, size in sizes.items() if size >= sight.minimum), key=lambda code: -sizes[code])[:MOST_DEPARTMENTS]
    shown.sort(key=lambda code: sight.scan.unit_name("group", code).casefold())
    if len(shown) < 2:
        return ContactGrid((), ())
    weight, people = _between(sight, shown)
    total = weight.sum(axis=1, keepdims=True)
    share = np.divide(weight, total, out=np.full_like(weight, np.nan), where=total > 0)
    hidden = (people < sight.minimum) & (weight > 0)
    share[_complemented(hidden | hidden.T, sight, shown, sizes)] = np.nan
    names = tuple(sight.scan.unit_name("group", code) for code in shown)
    return ContactGrid(names, tuple(tuple(None if np.isnan(x) else round(float(x), 3) for x in row) for row in share))


def _entry(one: ScanSummary) -> ScanEntry:
    return ScanEntry(one.id, one.start, one.end, one.created, one.latest, one.verdict)


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
    """Sentence and people per reason; reasons of fewer people than the minimum group are counted together."""
    counts = Counter(str(code) for code in _reasons(sight) if code)
    large = [(words.reason(code) or code, number) for code, number in counts.most_common() if number >= sight.minimum]
    rest = sum(number for number in counts.values() if number < sight.minimum)
    return (*large, ("Other reasons.", rest)) if rest >= sight.minimum else tuple(large)


def _warnings(manifest: Mapping[str, object]) -> tuple[str, ...]:
    notes = manifest.get("notes")
    found = notes.get("warnings", ()) if isinstance(notes, Mapping) else ()
    return tuple(str(one) for one in found) if isinstance(found, list | tuple) else ()


def _between(sight: Sight, shown: list[int]) -> tuple[Floats, Ids]:
    """Contact and the smaller number of distinct people at either end, for each pair of departments."""
    source, target, weight = sight.scan.ties("relationship")
    seen = sight.visible[source] & sight.visible[target]
    place = {code: at for at, code in enumerate(shown)}
    unit = np.array([place.get(int(code), NO_UNIT) for code in sight.scan.units("group")])
    ends = np.concatenate([source[seen], target[seen]]), np.concatenate([target[seen], source[seen]])
    weights = np.tile(weight[seen], 2)
    known = (unit[ends[0]] >= 0) & (unit[ends[1]] >= 0)
    near, far, weights = ends[0][known], unit[ends[1][known]], weights[known]
    total = np.zeros((len(shown), len(shown)))
    np.add.at(total, (unit[near], far), weights)
    distinct = np.zeros(total.shape, dtype=np.int64)
    pairs = np.unique(np.stack([near, far]), axis=1)
    np.add.at(distinct, (unit[pairs[0]], pairs[1]), 1)
    return total, np.minimum(distinct, distinct.T)


def _complemented(hidden: Grid, sight: Sight, shown: list[int], sizes: Mapping[int, int]) -> Grid:
    """Hide a second cell of each row that hides one alone, since the shares of a row add up to 100 %."""
    hidden = hidden.copy()
    small = np.array([sizes[code] for code in shown])
    for _ in shown:
        alone = np.flatnonzero(hidden.sum(axis=1) == 1)
        if not len(alone):
            break
        for row in alone:
            column = min((c for c in range(len(shown)) if not hidden[row, c]), key=lambda c: (c == row, small[c]))
            hidden[row, column] = hidden[column, row] = True
    return hidden
