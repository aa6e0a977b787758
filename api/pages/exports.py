"""Pages about files of single people: ask for one, see where it stands, take it or take the request back; and the steward's signature."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api.access import Place
from api.exports import ExportId, Reason, Requester, Signer
from api.pages.reading import PageScan
from api.rendering import render
from pipelines import exports
from pipelines.access import notice
from pipelines.access.exported import Content, linkage_risk
from pipelines.exports import Wish
from pipelines.phrases import Phrase, say
from pipelines.purposes import Purpose
from pipelines.rights.reveals import LONGEST_REASON, SHORTEST_REASON

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

CONTENTS: Mapping[Content, tuple[Phrase, Phrase]] = {
    "people": (say("People"), say("Everybody with scores, intervals and badges, under an id made for this file; no names.")),
    "ties": (say("Ties"), say("Who works with whom, in three bands, under ids made for this file; no names.")),
}

STATES: Mapping[str, Phrase] = {
    "pending": say("waits for a signature"),
    "writing": say("is being written"),
    "ready": say("ready"),
    "declined": say("declined"),
    "withdrawn": say("taken back"),
    "failed": say("failed"),
    "cancelled": say("cancelled"),
    "expired": say("expired"),
}

LOOKS: Mapping[str, str] = {"pending": "queued", "writing": "running", "ready": "done", "failed": "failed"}
"""Look of each state that is not over, the same as of jobs; the words are always beside it."""


def file_words() -> dict[str, object]:
    """Return what the pages of those who ask and those who sign say of files."""
    return {
        "contents": CONTENTS,
        "file_states": STATES,
        "file_looks": LOOKS,
        "purposes": notice.PURPOSES,
        "names": notice.PURPOSE_NAMES,
        "shortest": SHORTEST_REASON,
        "longest": LONGEST_REASON,
    }


@router.get("/exports")
def exports_page(request: Request, ws: Place, scan: PageScan, viewer: Requester) -> Response:
    """Show what the viewer asked for, and the form to ask."""
    found = exports.asked(ws, viewer)
    risks = {content: linkage_risk(ws, scan, viewer, content) for content in CONTENTS}
    return render(request, "exports.html", scan, exports=found, risks=risks, told=file_words())


@router.post("/exports")
def ask_file_route(
    ws: Place,
    scan: PageScan,
    viewer: Requester,
    content: Annotated[Content, Form()],
    purpose: Annotated[Purpose, Form()],
    reason: Annotated[Reason, Form()],
) -> Response:
    """Ask for a file."""
    exports.request(ws, viewer, scan, Wish(content, purpose, reason))
    return RedirectResponse("/exports#asked", status_code=303)


@router.post("/exports/{export_id}/withdrawal")
def withdraw_file_route(ws: Place, viewer: Requester, export_id: ExportId) -> Response:
    """Take a request back, and the file with it."""
    exports.withdraw(ws, viewer, export_id)
    return RedirectResponse("/exports#asked", status_code=303)


@router.post("/signatures/exports/{export_id}")
def sign_file_route(ws: Place, viewer: Signer, export_id: ExportId, approve: Annotated[bool, Form()]) -> Response:
    """Sign for a file, or decline."""
    exports.decide(ws, viewer, export_id, approve)
    return RedirectResponse("/signatures#files", status_code=303)
