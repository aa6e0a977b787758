"""People: the list of a scan, and one person with the reasons."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field, field_validator

from api.access import PathScan, Place, QueryScan, ScoreReader, ViewId, fresh_path_scan, fresh_query_scan
from api.files import TABLES, AsTable
from api.models import PeoplePage, Person
from pipelines import access
from pipelines.access.answers import LARGEST_PAGE, PAGE, Facet, PeopleQuery, Sort

router = APIRouter(prefix="/api/v1", tags=["people"])


class PeopleParameters(BaseModel):
    """Facet, order, page and filters of a list of people."""

    facet: Facet = "helper"
    sort: Sort | None = Field(None, description="By default by score for whoever may rank people, by name for others.")
    limit: int = Field(PAGE, ge=1, le=LARGEST_PAGE, description="People on a page.")
    cursor: str | None = Field(None, max_length=64, description="`next_cursor` of the page before.")
    team: int | None = Field(None, ge=0, description="Id of a team.")
    marked: bool = Field(False, description="Only people who stand out.")
    hidden: bool = Field(False, description="Only people who stand out beyond their formal position.")
    badges: bool = Field(False, description="Only people with a badge.")

    @field_validator("team", mode="before")
    @classmethod
    def _all_teams(cls, value: object) -> object:
        """Read what a form sends when nothing is chosen."""
        return None if value == "" else value

    def query(self) -> PeopleQuery:
        """Say the same to the reading."""
        return PeopleQuery(**self.model_dump())


Parameters = Annotated[PeopleParameters, Query()]


def next_link(request: Request, response: Response) -> Callable[[str | None], None]:
    """Give a function that names the next page in the answer's head."""

    def set_link(cursor: str | None) -> None:
        if cursor:
            after = request.url.include_query_params(cursor=cursor)
            response.headers["Link"] = f'<{after.path}?{after.query}>; rel="next"'

    return set_link


NextLink = Annotated[Callable[[str | None], None], Depends(next_link)]


@router.get(
    "/scans/{scan_id}/people",
    operation_id="list_people",
    dependencies=[Depends(fresh_path_scan)],
    response_model=PeoplePage,
    responses=TABLES,
)
def list_people(ws: Place, scan: PathScan, viewer: ScoreReader, asked: Parameters, links: NextLink, wish: AsTable) -> PeoplePage | Response:
    """People of a scan with score, interval and badges, in a stable order; as a file with a purpose."""
    if wish.is_file:
        wish.permit(ws, viewer, scan.id)
    found = PeoplePage.model_validate(access.read_people(ws, scan, viewer, asked.query()))
    links(found.next_cursor)
    return wish.table(found.people, [("scan", found.scan_id), ("facet", found.facet)]) if wish.is_file else found


@router.get("/people/{person_id}", operation_id="read_person", dependencies=[Depends(fresh_query_scan)])
def read_person(ws: Place, scan: QueryScan, viewer: ScoreReader, person_id: ViewId) -> Person:
    """One person: influence with interval, the reasons in words, badges beside it."""
    return Person.model_validate(access.read_person(ws, scan, viewer, person_id))
