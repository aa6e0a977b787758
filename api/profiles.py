"""How the viewer takes part in mentoring: side, seats, skills, interests, hours, whom to avoid, and what managers suggested to them."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from api.access import Place, may
from api.models import Answer
from pipelines.access import Viewer
from pipelines.access.rights import Right
from pipelines.growth import own_growth, suggestions
from pipelines.growth.profiles import MOST_SEATS, MOST_SKILLS, Profile, ProfileSide

router = APIRouter(prefix="/api/v1/me", tags=["me"])

Own = Annotated[Viewer, Depends(may(Right.OWN_RECORD))]
"""Anybody whom the directory knows, about themself."""

Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$", examples=["0f3c9a7d5b1e4c2f8a6d0b9e7c5a3f10"])]
Code = Annotated[str, Path(pattern="^[0-9A-Fa-f]{16}$", examples=["7F3A09C1D2E4B5A6"])]
SkillName = Annotated[str, Field(min_length=1, max_length=200)]
SkillNames = Annotated[list[SkillName], Field(max_length=MOST_SKILLS)]
ItemAnswer = Annotated[float, Field(ge=0, le=1)]


class Wish(BaseModel):
    """Base of what is sent to us: nothing beside the fields named."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ProfileWish(Wish):
    """How the viewer takes part; what is left out is as the service proposes."""

    side: ProfileSide | None = Field(None, description="none: in no programme, whatever else was agreed to.")
    seats: int | None = Field(None, ge=1, le=MOST_SEATS, description="Mentees they would take.")
    wanted: SkillNames = Field(default_factory=list, description="Skills they look for.")
    offered: SkillNames = Field(default_factory=list, description="Skills they could pass on.")
    interests: dict[str, ItemAnswer] = Field(default_factory=dict, max_length=20, description="Item → answer; shown to nobody.")
    day_start: int | None = Field(None, ge=0, le=23, description="Local hour in which their day starts.")
    day_end: int | None = Field(None, ge=1, le=24)


class AvoidWish(Wish):
    """With whom never to be paired."""

    address: str = Field(min_length=3, max_length=254, description="Work address.")


class SuggestionAnswer(Wish):
    """Yes or no to a suggestion."""

    accept: bool
    tell: bool = Field(False, description="Let whoever suggested it know of a yes; a no is never told.")


class OwnProfile(Answer):
    """What the viewer said."""

    side: ProfileSide | None
    seats: int | None
    wanted: list[str]
    offered: list[str]
    interests: dict[str, float]
    day_start: int | None
    day_end: int | None


class Avoided(Answer):
    """Somebody with whom the viewer is never paired."""

    id: str
    name: str | None = Field(description="Of people who agreed to be named.")


class AvoidedList(Answer):
    """The viewer's list, which nobody else sees."""

    people: list[Avoided]


class Suggested(Answer):
    """What a manager suggested."""

    id: str
    skill: str
    by: str | None
    made: datetime
    until: datetime
    state: suggestions.ReceivedState
    told: bool


class SuggestedList(Answer):
    """Suggestions to the viewer, the newest first."""

    suggestions: list[Suggested]


@router.get("/mentoring", operation_id="read_own_profile")
def read_own_profile(ws: Place, viewer: Own) -> OwnProfile:
    """Return how the viewer takes part in mentoring."""
    return _profile(own_growth.own_profile(ws, viewer))


@router.put("/mentoring", operation_id="change_own_profile")
def change_own_profile(ws: Place, viewer: Own, wish: ProfileWish) -> OwnProfile:
    """Say how to take part, in place of what was said before; holds for every draft that is matched again."""
    said = wish.model_dump() | {"wanted": tuple(dict.fromkeys(wish.wanted)), "offered": tuple(dict.fromkeys(wish.offered))}
    return _profile(own_growth.change_profile(ws, viewer, Profile(**said)))


@router.get("/conflicts", operation_id="list_own_conflicts")
def list_own_conflicts(ws: Place, viewer: Own) -> AvoidedList:
    """Return those with whom the viewer is never paired; nobody else is told."""
    return AvoidedList.model_validate({"people": own_growth.avoided(ws, viewer)})


@router.post("/conflicts", operation_id="add_own_conflict")
def add_own_conflict(ws: Place, viewer: Own, wish: AvoidWish) -> AvoidedList:
    """Never be paired with somebody."""
    own_growth.avoid(ws, viewer, wish.address)
    return list_own_conflicts(ws, viewer)


@router.delete("/conflicts/{conflict_id}", operation_id="remove_own_conflict")
def remove_own_conflict(ws: Place, viewer: Own, conflict_id: Code) -> AvoidedList:
    """Take somebody off the list."""
    own_growth.avoid_no_more(ws, viewer, conflict_id)
    return list_own_conflicts(ws, viewer)


@router.get("/suggestions", operation_id="list_own_suggestions")
def list_own_suggestions(ws: Place, viewer: Own) -> SuggestedList:
    """Return what managers suggested to the viewer."""
    return SuggestedList.model_validate({"suggestions": suggestions.received(ws, viewer)})


@router.post("/suggestions/{suggestion_id}", operation_id="answer_suggestion")
def answer_suggestion(ws: Place, viewer: Own, suggestion_id: Id, wish: SuggestionAnswer) -> Suggested:
    """Say yes or no; only a yes puts the skill among those that the viewer looks for."""
    return Suggested.model_validate(suggestions.answer(ws, viewer, suggestion_id, wish.accept, wish.tell))


def _profile(found: Profile) -> OwnProfile:
    lists = {"wanted": list(found.wanted), "offered": list(found.offered), "interests": dict(found.interests)}
    return OwnProfile.model_validate({**vars(found), **lists})
