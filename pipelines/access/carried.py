"""What marks of a map were called in the scan before, so that a map can start from there without anybody joining two scans by id."""

from pipelines.access.overview import list_scans
from pipelines.access.policy import Readable, Viewer, look
from pipelines.storage.workspace import Workspace

ANCHOR = 12
"""Scans whose maps start from one another; so many further on a map is laid out afresh, which bounds what one page may cost."""


def scan_before(ws: Workspace, scan_id: str, viewer: Viewer) -> str | None:
    """Id of the scan whose map this one's starts from."""
    ids = [entry.id for entry in sorted(list_scans(ws, viewer), key=lambda entry: (entry.start, entry.id))]
    at = ids.index(scan_id) if scan_id in ids else 0
    return ids[at - 1] if at % ANCHOR else None


def names_before(ws: Workspace, scan: Readable, earlier: Readable, viewer: Viewer) -> dict[str, str]:
    """View id in a scan → view id in the scan before, for people whom the viewer sees in both."""
    now, then = look(ws, scan, viewer), look(ws, earlier, viewer)
    places = {int(then.scan.persons[row]): int(row) for row in then.rows}
    pairs = ((int(row), places.get(int(now.scan.persons[row]))) for row in now.rows)
    return {now.codes[row]: then.codes[place] for row, place in pairs if place is not None}
