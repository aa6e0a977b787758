"""Page of mentoring candidates for HR: who agreed to be looked at, without names until they agree to that as well."""

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from api.access import Pairer, Place
from api.pages.reading import PageScan
from api.rendering import render
from pipelines.access.mentors import read_mentors
from pipelines.access.unit_answers import MentorCandidate

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


ON_A_PAGE = 25


class Filter(BaseModel):
    """Which candidates to list; those who did not agree or carry too much are never among them."""

    consent: Literal["", "pool", "named"] = ""
    archetype: Literal["", "go-to helper", "connector", "both", "open to mentoring"] = ""
    badges: bool = False
    page: int = Field(1, ge=1, le=10_000)

    def query(self, page: int) -> str:
        """Address of a page under the same filter."""
        wanted = {"consent": self.consent, "archetype": self.archetype, "badges": "true" if self.badges else "", "page": page}
        return urlencode({name: value for name, value in wanted.items() if value not in ("", 1)})

    def keeps(self, one: MentorCandidate) -> bool:
        """Whether somebody is listed."""
        return self.consent in ("", one.consent) and self.archetype in ("", one.archetype) and (bool(one.badges) or not self.badges)


@router.get("/candidates")
def candidates_page(request: Request, ws: Place, scan: PageScan, viewer: Pairer, asked: Annotated[Filter, Query()]) -> Response:
    """List candidates and what each of them agreed to."""
    found = read_mentors(ws, scan, viewer)
    kept = [one for one in found.candidates if asked.keeps(one)]
    pages = max(1, -(-len(kept) // ON_A_PAGE))
    here = asked.model_copy(update={"page": min(asked.page, pages)})
    shown = kept[(here.page - 1) * ON_A_PAGE : here.page * ON_A_PAGE]
    return render(request, "candidates.html", scan, found=found, candidates=shown, kept=len(kept), pages=pages, asked=here)
