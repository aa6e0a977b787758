"""What a person changes about how they take part in mentoring, and whom they would rather not be paired with: private to them."""

from dataclasses import dataclass

from ona.errors import ConflictError, NotFoundError
from pipelines import consents
from pipelines.access.behind import refuse_acting
from pipelines.access.own import own_person
from pipelines.access.policy import Viewer, demand, view_id
from pipelines.access.rights import Right
from pipelines.addresses import person_at
from pipelines.growth import profiles
from pipelines.growth.profiles import ANSWERS, ITEMS, MOST_SEATS, MOST_SKILLS, SIDES, Profile
from pipelines.intake import people, skill_tables
from pipelines.storage.workspace import Workspace

MOST_AVOIDED = 20

SHORTEST_DAY = 3
"""Working hours: fewer could never be in common with anybody, see :data:`ona.pairing.OVERLAP_HOURS`."""


@dataclass(frozen=True)
class Avoided:
    """Somebody with whom the viewer is never paired; by name if they agreed to be named."""

    id: str
    name: str | None


def own_profile(ws: Workspace, viewer: Viewer) -> Profile:
    """Return what the viewer said about how they take part."""
    demand(ws, viewer, Right.OWN_RECORD)
    return profiles.profile_of(ws, own_person(viewer))


def change_profile(ws: Workspace, viewer: Viewer, wanted: Profile) -> Profile:
    """Keep what the viewer says, from now on and for every draft that is matched again.

    Raises NotFoundError for a side, skill or item that is not offered, and ConflictError for seats or hours that cannot be.
    """
    person = _own(ws, viewer)
    known = set(skill_tables.offered(ws))
    if {*wanted.wanted, *wanted.offered} - known or wanted.interests.keys() - ITEMS.keys() or wanted.side not in (None, *SIDES):
        raise NotFoundError("A side, a skill or a question is not one of those offered. Open the page again.")
    if max(len(wanted.wanted), len(wanted.offered)) > MOST_SKILLS:
        raise ConflictError(f"Choose at most {MOST_SKILLS} skills of each kind.")
    if wanted.seats is not None and not 1 <= wanted.seats <= MOST_SEATS:
        raise ConflictError(f"A mentor takes 1 to {MOST_SEATS} mentees.")
    if any(not 0 <= answer <= 1 for answer in wanted.interests.values()):
        raise ConflictError(f"An answer lies between 1 and {ANSWERS}.")
    _check_hours(wanted.day_start, wanted.day_end)
    profiles.put_profile(ws, person, wanted)
    return wanted


def in_pool(ws: Workspace, viewer: Viewer) -> bool:
    """Whether the viewer agreed to be looked at for mentoring."""
    demand(ws, viewer, Right.OWN_RECORD)
    return consents.agreed(ws, own_person(viewer), "mentor_pool")


def avoided(ws: Workspace, viewer: Viewer) -> tuple[Avoided, ...]:
    """Return those with whom the viewer is never paired; nobody else is told of the list, those on it neither."""
    demand(ws, viewer, Right.OWN_RECORD)
    others = profiles.avoided(ws, own_person(viewer))
    said, hidden = people.consents(ws), people.withheld(ws)
    names = ws.vault.names([one for one in others if people.NAME_ON_MAP in said.get(one, ()) and one not in hidden])
    found = [Avoided(_code(ws, viewer, one), names.get(one)) for one in others]
    return tuple(sorted(found, key=lambda one: (one.name is None, (one.name or "").casefold(), one.id)))


def avoid(ws: Workspace, viewer: Viewer, address: str) -> None:
    """Never pair the viewer with whoever has this address.

    Raises NotFoundError for an address of nobody, and ConflictError for the viewer's own or when the list is full.
    """
    person = _own(ws, viewer)
    other = person_at(ws, address)
    if other is None:
        raise NotFoundError("There is nobody of this address. Write a work address as the directory knows it.")
    if other == person:
        raise ConflictError("This is your own address: nobody is paired with themself.")
    if len(profiles.avoided(ws, person)) >= MOST_AVOIDED:
        raise ConflictError(f"The list holds at most {MOST_AVOIDED} people. Take somebody off it first.")
    profiles.avoid(ws, person, other)


def avoid_no_more(ws: Workspace, viewer: Viewer, code: str) -> None:
    """Take somebody off the list.

    Raises NotFoundError when they are not on it.
    """
    person = _own(ws, viewer)
    other = next((one for one in profiles.avoided(ws, person) if _code(ws, viewer, one) == code.upper()), None)
    if other is None:
        raise NotFoundError("There is nobody of this id on your list.")
    profiles.avoid_no_more(ws, person, other)


def _check_hours(start: int | None, end: int | None) -> None:
    if start is None and end is None:
        return
    if start is None or end is None or not 0 <= start < end <= 24 or end - start < SHORTEST_DAY:
        raise ConflictError(f"Working hours have a start and an end, at least {SHORTEST_DAY} hours apart.")


def _code(ws: Workspace, viewer: Viewer, other: int) -> str:
    """Id of somebody on this viewer's list alone."""
    return view_id(ws.keys, "avoided", str(own_person(viewer)), other)


def _own(ws: Workspace, viewer: Viewer) -> int:
    demand(ws, viewer, Right.OWN_RECORD)
    refuse_acting(viewer)
    return own_person(viewer)
