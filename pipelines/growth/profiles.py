"""How people say they take part in mentoring: side, seats, skills, interests, hours, and with whom they would rather not be paired."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

import sqlalchemy as sa

from pipelines.phrases import Phrase, say
from pipelines.schema import CONFLICTS, MENTORING_PROFILES
from pipelines.storage.service import put
from pipelines.storage.workspace import Workspace

ProfileSide = Literal["mentee", "mentor", "both", "none"]

SIDES: tuple[str, ...] = get_args(ProfileSide)

MOST_SKILLS, MOST_SEATS, ANSWERS = 8, 5, 5
"""Skills of each kind, mentees of a mentor, and steps of an answer to an item."""

ITEMS: Mapping[str, Phrase] = {
    "plan": say("I like a plan before I start."),
    "try": say("I learn by trying rather than by reading."),
    "frank": say("I prefer frank words to gentle ones."),
    "depth": say("I would rather know one field deeply than several a little."),
    "talk": say("I think best while talking."),
}
"""What matters at work: pairs with similar answers last longer; the answers are shown to nobody."""


@dataclass(frozen=True)
class Profile:
    """What somebody says about how they take part; what is left out is as the service proposes."""

    side: ProfileSide | None = None
    seats: int | None = None
    wanted: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()
    interests: Mapping[str, float] = field(default_factory=dict)  # item → answer in 0 to 1
    day_start: int | None = None  # local hour
    day_end: int | None = None

    def takes(self, side: str) -> bool | None:
        """Whether they want to be on a side; None where they did not say."""
        return None if self.side is None else self.side in ("both", side)

    def wanting(self, skill: str) -> "Profile":
        """Return the same with one more skill wanted, and therefore on the side of mentees."""
        side: ProfileSide = "both" if self.side in ("mentor", "both") else "mentee"
        return replace(self, side=side, wanted=tuple(dict.fromkeys((*self.wanted, skill)))[-MOST_SKILLS:])


NOTHING_SAID = Profile()


def profiles(ws: Workspace) -> dict[int, Profile]:
    """Return person → profile of everybody who said something."""
    return {int(row.person): _profile(row) for row in ws.service.rows(sa.select(MENTORING_PROFILES))}


def profile_of(ws: Workspace, person: int) -> Profile:
    """Return one person's profile."""
    rows = ws.service.rows(sa.select(MENTORING_PROFILES).where(MENTORING_PROFILES.c.person == person))
    return _profile(rows[0]) if rows else NOTHING_SAID


def put_profile(ws: Workspace, person: int, profile: Profile) -> None:
    """Keep a profile in place of the one before."""
    values = asdict(profile) | {"wanted": list(profile.wanted), "offered": list(profile.offered), "interests": dict(profile.interests)}
    with ws.service.begin() as connection:
        put(connection, MENTORING_PROFILES, [values | {"person": person, "at": ws.now()}])


def avoided(ws: Workspace, person: int) -> tuple[int, ...]:
    """Return those with whom somebody asked not to be paired."""
    return tuple(sorted(int(row.second) for row in ws.service.rows(sa.select(CONFLICTS).where(CONFLICTS.c.first == person))))


def avoid(ws: Workspace, person: int, other: int) -> None:
    """Never pair these two."""
    with ws.service.begin() as connection:
        put(connection, CONFLICTS, [{"first": person, "second": other}])


def avoid_no_more(ws: Workspace, person: int, other: int) -> None:
    """Take that back."""
    with ws.service.begin() as connection:
        connection.execute(sa.delete(CONFLICTS).where(CONFLICTS.c.first == person, CONFLICTS.c.second == other))


def _profile(row: sa.Row[*tuple[Any, ...]]) -> Profile:
    return Profile(row.side, row.seats, tuple(row.wanted), tuple(row.offered), row.interests, row.day_start, row.day_end)
