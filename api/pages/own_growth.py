"""Pages on which people edit how they take part: mentoring profile, whom to avoid, suggestions, who sees which badge; no scripts."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, Field, field_validator

from api.access import Place
from api.badges import BadgeId, badge_code, badge_of
from api.pages.needs import skill_choices
from api.profiles import Code, Id, Own
from api.rendering import render
from ona.errors import ConflictError, NotFoundError
from pipelines.access.behind import refuse_acting
from pipelines.access.own import own_person
from pipelines.access.skill_answers import Visibility
from pipelines.growth import own_growth, suggestions
from pipelines.growth.profiles import ANSWERS, ITEMS, MOST_SEATS, MOST_SKILLS, Profile, ProfileSide
from pipelines.intake import badges
from pipelines.phrases import Phrase, say

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

SIDES: dict[str, tuple[Phrase, Phrase]] = {
    "": (say("As the service proposes"), say("By badges, targets of your role and what stands out.")),
    "mentee": (say("As a mentee"), say("Somebody helps me with what I look for.")),
    "mentor": (say("As a mentor"), say("I help others with what I know.")),
    "both": (say("As both"), say("A mentee of one person, a mentor of another.")),
    "none": (say("In no programme"), say("Whatever else I agreed to.")),
}

VISIBILITIES: dict[Visibility, tuple[Phrase, Phrase]] = {
    "private": (say("Only me"), say("In no page, list, file or count of anybody else.")),
    "org": (say("HR and colleagues"), say("As far as I agreed to be shown at all; counted in groups.")),
    "public": (say("Everybody"), say("As its issuer shows it; here the same as for colleagues.")),
}

Blank = Annotated[str, Field(max_length=200)]
Number = Annotated[int | None, Field(ge=0, le=24)]


class ProfileForm(BaseModel):
    """The profile as its form sends it: what is left blank is as the service proposes."""

    side: ProfileSide | None = None
    seats: Number = None
    wanted: list[Blank] = Field(default_factory=list, max_length=MOST_SKILLS)
    offered: list[Blank] = Field(default_factory=list, max_length=MOST_SKILLS)
    plan: Number = None
    try_: Number = Field(None, alias="try")
    frank: Number = None
    depth: Number = None
    talk: Number = None
    day_start: Number = None
    day_end: Number = None

    @field_validator("side", "seats", "plan", "try_", "frank", "depth", "talk", "day_start", "day_end", mode="before")
    @classmethod
    def _none(cls, value: object) -> object:
        """Read what a form sends when nothing is chosen."""
        return None if value == "" else value

    @property
    def profile(self) -> Profile:
        """The same as a profile: answers of 1 to 5 become parts of one."""
        answers = {"plan": self.plan, "try": self.try_, "frank": self.frank, "depth": self.depth, "talk": self.talk}
        interests = {item: (answer - 1) / (ANSWERS - 1) for item, answer in answers.items() if answer is not None}
        wanted, offered = (tuple(dict.fromkeys(filter(None, some))) for some in (self.wanted, self.offered))
        return Profile(self.side, self.seats, wanted, offered, interests, self.day_start, self.day_end)


@router.get("/my-mentoring/profile")
def profile_page(request: Request, ws: Place, viewer: Own) -> Response:
    """Show how the viewer takes part, in a form."""
    return _profile_page(request, ws, viewer)


@router.post("/my-mentoring/profile")
def change_profile_page(request: Request, ws: Place, viewer: Own, said: Annotated[ProfileForm, Form()]) -> Response:
    """Keep it, or say on the same page why it cannot be."""
    try:
        own_growth.change_profile(ws, viewer, said.profile)
    except (ConflictError, NotFoundError) as error:
        return _refused(request, ws, viewer, error)
    return _back("kept")


@router.post("/my-mentoring/conflicts")
def avoid_page(request: Request, ws: Place, viewer: Own, address: Annotated[str, Form(max_length=254)]) -> Response:
    """Never be paired with somebody."""
    try:
        own_growth.avoid(ws, viewer, address)
    except (ConflictError, NotFoundError) as error:
        return _refused(request, ws, viewer, error)
    return _back("avoided")


@router.post("/my-mentoring/conflicts/{conflict_id}")
def avoid_no_more_page(ws: Place, viewer: Own, conflict_id: Code) -> Response:
    """Take somebody off the list."""
    own_growth.avoid_no_more(ws, viewer, conflict_id)
    return _back("avoided")


@router.post("/my-mentoring/suggestions/{suggestion_id}")
def answer_suggestion_page(
    ws: Place, viewer: Own, suggestion_id: Id, accept: Annotated[bool, Form()], tell: Annotated[bool, Form()] = False
) -> Response:
    """Keep the viewer's yes or no to what a manager suggested."""
    suggestions.answer(ws, viewer, suggestion_id, accept, tell)
    return RedirectResponse("/my-mentoring#suggested", status_code=303)


@router.get("/my-badges")
def badges_page(request: Request, ws: Place, viewer: Own) -> Response:
    """Show the viewer's badges and who may see each."""
    person = own_person(viewer)
    seen = badges.visibilities(ws, person)
    held = [one for one in badges.badges(ws, {person}, own=person).to_pylist() if one["badge"] in seen]
    rows = [(badge_code(one["badge"]), one, seen[one["badge"]]) for one in sorted(held, key=lambda one: str(one["name"]).casefold())]
    return render(request, "my_badges.html", None, badges=rows, visibilities=VISIBILITIES)


@router.post("/my-badges/{badge_id}")
def badge_page(ws: Place, viewer: Own, badge_id: BadgeId, visibility: Annotated[Visibility, Form()]) -> Response:
    """Keep who may see a badge."""
    refuse_acting(viewer)
    badges.choose_visibility(ws, own_person(viewer), badge_of(badge_id), visibility)
    return RedirectResponse(f"/my-badges#b-{badge_id.upper()}", status_code=303)


def _profile_page(request: Request, ws: Place, viewer: Own, refused: str | None = None) -> Response:
    profile = own_growth.own_profile(ws, viewer)
    return render(
        request,
        "my_profile.html",
        None,
        profile=profile,
        avoided=own_growth.avoided(ws, viewer),
        in_pool=own_growth.in_pool(ws, viewer),
        skills=skill_choices(ws),
        sides=SIDES,
        items=ITEMS,
        answers=range(1, ANSWERS + 1),
        chosen={item: round(1 + value * (ANSWERS - 1)) for item, value in profile.interests.items()},
        places=MOST_SKILLS,
        most_seats=MOST_SEATS,
        refused=refused,
    )


def _refused(request: Request, ws: Place, viewer: Own, error: ConflictError | NotFoundError) -> Response:
    answer = _profile_page(request, ws, viewer, refused=str(error))
    answer.status_code = 409
    return answer


def _back(section: str) -> Response:
    return RedirectResponse(f"/my-mentoring/profile#{section}", status_code=303)
