"""The pulse survey: whom people turn to when stuck outside their team; an invitation list, response gates, and what comes of it."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
import sqlalchemy as sa

from connectors.identity import event_id
from ona.errors import ConflictError, NotEnoughDataError, NotFoundError
from ona.skill_map import LABELS
from ona.validity import Validation, validate
from pipelines import audit
from pipelines.access.behind import refuse_acting
from pipelines.access.policy import Readable, Viewer, demand, look, view_id
from pipelines.access.rights import Right
from pipelines.audit import Act
from pipelines.intake import people
from pipelines.schema import ANSWERS, EVIDENCE_ROWS, SURVEY_INVITES, SURVEYS
from pipelines.storage.workspace import Workspace

QUESTION = "Whom did you turn to when you were stuck outside your team?"

MOST_NAMES, MOST_FOUND, SHORTEST_SEARCH = 5, 10, 2

GOOD, ENOUGH = 0.80, 0.65
"""Share of the invited who answered: from the first on results hold, from the second on with caution, below they are not used."""

FEWEST_NAMING = 3
"""Colleagues who name somebody before that makes a label for the validation."""

CONSENT = "survey"

Gate = Literal["good", "caution", "too-few"]


@dataclass(frozen=True)
class Survey:
    """One survey in a list; how many answered is told as a band until it is closed."""

    id: str
    name: str
    opened: datetime
    closes: datetime
    closed: bool
    invited: int
    response: float | None  # share; None while it is open
    gate: Gate | None


@dataclass(frozen=True)
class OwnSurvey:
    """A survey that the viewer is asked to answer."""

    id: str
    name: str
    closes: datetime
    answered: bool


@dataclass(frozen=True)
class Colleague:
    """Somebody who can be named in an answer: they agreed to be named."""

    id: str
    name: str


def open_survey(ws: Workspace, viewer: Viewer, name: str, *, days: int = 14) -> str:
    """Invite everybody who agreed to be asked, and return the survey's id."""
    demand(ws, viewer, Right.RUN)
    refuse_acting(viewer)
    hidden = people.withheld(ws)
    asked = sorted(person for person, purposes in people.consents(ws).items() if CONSENT in purposes and person not in hidden)
    if not asked:
        raise NotEnoughDataError("Nobody has agreed to be asked in surveys yet. People agree on their own page.")
    made = secrets.token_hex(16)
    row = {"id": made, "name": name, "opened": ws.now(), "closes": ws.now() + timedelta(days=days), "closed": None}
    with audit.recorded(ws, Act(viewer.subject, viewer.role, "open_survey", made)) as connection:
        connection.execute(sa.insert(SURVEYS).values(**row))
        connection.execute(sa.insert(SURVEY_INVITES), [{"survey": made, "person": person, "answered": None} for person in asked])
    return made


def surveys(ws: Workspace, viewer: Viewer) -> tuple[Survey, ...]:
    """Return the surveys, the newest first."""
    demand(ws, viewer, Right.SEE_QUALITY)
    rows = ws.service.rows(sa.select(SURVEYS).order_by(SURVEYS.c.opened.desc(), SURVEYS.c.id))
    return tuple(_survey(ws, row.id, row.name, (row.opened, row.closes), row.closed) for row in rows)


def own_surveys(ws: Workspace, viewer: Viewer) -> tuple[OwnSurvey, ...]:
    """Return the open surveys that ask the viewer."""
    demand(ws, viewer, Right.OWN_RECORD)
    invited = sa.select(SURVEYS, SURVEY_INVITES.c.answered).join(SURVEY_INVITES).where(SURVEY_INVITES.c.person == viewer.person)
    rows = ws.service.rows(invited.where(SURVEYS.c.closed.is_(None), SURVEYS.c.closes > ws.now()).order_by(SURVEYS.c.closes))
    return tuple(OwnSurvey(row.id, row.name, row.closes, row.answered is not None) for row in rows)


def find_colleagues(ws: Workspace, viewer: Viewer, survey: str, text: str) -> tuple[Colleague, ...]:
    """Return people who agreed to be named and whose name holds the text; for whoever is asked, and for nobody else."""
    _invited(ws, viewer, survey)
    wanted = " ".join(text.casefold().split())
    if len(wanted) < SHORTEST_SEARCH:
        return ()
    found = [(name, person) for person, name in _namable(ws, viewer).items() if wanted in name.casefold()]
    return tuple(Colleague(_code(ws, survey, person), name) for name, person in sorted(found)[:MOST_FOUND])


def colleagues_of(ws: Workspace, viewer: Viewer, survey: str, codes: Sequence[str]) -> tuple[Colleague, ...]:
    """Return the people behind ids of the search, each once; ids of nobody are left out."""
    _invited(ws, viewer, survey)
    known = {_code(ws, survey, person): name for person, name in _namable(ws, viewer).items()} if codes else {}
    return tuple(Colleague(code, known[code]) for code in dict.fromkeys(codes) if code in known)


def answer(ws: Workspace, viewer: Viewer, survey: str, names: Sequence[str], skills: Sequence[str] = ()) -> OwnSurvey:
    """Keep the viewer's answer in place of an earlier one: up to five colleagues by the ids of the search, and skills of the map.

    Raises NotFoundError for whoever is not asked, and ConflictError after closing.
    """
    _invited(ws, viewer, survey)
    refuse_acting(viewer)
    if len(set(names)) > MOST_NAMES:
        raise ConflictError(f"Name at most {MOST_NAMES} people.")
    codes = {_code(ws, survey, person): person for person in _namable(ws, viewer)}
    unknown = set(names) - codes.keys()
    if unknown or set(skills) - set(LABELS):
        raise NotFoundError("A name or a skill of the answer is not one of those offered. Search again.")
    rows = [{"survey": survey, "rater": viewer.person, "person": codes[code], "skills": sorted(set(skills))} for code in sorted(set(names))]
    with ws.service.begin() as connection:
        connection.execute(sa.delete(ANSWERS).where(ANSWERS.c.survey == survey, ANSWERS.c.rater == viewer.person))
        if rows:
            connection.execute(sa.insert(ANSWERS), rows)
        mine = sa.and_(SURVEY_INVITES.c.survey == survey, SURVEY_INVITES.c.person == viewer.person)
        connection.execute(sa.update(SURVEY_INVITES).where(mine).values(answered=ws.now()))
    return next(one for one in own_surveys(ws, viewer) if one.id == survey)


def close_survey(ws: Workspace, viewer: Viewer, survey: str) -> Survey:
    """Close a survey; from 65 % of the invited on its answers become evidence, below they are dropped."""
    demand(ws, viewer, Right.RUN)
    refuse_acting(viewer)
    found = ws.service.rows(sa.select(SURVEYS).where(SURVEYS.c.id == survey))
    if not found:
        raise NotFoundError("There is no survey of this id.")
    if found[0].closed is not None:
        raise ConflictError("This survey is closed already.")
    with audit.recorded(ws, Act(viewer.subject, viewer.role, "close_survey", survey)) as connection:
        connection.execute(sa.update(SURVEYS).where(SURVEYS.c.id == survey).values(closed=ws.now()))
    closed = next(one for one in surveys(ws, viewer) if one.id == survey)
    if closed.gate != "too-few":
        _keep(ws, survey)
    with ws.service.begin() as connection:
        connection.execute(sa.delete(ANSWERS).where(ANSWERS.c.survey == survey))  # what counts is evidence by now
    return closed


def validation(ws: Workspace, viewer: Viewer, scan: Readable) -> Validation:
    """Say how well the helper facet finds the people whom colleagues name, department by department; for analysts.

    Raises NotEnoughDataError while too few are named.
    """
    demand(ws, viewer, Right.RANK)
    sight = look(ws, scan, viewer)
    persons = sight.scan.persons
    rows = ws.service.rows(sa.select(EVIDENCE_ROWS.c.person, EVIDENCE_ROWS.c.rater).where(EVIDENCE_ROWS.c.source == "survey").distinct())
    naming: dict[int, set[int]] = {}
    for row in rows:
        naming.setdefault(row.person, set()).add(row.rater)
    named = np.array([len(naming.get(int(person), ())) >= FEWEST_NAMING for person in persons], dtype=np.bool_)
    columns = sight.scan.scores.get("helper")
    if columns is None:
        raise NotEnoughDataError("This scan has no helper facet to compare with.")
    told = np.array([reason is None for reason in columns.reason], dtype=np.bool_) & sight.visible
    return validate(np.where(told, columns.percentile, np.nan), named, sight.scan.units("group"))


def gate(answered: int, invited: int) -> Gate:
    """Return how far a response rate carries."""
    share = answered / invited if invited else 0.0
    return "good" if share >= GOOD else "caution" if share >= ENOUGH else "too-few"


def _survey(ws: Workspace, identity: str, name: str, window: tuple[datetime, datetime], closed: datetime | None) -> Survey:
    counts = ws.service.rows(
        sa.select(sa.func.count().label("all"), sa.func.count(SURVEY_INVITES.c.answered).label("done")).where(
            SURVEY_INVITES.c.survey == identity
        )
    )[0]
    shut = closed is not None
    share = round(counts.done / counts.all, 3) if shut and counts.all else None
    return Survey(identity, name, *window, shut, counts.all, share, gate(counts.done, counts.all) if shut else None)


def _invited(ws: Workspace, viewer: Viewer, survey: str) -> None:
    demand(ws, viewer, Right.OWN_RECORD)
    mine = sa.and_(SURVEY_INVITES.c.survey == survey, SURVEY_INVITES.c.person == viewer.person)
    found = ws.service.rows(sa.select(SURVEYS.c.closed, SURVEYS.c.closes).join(SURVEY_INVITES).where(SURVEYS.c.id == survey, mine))
    if not found:
        raise NotFoundError("There is no survey of this id for you.")
    if found[0].closed is not None or found[0].closes <= ws.now():
        raise ConflictError("This survey is closed.")


def _namable(ws: Workspace, viewer: Viewer) -> dict[int, str]:
    """People who agreed to be named, but for the viewer and those who objected."""
    hidden = people.withheld(ws)
    agreed = [person for person, purposes in people.consents(ws).items() if people.NAME_ON_MAP in purposes and person not in hidden]
    return ws.vault.names([person for person in agreed if person != viewer.person])


def _code(ws: Workspace, survey: str, person: int) -> str:
    """Id of a colleague for this survey alone."""
    return view_id(ws.keys, "survey", survey, person)


def _keep(ws: Workspace, survey: str) -> None:
    """Turn answers into evidence: that somebody is turned to, and for which skills."""
    rows = []
    for one in ws.service.rows(sa.select(ANSWERS).where(ANSWERS.c.survey == survey)):
        for facet in ("helper", *one.skills):
            key = event_id(ws.keys.event, f"survey\0{survey}\0{one.rater}\0{one.person}\0{facet}")
            scale = {"value": 1.0, "scale_low": 0.0, "scale_high": 1.0, "weight": 1.0, "team": None}
            about = {"person": one.person, "rater": one.rater, "facet": facet, "source": "survey", "day": ws.now().date()}
            rows.append({"connector": f"survey {survey}", "row": key} | scale | about)
    if rows:
        with ws.service.begin() as connection:
            connection.execute(sa.insert(EVIDENCE_ROWS), rows)
