"""The viewer's own record: what is held on them, their choices, objection, contests, invitations, and who looked."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import Place, Shelf, may, tag
from api.models import Answer, Badge, Contest, FacetReading, Fact
from pipelines.access import ReadableScan, Viewer, own
from pipelines.access.answers import Facet
from pipelines.access.policy import policy_version
from pipelines.access.rights import Right
from pipelines.rights import contests, invitations, own_export, own_steps, reveals
from pipelines.rights.contests import Reason
from pipelines.storage.workspace import Workspace

router = APIRouter(prefix="/api/v1/me", tags=["me"])

Own = Annotated[Viewer, Depends(may(Right.OWN_RECORD))]
"""Anybody whom the directory knows, in whatever role they act."""

AskedOwnScan = Annotated[str, Query(alias="scan", max_length=64, description="Id of a scan, or `latest`.")]
Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$", examples=["0f3c9a7d5b1e4c2f8a6d0b9e7c5a3f10"])]

JSON, ZIP = "application/json", "application/zip"


class Wish(BaseModel):
    """Base of what is sent to us: nothing beside the fields named."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class VisibilityWish(Wish):
    """Choices to change; those left out stay."""

    name_on_map: bool | None = Field(None, description="Shown by name on maps and lists of those who may see people who agreed.")
    mentor_pool: bool | None = Field(None, description="Found as a mentor, without a name until an invitation is accepted.")
    credential: bool | None = Field(None, description="Offered a credential about confirmed skills.")
    survey: bool | None = Field(None, description="Asked in pulse surveys.")
    nudge: bool | None = Field(None, description="Offered one small step a quarter.")


class ContestWish(Wish):
    """Which result is wrong, and why."""

    scan: str = Field("latest", max_length=64)
    facet: Facet
    reason: Reason
    ticket: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/#-]{0,63}$", description="Where the matter is talked about.")


class AnswerWish(Wish):
    """An answer to an invitation."""

    accept: bool


class OwnResult(Answer):
    """The viewer's result in one scan, all of it."""

    scan_id: str
    start: date
    end: date = Field(description="First day after the window.")
    kept_until: date
    team: str | None
    department: str | None
    facets: list[FacetReading]
    facts: list[Fact]
    visibility: float | None = Field(description="Percentile of formal visibility, 0 to 100.")
    overload: list[Fact] = Field(description="Signals of carrying much; nobody else gets them by person.")
    standing: list[str]


class OwnFacts(Answer):
    """What one system says of the viewer."""

    source: str
    valid_from: date
    facts: dict[str, Any]
    manager_known: bool


class OwnSource(Answer):
    """A connected system that was read."""

    source: str
    first: date | None
    last: date | None


class OwnAccount(Answer):
    """An account that is taken to be the viewer's."""

    handle: str
    valid_from: date | None
    valid_to: date | None


class Choice(Answer):
    """One choice of the viewer."""

    purpose: str
    granted: bool
    source: str | None = Field(description="Who said so: `person`, or a connected system; null when nobody did.")
    at: datetime | None


class Look(Answer):
    """Somebody looked, told by role only."""

    at: datetime
    role: str
    action: str
    purpose: str
    result: str


class Kept(Answer):
    """How long each kind of thing is kept."""

    events_days: int
    weeks_months: int
    scans_months: int
    audit_months: int


class Notice(Answer):
    """The viewer's name was given out after two signatures."""

    purpose: str
    decided: datetime
    read: datetime | None


class Invitation(Answer):
    """Somebody in HR asks the viewer to show their name to them."""

    id: str
    purpose: str
    created: datetime
    expires: datetime
    state: str = Field(description="open, accepted, declined or expired.")


class OwnRecord(Answer):
    """Everything held on the viewer."""

    result: OwnResult | None
    no_result: str | None = Field(description="Why there is no result.")
    badges: list[Badge]
    accounts: list[OwnAccount]
    sources: list[OwnSource]
    facts: list[OwnFacts]
    choices: list[Choice]
    objected: datetime | None
    looks: list[Look]
    kept: Kept
    notices: list[Notice]
    invitations: list[Invitation]
    contests: list[Contest]


class Objection(Answer):
    """Whether the viewer objected, and since when."""

    objected: datetime | None


def own_scan(request: Request, ws: Place, viewer: Own, scan: AskedOwnScan = "latest") -> ReadableScan | None:
    """Scan that the viewer reads about themself, None where there is none yet."""
    found = own.own_scan(ws, viewer, scan)
    shelf: Shelf = request.app.state.shelf
    return shelf.take(found) if found else None


OwnScan = Annotated[ReadableScan | None, Depends(own_scan)]


def record_of(ws: Workspace, scan: ReadableScan | None, viewer: Viewer) -> OwnRecord:
    """Put together what the self-view shows, for page and program alike."""
    found = own.read_own(ws, scan, viewer)
    asked = {
        "notices": reveals.notices(ws, own.own_person(viewer)),
        "invitations": invitations.received(ws, viewer),
        "contests": contests.own_contests(ws, viewer),
    }
    return OwnRecord.model_validate({**vars(found), **asked}, from_attributes=True)


@router.get("", operation_id="read_own_record")
def read_own_record(ws: Place, scan: OwnScan, viewer: Own) -> OwnRecord:
    """Everything held on the viewer: result with evidence, facts, accounts, choices, and who looked."""
    return record_of(ws, scan, viewer)


@router.get("/result", operation_id="read_own_result")
def read_own_result(request: Request, response: Response, ws: Place, scan: OwnScan, viewer: Own) -> OwnResult:
    """Return the viewer's own result alone."""
    if scan is not None:
        tag(request, response, scan.id, policy_version(ws, scan, viewer), str(viewer.person))
    return OwnResult.model_validate(own.read_own_result(ws, scan, viewer))


@router.get(
    "/export",
    operation_id="export_own_record",
    response_class=Response,
    responses={200: {"description": "A file.", "content": {JSON: {}, ZIP: {"schema": {"type": "string", "format": "binary"}}}}},
)
def export_own_record(ws: Place, viewer: Own, format: Literal["json", "csv"] = "json") -> Response:
    """Download everything held on the viewer, and nothing of anybody else: one JSON document, or CSV tables in an archive."""
    sections = own_export.export_own(ws, viewer)
    body, kind, ending = (own_export.as_json(sections), JSON, "json") if format == "json" else (own_export.as_tables(sections), ZIP, "zip")
    return Response(body, media_type=kind, headers={"Content-Disposition": f'attachment; filename="held-on-me.{ending}"'})


@router.post("/objection", operation_id="object")
def object_(ws: Place, viewer: Own) -> Objection:
    """Object to being analysed: no reason needed, effective at once everywhere, and without detriment."""
    return Objection(objected=own_steps.object_to_analysis(ws, viewer))


@router.delete("/objection", operation_id="withdraw_objection")
def withdraw_objection(ws: Place, viewer: Own) -> Objection:
    """Take an objection back; the next scan holds the viewer again."""
    return Objection(objected=own_steps.withdraw(ws, viewer))


@router.put("/visibility", operation_id="choose_visibility")
def choose_visibility(ws: Place, viewer: Own, wish: VisibilityWish) -> list[Choice]:
    """Opt in or out, purpose by purpose; what is not named stays."""
    wanted = {purpose: granted for purpose, granted in wish.model_dump().items() if granted is not None}
    return [Choice.model_validate(one) for one in own_steps.choose(ws, viewer, wanted)]


@router.post("/contests", operation_id="contest_result", status_code=201)
def contest_result(ws: Place, viewer: Own, wish: ContestWish) -> Contest:
    """Contest an own result; a person looks at it, and nothing happens before."""
    return Contest.model_validate(own_steps.contest(ws, viewer, wish.scan, wish.facet, wish.reason, wish.ticket))


@router.post("/invitations/{invitation_id}", operation_id="answer_invitation")
def answer_invitation(ws: Place, viewer: Own, invitation_id: Id, wish: AnswerWish) -> Invitation:
    """Accept or decline to show one's name to whoever asked; to them a no looks like silence."""
    return Invitation.model_validate(invitations.answer(ws, viewer, invitation_id, wish.accept))
