"""What a person changes about their own record: objection, choices, contests; for pages and programs alike."""

from collections.abc import Mapping
from datetime import datetime

from ona.errors import NotFoundError
from pipelines import consents
from pipelines.access.answers import Facet
from pipelines.access.behind import refuse_acting
from pipelines.access.own import own_person, own_scan
from pipelines.access.policy import Viewer, demand
from pipelines.access.rights import Right
from pipelines.consents import Choice
from pipelines.intake import people
from pipelines.rights import contests
from pipelines.rights.contests import Contest, Reason
from pipelines.storage.workspace import Workspace


def object_to_analysis(ws: Workspace, viewer: Viewer) -> datetime | None:
    """Object: no answer shows the person from now on, and no later scan holds them. Return since when."""
    person = _own(ws, viewer)
    people.withhold(ws, person)
    return people.objected_at(ws, person)


def withdraw(ws: Workspace, viewer: Viewer) -> datetime | None:
    """Take an objection back; return the time of one that is left, which another reason may have set."""
    person = _own(ws, viewer)
    people.show_again(ws, person)
    return people.objected_at(ws, person)


def choose(ws: Workspace, viewer: Viewer, wanted: Mapping[str, bool]) -> tuple[Choice, ...]:
    """Keep the choices that differ from what holds, and return all.

    Raises NotFoundError for a purpose that does not exist.
    """
    person = _own(ws, viewer)
    before = {one.purpose: one for one in consents.choices(ws, person)}
    if wanted.keys() - before.keys():
        raise NotFoundError("There is no choice of this name.")
    for purpose, granted in wanted.items():
        if before[purpose].granted != granted or before[purpose].source != people.SELF:
            people.set_consent(ws, person, purpose, granted=granted)
    return consents.choices(ws, person)


def contest(ws: Workspace, viewer: Viewer, scan: str, facet: Facet, reason: Reason, ticket: str | None = None) -> Contest:
    """Contest the own result in a scan that the viewer may read."""
    found = own_scan(ws, viewer, scan)
    if found is None:
        raise NotFoundError("There is no result to contest yet.")
    return contests.contest(ws, viewer, found, facet, reason, ticket)


def _own(ws: Workspace, viewer: Viewer) -> int:
    demand(ws, viewer, Right.OWN_RECORD)
    refuse_acting(viewer)
    return own_person(viewer)
