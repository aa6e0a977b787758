"""Scans: the list, who stands out in one, and its data-quality report."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.access import GroupReader, PathScan, Place, QualityReader, Ranker, WordReader, fresh_list, fresh_path_scan
from api.key_models import KeyPeople
from api.models import Company, ContactGrid, Mark, Overview, PersonRow, Quality, ScanEntry, ScanList, Withheld
from pipelines import access
from pipelines.access import company, key_people
from pipelines.access.key_answers import LARGEST_SIZE, SIZE

router = APIRouter(prefix="/api/v1/scans", tags=["scans"])

SetSize = Annotated[int, Query(alias="size", ge=1, le=LARGEST_SIZE, description="People of a set.")]


@router.get("", operation_id="list_scans", dependencies=[Depends(fresh_list)])
def list_scans(ws: Place, viewer: WordReader) -> ScanList:
    """Sealed scans that the viewer may see, the newest first."""
    return ScanList(scans=[ScanEntry.model_validate(scan) for scan in access.list_scans(ws, viewer)])


@router.get("/{scan_id}", operation_id="read_scan", dependencies=[Depends(fresh_path_scan)])
def read_scan(ws: Place, scan: PathScan, viewer: Ranker) -> Overview:
    """Who stands out in a scan, hidden influencers first, and how far to trust it."""
    found = access.read_overview(ws, scan, viewer)
    return Overview(
        scan=ScanEntry.model_validate(found.scan),
        people=found.people,
        scored=found.scored,
        hidden=[Mark(facet=facet, person=PersonRow.model_validate(person)) for facet, person in found.hidden],
        marked=[Mark(facet=facet, person=PersonRow.model_validate(person)) for facet, person in found.marked],
        withheld=[Withheld(reason=reason, people=people) for reason, people in found.withheld],
        contact=ContactGrid.model_validate(found.contact),
        warnings=list(found.warnings),
    )


@router.get("/{scan_id}/company", operation_id="read_company", dependencies=[Depends(fresh_path_scan)])
def read_company(ws: Place, scan: PathScan, viewer: GroupReader) -> Company:
    """Say how the company works together: groups, closed departments, concentration of help, what it hangs on."""
    return Company.model_validate(company.read_company(ws, scan, viewer))


@router.get("/{scan_id}/key-people", operation_id="read_key_people", dependencies=[Depends(fresh_path_scan)])
def read_key_people(ws: Place, scan: PathScan, viewer: Ranker, size: SetSize = SIZE) -> KeyPeople:
    """Say which few people together know most, are nearest to everybody, or hold the company together, beside chance."""
    return KeyPeople.model_validate(key_people.read_key_people(ws, scan, viewer, size))


@router.get("/{scan_id}/quality", operation_id="read_quality", dependencies=[Depends(fresh_path_scan)])
def read_quality(ws: Place, scan: PathScan, viewer: QualityReader) -> Quality:
    """Say what was seen, missed and dropped, and why; every row is accounted for."""
    return Quality.model_validate(access.read_quality(ws, scan, viewer))
