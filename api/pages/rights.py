"""Pages of those who ask for names, who sign, who answer contested results, and who read the audit log."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api.access import Place, QueryScan
from api.audits import Auditor
from api.contests import Answerer, ContestId
from api.pages.exports import file_words
from api.pages.me import REASONS, STATES
from api.pages.viewers import grant_words
from api.rendering import render
from api.reveals import Reason, Requester, RevealId, Signer
from api.thresholds import Number
from pipelines import exports, publishing, thresholds
from pipelines.access import notice, trail
from pipelines.entrance import viewers
from pipelines.phrases import Phrase, say
from pipelines.purposes import Purpose
from pipelines.rights import contests, reveals
from pipelines.rights.contests import Answer
from pipelines.rights.reveals import LONGEST_REASON, SHORTEST_REASON

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

REVEAL_STATES: dict[str, Phrase] = {
    "pending": say("waits for a signature"),
    "approved": say("approved"),
    "declined": say("declined"),
    "expired": say("expired"),
}

Code = Annotated[str, Form(pattern="^[0-9A-Fa-f]{16}$")]
FormReason = Annotated[Reason, Form()]


@router.get("/reveals")
def reveals_page(
    request: Request, ws: Place, viewer: Requester, person: Annotated[str, Query(pattern="^([0-9A-Fa-f]{16})?$")] = ""
) -> Response:
    """Show what the viewer asked for, and the form to ask."""
    return render(request, "reveals.html", None, reveals=reveals.asked(ws, viewer), person=person, told=_words())


@router.post("/reveals")
def ask_route(
    ws: Place, scan: QueryScan, viewer: Requester, person: Code, purpose: Annotated[Purpose, Form()], reason: FormReason
) -> Response:
    """Ask for a name."""
    reveals.request(ws, viewer, scan, person, purpose, reason)
    return RedirectResponse("/reveals", status_code=303)


@router.get("/reveals/{reveal_id}")
def name_page(request: Request, ws: Place, viewer: Requester, reveal_id: RevealId) -> Response:
    """Show a name that was approved."""
    return render(request, "revealed.html", None, found=reveals.read_name(ws, viewer, reveal_id))


@router.get("/signatures")
def signatures_page(request: Request, ws: Place, viewer: Signer) -> Response:
    """Show what waits for a signature."""
    grants = [one for one in viewers.list_grants(ws) if one.state == viewers.REQUESTED]
    shown = {
        "reveals": reveals.inbox(ws, viewer),
        "exports": exports.inbox(ws, viewer),
        "grants": grants,
        "minimum": thresholds.minimum(ws),
        "own": viewer.subject,
    }
    return render(request, "signatures.html", None, **shown, told=file_words() | grant_words() | _words())


@router.post("/signatures/minimum-group")
def sign_minimum_route(ws: Place, viewer: Signer, minimum_group: Annotated[Number, Form()]) -> Response:
    """Sign for a lower minimum group."""
    publishing.lower_minimum(ws, viewer, minimum_group)
    return RedirectResponse("/signatures#minimum-group", status_code=303)


@router.post("/signatures/{reveal_id}")
def sign_route(ws: Place, viewer: Signer, reveal_id: RevealId, approve: Annotated[bool, Form()]) -> Response:
    """Sign, or decline."""
    reveals.decide(ws, viewer, reveal_id, approve)
    return RedirectResponse("/signatures", status_code=303)


@router.get("/contests")
def contests_page(request: Request, ws: Place, viewer: Answerer) -> Response:
    """Show what people say is wrong."""
    return render(request, "contests.html", None, found=contests.read_contests(ws, viewer), reasons=REASONS, states=STATES)


@router.post("/contests/{contest_id}")
def answer_route(ws: Place, viewer: Answerer, contest_id: ContestId, answer: Annotated[Answer, Form()]) -> Response:
    """Answer a contested result."""
    contests.answer_contest(ws, viewer, contest_id, answer)
    return RedirectResponse("/contests", status_code=303)


@router.get("/audit")
def audit_page(
    request: Request, ws: Place, viewer: Auditor, cursor: Annotated[str | None, Query(max_length=200)] = None, verify: bool = False
) -> Response:
    """Show who did what to whose data, and on request whether the log is whole."""
    verdict = trail.verify_audit(ws, viewer) if verify else None
    return render(request, "audit.html", None, page=trail.read_audit(ws, viewer, cursor=cursor), verdict=verdict)


def _words() -> dict[str, object]:
    return {
        "purposes": notice.PURPOSES,
        "names": notice.PURPOSE_NAMES,
        "states": REVEAL_STATES,
        "shortest": SHORTEST_REASON,
        "longest": LONGEST_REASON,
    }
