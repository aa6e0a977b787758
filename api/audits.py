"""The audit log: read and verified by the auditor and the steward, counted by the administrator, one's own acts for everybody."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from api.access import Place, may
from api.models import Answer
from pipelines.access import Viewer, trail
from pipelines.access.rights import Right
from pipelines.access.trail import LARGEST_PAGE, PAGE

router = APIRouter(prefix="/api/v1", tags=["audit"])

Auditor = Annotated[Viewer, Depends(may(Right.READ_AUDIT))]
"""Somebody who may read the log."""

Counter = Annotated[Viewer, Depends(may(Right.COUNT_AUDIT))]
"""Somebody who may know how long it is."""

Own = Annotated[Viewer, Depends(may(Right.OWN_RECORD))]

Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="Entries on a page.")]


class Line(Answer):
    """One entry of the log."""

    seq: int
    at: datetime = Field(description="UTC.")
    actor: str
    role: str
    action: str
    object: str = Field(description="A person's pseudonym in the log, or the id of a scan or a request.")
    purpose: str
    result: str = Field(description="done or refused.")


class AuditPage(Answer):
    """Entries, the newest first."""

    entries: list[Line]
    next_cursor: str | None


class AuditCount(Answer):
    """How long the log is."""

    entries: int


class Verdict(Answer):
    """Whether the log is what was written."""

    entries: int
    bad: int | None = Field(description="First entry that is not what was written; null when the log is whole.")
    why: str


@router.get("/audit", operation_id="read_audit")
def read_audit(
    ws: Place,
    viewer: Auditor,
    limit: Limit = PAGE,
    cursor: Annotated[str | None, Query(max_length=200, description="From the page before.")] = None,
) -> AuditPage:
    """Who did what to whose data, the newest first; people stand under pseudonyms."""
    return AuditPage.model_validate(trail.read_audit(ws, viewer, limit, cursor))


@router.get("/audit/count", operation_id="count_audit")
def count_audit(ws: Place, viewer: Counter) -> AuditCount:
    """How many entries the log holds."""
    return AuditCount(entries=trail.count_audit(ws, viewer))


@router.get("/audit/verification", operation_id="verify_audit")
def verify_audit(ws: Place, viewer: Auditor) -> Verdict:
    """Hold the log against its chain of hashes and its checkpoints."""
    return Verdict.model_validate(trail.verify_audit(ws, viewer))


@router.get("/me/audit", operation_id="read_own_acts")
def read_own_acts(ws: Place, viewer: Own, limit: Limit = PAGE) -> list[Line]:
    """List what the viewer did, the newest first."""
    return [Line.model_validate(line) for line in trail.own_acts(ws, viewer, limit)]
