"""Files about single people: an analyst asks with a purpose, a steward signs, a job writes, and who asked can take the file for a day."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from fastapi.responses import FileResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.access import Place, QueryScan, may
from api.files import MEDIA, TABLES, Form
from api.models import Answer
from pipelines import exports
from pipelines.access import Viewer
from pipelines.access.exported import Content, linkage_risk
from pipelines.access.rights import Right
from pipelines.purposes import Purpose
from pipelines.rights import reveals
from pipelines.rights.reveals import LONGEST_REASON, SHORTEST_REASON

router = APIRouter(prefix="/api/v1/exports", tags=["exports"])

Requester = Annotated[Viewer, Depends(may(Right.REQUEST_EXPORT))]
"""Somebody who may ask for a file about single people."""

Signer = Annotated[Viewer, Depends(may(Right.APPROVE))]
"""Somebody who may give the second signature."""

ExportId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", examples=["0f3c9a7d5b1e4c2f8a6d0b9e7c5a3f10"])]
Reason = Annotated[str, Field(min_length=SHORTEST_REASON, max_length=LONGEST_REASON), AfterValidator(reveals.plain_reason)]


class ExportWish(BaseModel):
    """Which file is asked for, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    content: Content = Field(description="`people`: everybody with scores and badges; `ties`: who works with whom.")
    purpose: Purpose
    reason: Reason = Field(description="What the file is needed for; the steward reads it.")

    def wish(self) -> exports.Wish:
        """Return it as the flow takes it."""
        return exports.Wish(self.content, self.purpose, self.reason)


class ExportDecision(BaseModel):
    """The second signature, or its refusal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    approve: bool


class LinkageRisk(Answer):
    """How many of the people in a file would be found again by whoever knows something about them, although it holds no name."""

    people: int
    unique: float = Field(description="Share, 0 to 1, who differ from everybody by team and badges, or by their number of contacts.")
    unique_closely: float = Field(description="The same when their scores, or the contacts of their contacts, are known as well.")


class Export(Answer):
    """A request for a file, without the file."""

    id: str
    scan_id: str
    content: Content
    purpose: str
    reason: str
    state: str = Field(description="pending, declined, withdrawn, writing, ready, failed, cancelled or expired.")
    risk: LinkageRisk = Field(description="As it was when the file was asked for.")
    created: datetime
    expires: datetime = Field(description="Of the request; once written, of the file.")
    mine: bool
    job: str | None = Field(description="Job that writes the file; followed like any other.")
    rows: int | None
    forms: list[str] = Field(description="Forms in which the file lies ready.")


@router.post("", operation_id="request_export", status_code=201)
def request_export(ws: Place, viewer: Requester, scan: QueryScan, wish: ExportWish) -> Export:
    """Ask for a file about single people; asking the same twice while it waits is asking once."""
    return Export.model_validate(exports.request(ws, viewer, scan, wish.wish()))


@router.get("", operation_id="list_own_exports")
def list_own_exports(ws: Place, viewer: Requester) -> list[Export]:
    """List what the viewer asked for, the newest first."""
    return [Export.model_validate(one) for one in exports.asked(ws, viewer)]


@router.get("/inbox", operation_id="list_exports_to_sign")
def list_exports_to_sign(ws: Place, viewer: Signer) -> list[Export]:
    """List what waits for a signature, and what was decided."""
    return [Export.model_validate(one) for one in exports.inbox(ws, viewer)]


@router.get("/risk", operation_id="read_linkage_risk")
def read_linkage_risk(ws: Place, scan: QueryScan, viewer: Requester, content: Content = "ties") -> LinkageRisk:
    """Return how easily people would be found again in a file, before anybody asks for it."""
    return LinkageRisk.model_validate(linkage_risk(ws, scan, viewer, content))


@router.get("/{export_id}", operation_id="read_export")
def read_export(ws: Place, viewer: Requester, export_id: ExportId) -> Export:
    """Return where one of the viewer's own requests stands."""
    return Export.model_validate(exports.find(ws, viewer, export_id))


@router.post("/{export_id}/decision", operation_id="decide_export")
def decide_export(ws: Place, viewer: Signer, export_id: ExportId, decision: ExportDecision) -> Export:
    """Sign or decline what somebody else asked for; of several at one moment exactly one counts."""
    return Export.model_validate(exports.decide(ws, viewer, export_id, decision.approve))


@router.delete("/{export_id}", operation_id="withdraw_export")
def withdraw_export(ws: Place, viewer: Requester, export_id: ExportId) -> Export:
    """Take a request back, stop the job that writes it, remove the file."""
    return Export.model_validate(exports.withdraw(ws, viewer, export_id))


FILE: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"schema": {"type": "object"}}, **TABLES[200]["content"]}}}


@router.get("/{export_id}/file", operation_id="take_export", response_class=FileResponse, responses=FILE)
def take_export(ws: Place, viewer: Requester, export_id: ExportId, form: Form) -> FileResponse:
    """Take the file in the form wanted, within a day of its writing; the log has it first."""
    path = exports.take(ws, viewer, export_id, form)
    media = MEDIA.get(form, "application/json")
    return FileResponse(
        path, media_type=media, filename=f"{export_id}.{form}", headers={"Cache-Control": "private, no-store", "Vary": "Accept"}
    )
