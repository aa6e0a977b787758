"""Badges of the people a viewer may see, each with how and when it was checked."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from api.access import Place, QueryScan, ScoreReader, fresh_query_scan, may
from api.models import Answer
from pipelines.access import Viewer
from pipelines.access.answers import LARGEST_PAGE
from pipelines.access.behind import refuse_acting
from pipelines.access.own import own_person
from pipelines.access.rights import Right
from pipelines.access.skill_answers import Visibility
from pipelines.access.skills import read_badges
from pipelines.intake import badges

router = APIRouter(prefix="/api/v1/badges", tags=["badges"])


class Skill(Answer):
    """One skill, with the code of a framework where there is one."""

    label: str
    kind: str = Field(description="hard or soft.")
    framework: str = Field(description="O*NET, ESCO, or own where neither has a code that we are sure of.")
    code: str


class HeldBadge(Answer):
    """One badge of somebody."""

    id: str
    person: str = Field(description="Id of the holder for this audience and scan only.")
    label: str
    name: str
    issuer: str
    standard: str
    level: str | None
    issued_on: date | None
    expires_on: date | None
    status: str = Field(description="verified, issuer-asserted, holder-claimed, expired, revoked, suspended, failed or unknown.")
    method: str = Field(description="How the status was found.")
    checked: datetime | None = Field(description="When it was found, UTC.")
    skills: list[Skill]


class BadgeList(Answer):
    """One page of badges."""

    scan_id: str
    badges: list[HeldBadge]
    total: int
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last one.")


class OwnBadge(Answer):
    """Who may see one of the viewer's own badges."""

    id: str
    visibility: Visibility = Field(description="private: the holder alone; org: colleagues under the policy; public: everybody.")


class OwnBadges(Answer):
    """The viewer's own badges."""

    badges: list[OwnBadge]


class VisibilityWish(BaseModel):
    """Who may see a badge."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    visibility: Visibility


MASK = 2**64 - 1
"""Ids of badges are shown as unsigned numbers."""

Own = Annotated[Viewer, Depends(may(Right.OWN_RECORD))]
BadgeId = Annotated[str, Path(pattern="^[0-9A-Fa-f]{16}$", examples=["0F3C9A7D5B1E4C2F"])]

Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="Badges on a page.")]
Cursor = Annotated[str | None, Query(max_length=64, description="`next_cursor` of the page before.")]


@router.get("", operation_id="list_badges", dependencies=[Depends(fresh_query_scan)])
def list_badges(ws: Place, scan: QueryScan, viewer: ScoreReader, limit: Limit = 100, cursor: Cursor = None) -> BadgeList:
    """Badges with their verification; private ones are their holder's alone."""
    return BadgeList.model_validate(read_badges(ws, scan, viewer, limit=limit, cursor=cursor))


@router.get("/own", operation_id="list_own_badges")
def own_badges(ws: Place, viewer: Own) -> OwnBadges:
    """Return the viewer's own badges with who may see each."""
    held = badges.visibilities(ws, own_person(viewer))
    return OwnBadges(badges=[OwnBadge.model_validate({"id": badge_code(badge), "visibility": seen}) for badge, seen in held.items()])


@router.post("/{badge_id}/visibility", operation_id="set_badge_visibility")
def set_visibility(ws: Place, viewer: Own, badge_id: BadgeId, wish: VisibilityWish) -> OwnBadge:
    """Say who may see one of the viewer's own badges: outweighs what its source says, at once."""
    refuse_acting(viewer)
    badges.choose_visibility(ws, own_person(viewer), badge_of(badge_id), wish.visibility)
    return OwnBadge(id=badge_id.upper(), visibility=wish.visibility)


def badge_code(badge: int) -> str:
    """Id of a badge as it is shown."""
    return f"{badge & MASK:016X}"


def badge_of(code: str) -> int:
    """Badge of an id that was shown."""
    number = int(code, 16)
    return number - (MASK + 1) if number > MASK >> 1 else number
