"""What a debrief found behind a gap of a unit, from a closed list, with the target that the next scan is held against."""

from ona.errors import ConflictError, ForbiddenError, NotFoundError
from ona.gaps import FINDINGS
from pipelines import audit
from pipelines.access.behind import refuse_acting
from pipelines.access.needs import Assessment, proposed
from pipelines.access.policy import Readable, Viewer, demand, look
from pipelines.access.rights import Right
from pipelines.access.steps import is_exact
from pipelines.audit import Act
from pipelines.purposes import Purpose
from pipelines.schema import NEED_FINDINGS
from pipelines.service import put
from pipelines.workspace import Workspace


def record_finding(
    ws: Workspace, viewer: Viewer, scan: Readable, about: tuple[str, str], finding: str, target: float | None = None
) -> float:
    """Keep what was found about a unit and a skill, in place of what was found on the same scan before; return the target.

    Raises NotFoundError for a unit or skill that is not in the viewer's list, ForbiddenError when somebody who reads bands names a target,
    and ConflictError for a target that is reached already.
    """
    demand(ws, viewer, Right.ASSESS_NEEDS)
    refuse_acting(viewer)
    if finding not in FINDINGS:
        raise NotFoundError("There is no finding of this name. Choose one from the list.")
    one = Assessment(look(ws, scan, viewer))
    gap = one.listed.get(about)
    if gap is None:
        raise NotFoundError("There is no need of this unit and skill for you. Open the list of needs again.")
    if target is not None and not is_exact(one.sight):
        raise ForbiddenError("A target in figures is set by an analyst: the share that it starts from is not told to you.")
    if target is not None and target <= gap.covered:
        raise ConflictError("This target is reached already. Set a higher one.")
    wanted = proposed(gap.covered) if target is None else target
    row = {"unit": about[0], "skill": about[1], "measured": one.end, "finding": finding, "target": wanted}
    row |= {"covered": round(gap.covered * gap.needed), "asked": gap.needed, "at": ws.now()}
    with audit.recorded(ws, Act(viewer.subject, viewer.role, "record_finding", one.sight.scan.id, Purpose.NETWORK_HEALTH)) as connection:
        put(connection, NEED_FINDINGS, [row])
    return wanted
