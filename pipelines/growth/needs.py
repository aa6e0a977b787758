"""What a debrief found behind a gap of a unit, from a closed list, with the target that the next scan is held against, once for all."""

from datetime import date

import sqlalchemy as sa

from ona.errors import ConflictError, ForbiddenError, NotFoundError
from ona.gaps import FINDINGS
from pipelines import audit
from pipelines.access.behind import refuse_acting
from pipelines.access.needs import Assessment, measured, proposed, without_gap
from pipelines.access.policy import Readable, Viewer, demand, look
from pipelines.access.readable import ReadableScan
from pipelines.access.rights import Right
from pipelines.access.steps import is_exact
from pipelines.audit import Act
from pipelines.purposes import Purpose
from pipelines.scans import SealedScan
from pipelines.schema import NEED_FINDINGS, NEED_READINGS
from pipelines.storage.service import put
from pipelines.storage.workspace import Workspace


def keep_readings(ws: Workspace, scan: Readable) -> int:
    """Keep where each department stands at the end of a scan, and return how many figures were added; what is kept already stays."""
    sight, now = ReadableScan(scan) if isinstance(scan, SealedScan) else scan, ws.now()
    end = date.fromisoformat(str(sight.sealed.manifest["end"]))
    with ws.service.begin() as connection:
        there = sa.select(NEED_READINGS.c.unit, NEED_READINGS.c.skill).where(NEED_READINGS.c.measured == end)
        known = {(row.unit, row.skill) for row in connection.execute(there)}
        rows = [
            {"unit": unit, "skill": skill, "covered": without_gap(gap), "asked": gap.needed, "gap": gap.gap, "weight": weight}
            for (unit, skill), (gap, weight) in measured(ws, sight).items()
            if (unit, skill) not in known
        ]
        if rows:
            connection.execute(sa.insert(NEED_READINGS), [row | {"measured": end, "at": now} for row in rows])
    return len(rows)


def record_finding(
    ws: Workspace, viewer: Viewer, scan: Readable, about: tuple[str, str], finding: str, target: float | None = None
) -> float:
    """Keep what was found about a unit and a skill, in place of what was found on the same scan before; return the target.

    Raises NotFoundError for a unit or skill that is not in the viewer's list, ForbiddenError when somebody who reads bands names a target,
    and ConflictError for a target that is reached already, and for a scan whose targets a later one was held against.
    """
    demand(ws, viewer, Right.ASSESS_NEEDS)
    refuse_acting(viewer)
    if finding not in FINDINGS:
        raise NotFoundError("There is no finding of this name. Choose one from the list.")
    one = Assessment(look(ws, scan, viewer))
    if one.is_over:
        raise ConflictError("A later scan was held against what was set here, so it stays as it is. Set it on the newest scan.")
    gap = one.listed.get(about)
    if gap is None:
        raise NotFoundError("There is no need of this unit and skill for you. Open the list of needs again.")
    if target is not None and not is_exact(one.sight):
        raise ForbiddenError("A target in figures is set by an analyst: the share that it starts from is not told to you.")
    if target is not None and target <= gap.covered:
        raise ConflictError("This target is reached already. Set a higher one.")
    wanted = proposed(gap.covered) if target is None else target
    row = {"unit": about[0], "skill": about[1], "measured": one.end, "finding": finding, "target": wanted}
    row |= {"covered": without_gap(gap), "asked": gap.needed, "at": ws.now()}
    with audit.recorded(ws, Act(viewer.subject, viewer.role, "record_finding", one.sight.scan.id, Purpose.NETWORK_HEALTH)) as connection:
        put(connection, NEED_FINDINGS, [row])
    return wanted
