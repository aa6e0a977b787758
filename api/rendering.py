"""How every page is drawn: the templates, the reader's language, and the menu that follows from the reader's rights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fastapi import Request, Response
from fastapi.templating import Jinja2Templates
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from api import charts, languages, measures, spiders
from api.auth import csrf_field
from api.languages import Language
from pipelines import access
from pipelines.access import ReadableScan, Viewer, words
from pipelines.access.answers import Axis
from pipelines.access.recognised import recognised
from pipelines.access.rights import Reach, Right, Role, reach
from pipelines.dates import months_between
from pipelines.phrases import Phrase, say
from pipelines.storage.workspace import Workspace

CHANNELS = ("chat", "mail", "meeting")

VERDICTS: Mapping[str, str] = {"usable": "good", "usable with caution": "care", "unusable": "bad"}
"""Look of each data-quality verdict; the words are always beside it."""

YEAR_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True)
class Entry:
    """One page in the menu, for whoever has its right."""

    path: str
    title: Phrase
    right: Right
    of_scan: bool = True  # the page is about one scan, and stays with it
    unless: Right | None = None  # whoever has this one reads the same on another page
    credentials: bool = False  # only where people may ask for credentials
    beside: tuple[str, ...] = ()  # pages that are reached from it

    def holds(self, path: str) -> bool:
        """Whether a page is this one, below it or beside it."""
        return any(path == one or path.startswith(f"{one}/") for one in (self.path, *self.beside))


MENU = (
    Entry("/overview", say("Overview"), Right.RANK),
    Entry("/people", say("People"), Right.RANK),
    Entry("/teams", say("Teams"), Right.RANK, beside=("/company", "/key-people")),
    Entry("/map", say("Map"), Right.SEE_GROUPS, unless=Right.RANK),
    Entry("/scans", say("Scans"), Right.SEE_QUALITY, of_scan=False, beside=("/jobs", "/publish")),
    Entry("/connections", say("Connections"), Right.SEE_QUALITY, of_scan=False),
    Entry("/skill-units", say("Skills"), Right.SEE_GROUPS, beside=("/skills", "/skill-teams", "/skill-priorities", "/needs")),
    Entry("/quality", say("Data quality"), Right.SEE_QUALITY),
    Entry("/exports", say("Files"), Right.REQUEST_EXPORT),
    Entry("/candidates", say("Mentors"), Right.PAIR),
    Entry("/mentoring", say("Mentoring"), Right.PAIR, of_scan=False),
    Entry("/suggest", say("Suggest"), Right.SUGGEST_NEED, of_scan=False),
    Entry("/reveals", say("Names"), Right.REQUEST_REVEAL, of_scan=False),
    Entry("/signatures", say("Signatures"), Right.APPROVE, of_scan=False),
    Entry("/recognitions", say("Credentials"), Right.APPROVE, of_scan=False, credentials=True),
    Entry("/contests", say("Contests"), Right.ANSWER_CONTEST, of_scan=False),
    Entry("/viewers", say("Viewers"), Right.ADMINISTER, of_scan=False),
    Entry("/audit", say("Audit log"), Right.READ_AUDIT, of_scan=False),
    Entry("/me", say("My record"), Right.OWN_RECORD, of_scan=False, beside=("/my-badges", "/my-step", "/my-surveys")),
    Entry("/my-mentoring", say("My mentoring"), Right.OWN_RECORD, of_scan=False),
)
"""Pages in the order of the menu; the first that a viewer may open is where they arrive."""

ROLES: Mapping[Role, Phrase] = {
    Role.EMPLOYEE: say("Employee"),
    Role.MANAGER: say("Manager"),
    Role.HR: say("HR partner"),
    Role.ANALYST: say("Analyst"),
    Role.ADMIN: say("Administrator"),
    Role.AUDITOR: say("Auditor"),
    Role.STEWARD: say("Privacy steward"),
}

CONNECTORS: Mapping[str, Phrase] = {
    "scim": say("SCIM directory"),
    "slack_analytics": say("Slack analytics"),
    "slack_archive": say("Slack archive"),
    "slack_export": say("Slack export"),
    "slack_web_api": say("Slack"),
    "microsoft_calendar": say("Microsoft calendar"),
    "microsoft_directory": say("Microsoft directory"),
    "microsoft_mail": say("Microsoft mail"),
    "microsoft_message_trace": say("Microsoft message trace"),
    "google_calendar": say("Google calendar"),
    "google_directory": say("Google directory"),
    "google_gmail": say("Gmail"),
    "days_off": say("Days off"),
    "events": say("Event files"),
    "evidence": say("Ratings and recognition"),
    "ics": say("Calendar files (ICS)"),
    "mbox": say("Mail archive (mbox)"),
    "message_trace": say("Message trace files"),
    "people": say("HR table"),
    "viva": say("Viva Insights files"),
    "badges_credly": say("Badges from Credly"),
    "badges_open_badges": say("Open Badges"),
    "badges_table": say("Table of badges"),
}
"""Connectors by their names in the settings."""


def render(request: Request, name: str, scan: ReadableScan | None, **context: object) -> Response:
    """Draw a page for the viewer in their language; ``scan`` is the one that the page is about."""
    viewer: Viewer | None = getattr(request.state, "viewer", None)
    language = languages.chosen(request)
    entries = access.list_scans(request.app.state.ws, viewer) if viewer and scan else ()
    current = next((entry for entry in entries if scan and entry.id == scan.id), None)
    shared = {
        "language": language,
        "languages": languages.NAMES,
        "csrf": csrf_field(request),
        "menu": menu(request.app.state.ws, viewer) if viewer else (),
        "rights": frozenset(right.value for right in Right if viewer and has(request.app.state.ws, viewer, right)),
        "roles": ROLES,
        "age": months_between(current.end, request.app.state.ws.now().date()) if current and current.stale else None,
        "scan": current,
        "scans": entries,
        "sign_in": request.app.state.ws.settings.sign_in is not None,
        "signed_in": viewer is not None,
        "viewer": viewer,
        "window_path": _window_path(request),
        "words": words,
    }
    answer = TEMPLATES.TemplateResponse(request, name, shared | context)
    answer.headers["Content-Language"] = language.code
    kept = languages.switched(request)
    if kept:
        answer.set_cookie(languages.COOKIE, kept, max_age=YEAR_SECONDS, path="/", httponly=True, samesite="lax")
    return answer


def menu(ws: Workspace, viewer: Viewer) -> tuple[Entry, ...]:
    """Return the pages that the viewer's role may open."""
    open_here = (entry for entry in MENU if not entry.credentials or ws.settings.credentials != "off")
    return tuple(entry for entry in open_here if has(ws, viewer, entry.right) and not (entry.unless and has(ws, viewer, entry.unless)))


def has(ws: Workspace, viewer: Viewer, right: Right) -> bool:
    """Whether the viewer's role has a right, over anybody at all."""
    found = reach(ws.settings.mode, viewer.role, right)
    if viewer.only is not None and right not in viewer.only:
        return False
    return found is not Reach.NOBODY and (viewer.person is not None or found not in (Reach.OWN, Reach.SUBTREE))


def _window_path(request: Request) -> str:
    """Page to show for another window: this one, unless it is about somebody whose id holds for one scan only."""
    path = request.url.path
    return path if path.count("/") == 1 else f"/{path.split('/')[1]}"


def _spoken(context: Context) -> Language:
    found = context.get("language")
    return found if isinstance(found, Language) else languages.language("en")


@pass_context
def _finished(context: Context, value: object) -> object:
    """Say phrases in the page's language wherever a template prints one."""
    return _spoken(context).say(value) if isinstance(value, Phrase) else value


@pass_context
def _gettext(context: Context, message: str) -> str:
    return _spoken(context).text(message)


@pass_context
def _ngettext(context: Context, singular: str, plural: str, number: float) -> str:
    return _spoken(context).count(singular, plural, number)


@pass_context
def _said(context: Context, value: object) -> str:
    return _spoken(context).say(value)


@pass_context
def _sealed(context: Context, value: object) -> str:
    """Say what a sealed scan holds as English text, where the catalogue knows its message."""
    return _spoken(context).say(recognised(value) if isinstance(value, str) else value)


@pass_context
def _capital(context: Context, value: object) -> str:
    """Say a phrase as the start of a sentence."""
    text = _spoken(context).say(value)
    return text[:1].upper() + text[1:]


@pass_context
def _number(context: Context, value: float | None, digits: int = 0) -> str:
    return "" if value is None else _spoken(context).number(value, digits)


@pass_context
def _spider(context: Context, axes: Sequence[Axis], *, fitted: bool = False, banded: bool = False) -> Markup:
    said = [replace(axis, name=_spoken(context).say(axis.name)) for axis in axes]
    return spiders.spider(said, fitted=fitted, banded=banded)


@pass_context
def _signed(context: Context, value: float, digits: int = 1) -> str:
    return _spoken(context).signed(value, digits)


@pass_context
def _percent(context: Context, share: float, digits: int = 0) -> str:
    return _spoken(context).percent(share, digits)


@pass_context
def _day(context: Context, value: object) -> str:
    return _spoken(context).day(value) if value else ""  # type: ignore[arg-type]  # templates pass days, and ISO text from sealed reports


@pass_context
def _moment(context: Context, value: object) -> str:
    return _spoken(context).moment(value) if value else ""  # type: ignore[arg-type]  # templates pass times


@pass_context
def _window(context: Context, start: object, end: object) -> str:
    return _spoken(context).window(start, end)  # type: ignore[arg-type]  # templates pass days


def _templates() -> Jinja2Templates:
    made = Jinja2Templates(Path(__file__).parent / "templates")
    env = made.env
    env.trim_blocks = env.lstrip_blocks = True
    env.finalize = _finished
    env.add_extension("jinja2.ext.i18n")
    env.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]  # given by the extension
    env.filters |= {
        "capital": _capital,
        "day": _day,
        "moment": _moment,
        "number": _number,
        "percent": _percent,
        "said": _said,
        "sealed": _sealed,
        "signed": _signed,
        "window": _window,
    }
    env.globals |= {
        "CHANNELS": CHANNELS,
        "CONNECTORS": CONNECTORS,
        "VERDICTS": VERDICTS,
        "csrf_field": csrf_field,
        "graph_of": measures.graph_of,
        "interval_bar": charts.interval_bar,
        "measure": measures.measure,
        "sentences": measures.sentences,
        "shade": charts.shade,
        "spider": _spider,
        "stacked_weeks": charts.stacked_weeks,
        "typeset": measures.typeset,
    }
    return made


TEMPLATES = _templates()
