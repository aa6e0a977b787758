"""Pulse surveys: opened and closed by analysts, answered by those who are asked, checked against the traces."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from api.access import Place, QueryScan, Ranker, may
from api.models import Answer
from pipelines.access import Viewer
from pipelines.access.rights import Right
from pipelines.growth import surveys

router = APIRouter(prefix="/api/v1/surveys", tags=["surveys"])

Own = Annotated[Viewer, Depends(may(Right.OWN_RECORD))]
Runner = Annotated[Viewer, Depends(may(Right.RUN))]
Watcher = Annotated[Viewer, Depends(may(Right.SEE_QUALITY))]

Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$", examples=["0f3c9a7d5b1e4c2f8a6d0b9e7c5a3f10"])]
Code = Annotated[str, Field(pattern="^[0-9A-F]{16}$")]
Text = Annotated[str, Query(max_length=60, description="Part of a name, two characters or more.")]
NAME = r"^[^\x00-\x1f\x7f<>]{1,80}$"


class Wish(BaseModel):
    """Base of what is sent to us: nothing beside the fields named."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SurveyWish(Wish):
    """A survey to open."""

    name: str = Field(pattern=NAME, examples=["Autumn pulse"])
    days: int = Field(14, ge=1, le=60)


class SurveyAnswer(Wish):
    """Whom one turned to."""

    names: list[Code] = Field(max_length=surveys.MOST_NAMES, description="Ids from the search of this survey.")
    skills: list[Annotated[str, Field(max_length=60)]] = Field(default_factory=list, max_length=10)


class Survey(Answer):
    """One survey."""

    id: str
    name: str
    opened: datetime
    closes: datetime
    closed: bool
    invited: int
    response: float | None = Field(description="Share of the invited who answered; null while it is open.")
    gate: surveys.Gate | None = Field(description="good from 80 %, caution from 65 %, too-few below: then it is not used.")


class SurveyList(Answer):
    """Surveys, the newest first."""

    surveys: list[Survey]


class OwnSurvey(Answer):
    """A survey that asks the viewer."""

    id: str
    name: str
    closes: datetime
    answered: bool


class OwnSurveys(Answer):
    """Open surveys that ask the viewer."""

    surveys: list[OwnSurvey]


class Colleague(Answer):
    """Somebody who can be named: they agreed to be named."""

    id: str = Field(description="For this survey only.")
    name: str


class Colleagues(Answer):
    """What a search found."""

    people: list[Colleague]


class Validation(Answer):
    """How well the helper facet finds whom colleagues name, inside departments."""

    auc: float
    standard_error: float
    lift: float = Field(description="Named among the top twentieth over named among all.")
    named: int
    people: int
    departments: int
    passed: bool = Field(description="AUC of .70 and lift of 3 or more.")


@router.get("", operation_id="list_surveys")
def list_surveys(ws: Place, viewer: Watcher) -> SurveyList:
    """Surveys, the newest first; how many answered is told when one is closed."""
    return SurveyList.model_validate({"surveys": surveys.surveys(ws, viewer)})


@router.post("", operation_id="open_survey", status_code=201)
def open_survey(ws: Place, viewer: Runner, wish: SurveyWish) -> Survey:
    """Invite everybody who agreed to be asked."""
    made = surveys.open_survey(ws, viewer, wish.name, days=wish.days)
    return Survey.model_validate(next(one for one in surveys.surveys(ws, viewer) if one.id == made))


@router.get("/validation", operation_id="read_validation")
def read_validation(ws: Place, scan: QueryScan, viewer: Ranker) -> Validation:
    """Compare the helper facet with whom colleagues name."""
    return Validation.model_validate(surveys.validation(ws, viewer, scan))


@router.get("/own", operation_id="list_own_surveys")
def own_surveys(ws: Place, viewer: Own) -> OwnSurveys:
    """Open surveys that ask the viewer."""
    return OwnSurveys.model_validate({"surveys": surveys.own_surveys(ws, viewer)})


@router.get("/{survey_id}/colleagues", operation_id="find_colleagues")
def find_colleagues(ws: Place, viewer: Own, survey_id: Id, text: Text) -> Colleagues:
    """Find people to name, for whoever is asked: only those who agreed to be named."""
    return Colleagues.model_validate({"people": surveys.find_colleagues(ws, viewer, survey_id, text)})


@router.post("/{survey_id}/answer", operation_id="answer_survey")
def answer_survey(ws: Place, viewer: Own, survey_id: Id, wish: SurveyAnswer) -> OwnSurvey:
    """Keep the viewer's answer in place of an earlier one."""
    return OwnSurvey.model_validate(surveys.answer(ws, viewer, survey_id, wish.names, wish.skills))


@router.post("/{survey_id}/close", operation_id="close_survey")
def close_survey(ws: Place, viewer: Runner, survey_id: Id) -> Survey:
    """Close a survey; enough answers become evidence, too few are dropped."""
    return Survey.model_validate(surveys.close_survey(ws, viewer, survey_id))
