"""Pages of needs: the ranked list with what a debrief found, and what a manager suggests to people in their line; no scripts."""

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, Field, field_validator

from api.access import GroupReader, Place
from api.needs import Address, Assessor, SkillName, Suggester, UnitName
from api.pages.reading import PageScan
from api.rendering import has, render
from ona.errors import ConflictError, NotFoundError
from ona.skill_map import MAP
from pipelines.access.need_answers import Finding, Need
from pipelines.access.needs import read_needs
from pipelines.access.rights import Right
from pipelines.growth import needs, suggestions
from pipelines.intake import skill_tables
from pipelines.phrases import Phrase, say

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

ON_A_PAGE = 20

FINDINGS: dict[Finding, Phrase] = {
    "unclear": say("not talked over yet"),
    "skill": say("people lack the skill"),
    "capacity": say("people lack the time"),
    "process": say("the way of working stands against it"),
    "tooling": say("tools stand against it"),
}
"""What a debrief may find; only the first that is named after it, lack of the skill, is met by learning."""

STEPS: dict[str, Phrase] = {"first": say("first"), "next": say("next"), "later": say("later")}


class NeedFilter(BaseModel):
    """Which needs to list."""

    finding: Literal["", "skill", "capacity", "process", "tooling", "unclear"] = ""
    text: str = Field("", max_length=60, pattern=r"^[^\x00-\x1f\x7f]*$")
    page: int = Field(1, ge=1, le=10_000)

    def keeps(self, one: Need) -> bool:
        """Whether a need is listed."""
        return self.finding in ("", one.finding) and " ".join(self.text.casefold().split()) in f"{one.unit} {one.skill}".casefold()

    def query(self, page: int) -> str:
        """Address of a page under the same filter."""
        wanted = {"finding": self.finding, "text": self.text, "page": page if page > 1 else ""}
        return urlencode({name: value for name, value in wanted.items() if value != ""})


class FindingForm(NeedFilter):
    """What a debrief found, as the page sends it, and where on the list it stands."""

    unit: UnitName
    skill: SkillName
    found: Finding
    target: int | None = Field(None, ge=1, le=100)

    @field_validator("target", mode="before")
    @classmethod
    def _none(cls, value: object) -> object:
        """Read what a form sends when nothing is written."""
        return None if value == "" else value


@router.get("/needs")
def needs_page(request: Request, ws: Place, scan: PageScan, viewer: GroupReader, asked: Annotated[NeedFilter, Query()]) -> Response:
    """List needs by priority, with the numbers behind each and what became of earlier targets."""
    return _page(request, ws, scan, viewer, asked)


@router.post("/needs")
def finding_page(request: Request, ws: Place, scan: PageScan, viewer: Assessor, said: Annotated[FindingForm, Form()]) -> Response:
    """Keep what a debrief found; what cannot be is explained on the list."""
    target = None if said.target is None else said.target / 100
    try:
        needs.record_finding(ws, viewer, scan, (said.unit, said.skill), said.found, target)
    except (ConflictError, NotFoundError) as error:
        answer = _page(request, ws, scan, viewer, said, refused=str(error))
        answer.status_code = 409
        return answer
    query = "&".join(
        part for part in ("" if request.query_params.get("scan") is None else f"scan={scan.id}", said.query(said.page)) if part
    )
    return RedirectResponse("/needs" + (f"?{query}" if query else "") + "#list", status_code=303)


@router.get("/suggest")
def suggest_page(request: Request, ws: Place, viewer: Suggester) -> Response:
    """Suggest a skill to somebody in the line, and list what was suggested."""
    return _suggest_page(request, ws, viewer)


@router.post("/suggest")
def make_suggestion_page(
    request: Request, ws: Place, viewer: Suggester, address: Annotated[Address, Form()], skill: Annotated[SkillName, Form()]
) -> Response:
    """Keep a suggestion, or say on the same page why it cannot be."""
    try:
        suggestions.suggest(ws, viewer, address, skill)
    except (ConflictError, NotFoundError) as error:
        answer = _suggest_page(request, ws, viewer, refused=str(error))
        answer.status_code = 404
        return answer
    return RedirectResponse("/suggest#sent", status_code=303)


def skill_choices(ws: Place) -> dict[str, list[str]]:
    """Return the skills to choose from: soft ones, and the others."""
    offered = skill_tables.offered(ws)
    soft = [one for one in offered if one in MAP and MAP[one].kind == "soft"]
    return {"soft": soft, "hard": [one for one in offered if one not in soft]}


def _page(request: Request, ws: Place, scan: PageScan, viewer: GroupReader, asked: NeedFilter, refused: str | None = None) -> Response:
    found = read_needs(ws, scan, viewer)
    kept = [one for one in found.rows if asked.keeps(one)]
    pages = max(1, -(-len(kept) // ON_A_PAGE))
    here = min(asked.page, pages)
    return render(
        request,
        "needs.html",
        scan,
        needs=found,
        rows=kept[(here - 1) * ON_A_PAGE : here * ON_A_PAGE],
        first=(here - 1) * ON_A_PAGE,
        kept=len(kept),
        asked=asked.model_copy(update={"page": here}),
        pages=pages,
        findings=FINDINGS,
        steps=STEPS,
        refused=refused,
        may_say=has(ws, viewer, Right.ASSESS_NEEDS),
        people_tab=has(ws, viewer, Right.SEE_SCORES),
    )


def _suggest_page(request: Request, ws: Place, viewer: Suggester, refused: str | None = None) -> Response:
    context = {"sent": suggestions.sent(ws, viewer), "skills": skill_choices(ws), "refused": refused, "days": suggestions.LIFE.days}
    return render(request, "suggest.html", None, **context)
