"""Pages about oneself: what is held, choices, objection, contests and invitations; and the notice that everybody may read."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api.access import Place, WordReader
from api.credentials import CREDENTIAL_WORDS, shown_credentials
from api.me import Id, Own, OwnScan
from api.rendering import render
from pipelines import consents
from pipelines.access import notice, own
from pipelines.access.answers import Facet
from pipelines.phrases import Phrase, say
from pipelines.rights import contests, invitations, own_steps, reveals
from pipelines.rights.contests import Reason

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

REASONS: dict[Reason, Phrase] = {
    Reason.WRONG_FACTS: say("The facts about me are wrong (team, manager, function, dates)."),
    Reason.WRONG_PERSON: say("An account is not mine, or one of mine is missing."),
    Reason.ABSENCE: say("I was away for part of the time."),
    Reason.ROLE_EXPLAINS: say("My duty explains it, for instance a service desk."),
    Reason.NOT_ME: say("It does not describe what I do."),
    Reason.OTHER: say("Another reason."),
}

ACTIONS: dict[str, Phrase] = {
    "read_person": say("Opened the record by its id"),
    "read_people": say("Read a list that holds you"),
    "read_name": say("Read your name"),
    "release_name": say("Was told your name, after two signatures"),
    "ask_reveal": say("Asked for your name"),
    "invite_person": say("Invited you without knowing your name"),
    "export": say("Took a file that holds you"),
    "preview": say("Looked at what you are shown as a manager"),
    "view_as": say("Looked at the service as you"),
}

OWN_FACTS: dict[str, Phrase] = {
    "asked_by_name": say("Asks that named you"),
    "answered_by_name": say("Of these, answered by you"),
    "answer_minutes": say("Minutes until half of your answers were there"),
    "overload": say("Weeks of the last four in which several signs came together for weeks on end"),
    "overload_pull": say("Weeks in which more was asked of you than of nine in ten colleagues"),
    "overload_team_share": say("Weeks in which more than a third of your team's asks came to you"),
    "overload_out_of_hours": say("Weeks in which a fifth of your contact was outside working hours"),
    "overload_slower": say("Weeks in which your answers came later or rarer than before"),
    "overload_meetings": say("Weeks in which you had more meetings than nine in ten colleagues"),
}
"""Facts that nobody but the person gets."""

FIELDS: dict[str, Phrase] = {
    "team": say("team"),
    "site": say("site"),
    "function": say("function"),
    "group": say("department"),
    "level": say("level"),
    "named_lead": say("named as a lead"),
    "service_role": say("service role"),
    "on_call": say("on call"),
    "protected": say("contacts protected"),
    "fte": say("share of full time"),
    "work_days": say("working days"),
    "zone": say("time zone"),
    "language": say("language"),
    "joined": say("joined"),
    "left": say("left"),
    "kind": say("kind of account"),
    "fault": say("why the manager is not believed"),
}

STATES: dict[str, Phrase] = {
    "open": say("open"),
    "accepted": say("accepted"),
    "declined": say("declined"),
    "expired": say("expired"),
    "corrected": say("corrected"),
    "upheld": say("looked into, no fault found"),
}

Ticket = Annotated[str, Form(pattern=r"^([A-Za-z0-9][A-Za-z0-9._/#-]{0,63})?$")]
Granted = Annotated[list[str], Form(max_length=len(consents.PURPOSES))]


@router.get("/me")
def me_page(request: Request, ws: Place, scan: OwnScan, viewer: Own) -> Response:
    """Show everything held on the viewer."""
    shown = {
        "record": own.read_own(ws, scan, viewer),
        "notices": reveals.notices(ws, own.own_person(viewer)),
        "invitations": invitations.received(ws, viewer),
        "contests": contests.own_contests(ws, viewer),
        "reasons": REASONS,
        "actions": ACTIONS,
        "states": STATES,
        "fact_words": OWN_FACTS,
        "field_words": FIELDS,
        "choice_words": notice.CHOICES,
        "purpose_names": notice.PURPOSE_NAMES,
    }
    own_credentials = shown_credentials(ws, scan, viewer)
    return render(request, "me.html", scan, me=shown, own_credentials=own_credentials, credential_words=CREDENTIAL_WORDS)


@router.post("/me/objection")
def object_route(ws: Place, viewer: Own) -> Response:
    """Object to being analysed."""
    own_steps.object_to_analysis(ws, viewer)
    return _back("objection")


@router.post("/me/objection/withdrawal")
def withdraw_route(ws: Place, viewer: Own) -> Response:
    """Take the objection back."""
    own_steps.withdraw(ws, viewer)
    return _back("objection")


@router.post("/me/visibility")
def choose_route(ws: Place, viewer: Own, granted: Granted = []) -> Response:  # noqa: B006 - a form without a tick sends nothing; never changed
    """Keep every choice of the form: a box without a tick is a no."""
    own_steps.choose(ws, viewer, {purpose: purpose in granted for purpose in consents.PURPOSES})
    return _back("choices")


@router.post("/me/contests")
def contest_route(
    ws: Place, viewer: Own, facet: Annotated[Facet, Form()], reason: Annotated[Reason, Form()], ticket: Ticket = ""
) -> Response:
    """Contest a result of the newest scan."""
    own_steps.contest(ws, viewer, "latest", facet, reason, ticket or None)
    return _back("contest")


@router.post("/me/invitations/{invitation_id}")
def answer_route(ws: Place, viewer: Own, invitation_id: Id, accept: Annotated[bool, Form()]) -> Response:
    """Answer an invitation."""
    invitations.answer(ws, viewer, invitation_id, accept)
    return _back("invitations")


@router.get("/notice")
def notice_page(request: Request, ws: Place, viewer: WordReader) -> Response:
    """Tell what is done here, with what, for how long, and which rights everybody has."""
    return render(request, "notice.html", None, notice=notice.read_notice(ws, viewer))


def _back(section: str) -> Response:
    return RedirectResponse(f"/me#{section}", status_code=303)
