"""Publications: release a sealed scan to audiences, take it back, and look at it as a manager would before."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.access import PathScan, Place, Publisher
from api.models import Answer
from api.unit_models import UnitMap
from pipelines import publishing
from pipelines.access.unit_answers import UnitMap as MapAnswer
from pipelines.publishing import AUDIENCES, Audience, Wanted

router = APIRouter(prefix="/api/v1/scans/{scan_id}", tags=["scans"])


class Release(BaseModel):
    """To whom a scan shall be released."""

    model_config = ConfigDict(extra="forbid")

    audiences: list[Audience] = Field(default=list(AUDIENCES), min_length=1, max_length=len(AUDIENCES))
    units: list[Annotated[str, Field(max_length=200)]] = Field(
        default=[], max_length=200, description="Labels of departments; empty = all."
    )
    until: date | None = Field(None, description="First day without it.")
    override: str = Field("", max_length=150, description="Why, although its data is unusable; at least 15 characters.")

    def wanted(self) -> Wanted:
        """Say the same to the flow."""
        return Wanted(tuple(self.audiences), tuple(self.units), self.until, self.override)


class Publication(Answer):
    """One release, as it was frozen."""

    audience: Audience
    units: list[str]
    until: date | None
    mode: str
    minimum_group: int


class Publications(Answer):
    """To whom a scan is released."""

    scan_id: str
    publications: list[Publication]


def _answer(scan: str, found: tuple[publishing.Publication, ...]) -> Publications:
    return Publications(scan_id=scan, publications=[Publication.model_validate(one) for one in found])


@router.get("/publications", operation_id="list_publications")
def list_publications(ws: Place, scan: PathScan, viewer: Publisher) -> Publications:
    """Return to whom a scan is released."""
    del viewer
    return _answer(scan.id, publishing.publications(ws, scan.id))


@router.post("/publications", operation_id="publish_scan")
def publish_scan(ws: Place, scan: PathScan, viewer: Publisher, asked: Release) -> Publications:
    """Release a scan; an earlier release to the same audience gives way."""
    return _answer(scan.id, publishing.publish(ws, scan, viewer, asked.wanted()))


@router.delete("/publications", operation_id="withdraw_scan")
def withdraw_scan(ws: Place, scan: PathScan, viewer: Publisher, audience: Audience | None = None) -> Publications:
    """Take a release back from one audience, or from all."""
    publishing.withdraw(ws, scan.id, viewer, AUDIENCES if audience is None else (audience,))
    return _answer(scan.id, publishing.publications(ws, scan.id))


Manager = Annotated[str, Query(max_length=64, description="View id of a manager, as the analyst reads it.")]
Unit = Annotated[str, Query(pattern=r"^(company|d?[0-9]{1,9})$", description="Id of a group on the manager's map.")]


@router.get("/preview", operation_id="preview_scan")
def preview_scan(ws: Place, scan: PathScan, viewer: Publisher, manager: Manager, unit: Unit = "company") -> UnitMap:
    """Return what a manager would see of a scan, released or not."""
    found: MapAnswer = publishing.preview(ws, scan, viewer, manager, unit)
    return UnitMap.model_validate(found)
