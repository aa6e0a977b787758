"""Why somebody may or may not see something: verdict, rule, scope and reason of one decision, from the same code that decides."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ona.errors import ForbiddenError, NotFoundError
from pipelines.access.disclosed import GROUP, OUTSIDE, TEAM
from pipelines.access.policy import LOCAL_ANALYST, Readable, Sight, Viewer, demand, look
from pipelines.access.rights import Reach, Right, Role, reach
from pipelines.access.units import Units, identity, too_few, untold
from pipelines.storage.workspace import Workspace

Outcome = Literal["allowed", "hidden", "not found", "forbidden"]

REACHES = {
    Reach.NOBODY: "nobody",
    Reach.OWN: "the viewer's own record",
    Reach.SUBTREE: "people below the viewer in the reporting tree valid today, who were there when the scan's window ended",
    Reach.CONSENTING: "people who agreed",
    Reach.EVERYBODY: "everybody in the scan",
}


@dataclass(frozen=True)
class Decision:
    """One decision and what it rests on."""

    viewer: str
    object: str
    verdict: Outcome
    rule: str  # cell of the table of rights
    scope: str
    reason: str


def explain_person(ws: Workspace, scan: Readable, viewer: Viewer, code: str) -> Decision:
    """Explain whether a viewer sees a person, who is named by the id that the local analyst reads."""
    analyst = look(ws, scan, LOCAL_ANALYST)
    try:
        row = _row(analyst, code)
        sight = look(ws, scan, viewer)
    except NotFoundError as error:
        return Decision(_name(viewer), f"person {code}", "not found", "a scan is seen after it was published", "", str(error))
    right = next((one for one in (Right.SEE_SCORES, Right.SEE_NAMED) if _reach(sight, one) is not Reach.NOBODY), Right.SEE_NAMED)
    verdict, reason = _of_person(sight, row, right)
    return _decision(sight, f"person {code}", right, verdict, reason)


def explain_group(ws: Workspace, scan: Readable, viewer: Viewer, unit: str) -> Decision:
    """Explain whether a viewer sees a team, a department or the company."""
    try:
        sight = look(ws, scan, viewer)
    except NotFoundError as error:
        return Decision(_name(viewer), f"group {unit}", "not found", "a scan is seen after it was published", "", str(error))
    if _reach(sight, Right.SEE_GROUPS) is Reach.NOBODY:
        return _decision(sight, f"group {unit}", Right.SEE_GROUPS, "forbidden", f"The role {viewer.role} has no right to groups.")
    units = Units(sight)
    cell = next((one for one in units.pattern.cells if one[0] != OUTSIDE and identity(one) == unit), None)
    if cell is None or not len(units.rows(cell)):
        reason = "There is no group of this id, or none of its people is in the viewer's scope: the two are never told apart."
        return _decision(sight, f"group {unit}", Right.SEE_GROUPS, "not found", reason)
    if not units.pattern.is_shown(*cell):
        return _decision(sight, f"group {unit}", Right.SEE_GROUPS, "hidden", too_few(sight.minimum))
    figures = "" if units.pattern.has_figures(*cell) else f" No figure of it is told: {untold(units, cell)}."
    kind = {GROUP: "department", TEAM: "team"}.get(cell[0], "company")
    return _decision(sight, f"group {unit}", Right.SEE_GROUPS, "allowed", f"This {kind} has enough people.{figures}")


def explain_right(ws: Workspace, viewer: Viewer, right: Right, asked: str) -> Decision:
    """Explain whether a viewer has a right, for instance that of a route."""
    found = reach(ws.settings.mode, viewer.role, right)
    rule = f"{ws.settings.mode}: {right} of {viewer.role} reaches {found}"
    try:
        demand(ws, viewer, right)
    except ForbiddenError as error:
        return Decision(_name(viewer), asked, "forbidden", rule, REACHES[found], str(error))
    return Decision(
        _name(viewer), asked, "allowed", rule, REACHES[found], "Objects outside this scope are answered as if they did not exist."
    )


def _row(analyst: Sight, code: str) -> int:
    """Member row of an id, of people who objected too."""
    wanted = code.upper()
    found = [at for at, one in enumerate(analyst.codes) if len(wanted) >= 4 and one.startswith(wanted)]
    if len(found) != 1:
        raise NotFoundError("There is nobody of this id in the scan. Ids are listed by: ona people")
    return found[0]


def _of_person(sight: Sight, row: int, right: Right) -> tuple[Outcome, str]:
    person, reached = int(sight.scan.persons[row]), _reach(sight, right)
    if reached is Reach.NOBODY:
        return "forbidden", f"The role {sight.viewer.role} sees no single people in mode {sight.mode}."
    if sight.visible[row]:
        return "allowed", "In scope, did not object" + (", and agreed." if reached is not Reach.EVERYBODY else ".")
    if person in sight.withheld:
        return "not found", "The person objected: they are absent everywhere, and nobody is told that this is why."
    if not sight.within[row]:
        return "not found", "Not below the viewer in the reporting tree, today and when the scan's window ended. Dotted lines give nothing."
    return "not found", "The person did not agree to be named to this viewer."


def _decision(sight: Sight, asked: str, right: Right, verdict: Outcome, reason: str) -> Decision:
    found = _reach(sight, right)
    scope = REACHES[found]
    if sight.viewer.role is Role.MANAGER:
        scope += f": {np.count_nonzero(sight.within)} of {len(sight.scan.persons)} people of this scan"
    return Decision(_name(sight.viewer), asked, verdict, f"{sight.mode}: {right} of {sight.viewer.role} reaches {found}", scope, reason)


def _reach(sight: Sight, right: Right) -> Reach:
    return reach(sight.mode, sight.viewer.role, right)


def _name(viewer: Viewer) -> str:
    return f"{viewer.subject} as {viewer.role}"
