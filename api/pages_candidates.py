"""Page of mentoring candidates for HR: who agreed to be looked at, without names until they agree to that as well."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from api.access import Pairer, Place
from api.pages import PageScan
from api.rendering import render
from pipelines.access.mentors import read_mentors
from pipelines.access.unit_answers import MentorCandidate

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


class Filter(BaseModel):
    """Which candidates to list; those who did not agree or carry too much are never among them."""

    consent: Literal["", "pool", "named"] = ""
    archetype: Literal["", "go-to helper", "connector", "both", "open to mentoring"] = ""
    badges: bool = False

    def keeps(self, one: MentorCandidate) -> bool:
        """Whether somebody is listed."""
        return self.consent in ("", one.consent) and self.archetype in ("", one.archetype) and (bool(one.badges) or not self.badges)


@router.get("/candidates")
def candidates_page(request: Request, ws: Place, scan: PageScan, viewer: Pairer, asked: Annotated[Filter, Query()]) -> Response:
    """List candidates and what each of them agreed to."""
    found = read_mentors(ws, scan, viewer)
    kept = [one for one in found.candidates if asked.keeps(one)]
    return render(request, "candidates.html", scan, found=found, candidates=kept, asked=asked)
