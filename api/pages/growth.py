"""Pages of surveys and nudges: two minutes to say whom one turned to, one small step a quarter; all of it works with scripts off."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, Field

from api.access import Place
from api.nudges import Own
from api.pages.reading import PageScan
from api.rendering import render
from api.surveys import NAME, Code, Id, Runner
from ona.errors import NotEnoughDataError, NotFoundError
from ona.skill_map import LABELS
from pipelines.growth import nudges, surveys

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

Codes = Annotated[list[Code], Query(max_length=surveys.MOST_NAMES + 1)]
Text = Annotated[str, Query(max_length=60)]


class Answers(BaseModel):
    """What the survey page sends."""

    names: list[Code] = Field(default_factory=list, max_length=surveys.MOST_NAMES)
    skills: list[Annotated[str, Field(max_length=60)]] = Field(default_factory=list, max_length=10)


@router.get("/surveys")
def surveys_page(request: Request, ws: Place, scan: PageScan, viewer: Runner) -> Response:
    """List surveys, open one, and show how far the traces find whom colleagues name."""
    return render(request, "surveys.html", scan, surveys=surveys.surveys(ws, viewer), **_validity(ws, viewer, scan))


@router.post("/surveys")
def open_page(
    ws: Place, viewer: Runner, name: Annotated[str, Form(pattern=NAME)], days: Annotated[int, Form(ge=1, le=60)] = 14
) -> Response:
    """Open a survey."""
    surveys.open_survey(ws, viewer, name, days=days)
    return RedirectResponse("/surveys", status_code=303)


@router.post("/surveys/{survey_id}/close")
def close_page(ws: Place, viewer: Runner, survey_id: Id) -> Response:
    """Close a survey."""
    surveys.close_survey(ws, viewer, survey_id)
    return RedirectResponse("/surveys", status_code=303)


@router.get("/my-surveys")
def own_surveys_page(request: Request, ws: Place, viewer: Own) -> Response:
    """List the surveys that ask the viewer."""
    return render(request, "my_surveys.html", None, surveys=surveys.own_surveys(ws, viewer))


@router.get("/my-surveys/{survey_id}")
def survey_page(request: Request, ws: Place, viewer: Own, survey_id: Id, names: Codes = [], text: Text = "") -> Response:  # noqa: B006 - FastAPI copies it
    """Answer a survey: search, add, send; what was chosen travels in the address, so that it works with scripts off."""
    survey = next((one for one in surveys.own_surveys(ws, viewer) if one.id == survey_id), None)
    if survey is None:
        raise NotFoundError("There is no survey of this id for you.")
    chosen = surveys.colleagues_of(ws, viewer, survey_id, names[: surveys.MOST_NAMES])
    found = [one for one in surveys.find_colleagues(ws, viewer, survey_id, text) if one.id not in names]
    full = len(chosen) >= surveys.MOST_NAMES
    context = {"survey": survey, "chosen": chosen, "found": found, "text": text, "full": full, "question": surveys.QUESTION}
    return render(request, "survey.html", None, **context, skills=LABELS, most=surveys.MOST_NAMES)


@router.post("/my-surveys/{survey_id}")
def answer_page(ws: Place, viewer: Own, survey_id: Id, said: Annotated[Answers, Form()]) -> Response:
    """Keep the answer."""
    surveys.answer(ws, viewer, survey_id, said.names, [skill for skill in said.skills if skill])
    return RedirectResponse("/my-surveys", status_code=303)


@router.get("/my-step")
def nudge_page(request: Request, ws: Place, viewer: Own) -> Response:
    """Show the one step of this quarter."""
    return render(request, "my_step.html", None, nudge=nudges.own_nudge(ws, viewer), helper=nudges.helper_of(ws, viewer))


@router.post("/my-step")
def answer_nudge_page(ws: Place, viewer: Own, said: Annotated[Literal["accepted", "not_now", "wrong"], Form()]) -> Response:
    """Keep what the viewer says."""
    nudges.answer(ws, viewer, said)
    return RedirectResponse("/my-step", status_code=303)


def _validity(ws: Place, viewer: Runner, scan: PageScan) -> dict[str, object]:
    """Figures of the validation for those who may rank; else why there are none."""
    if viewer.role != "analyst":
        return {"validity": None, "why_not": None}
    try:
        return {"validity": surveys.validation(ws, viewer, scan), "why_not": None}
    except NotEnoughDataError as error:
        return {"validity": None, "why_not": str(error)}
