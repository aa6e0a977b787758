"""What each kind of job does with its workspace; the science and the connectors are loaded only here."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from ona.errors import ConnectorError, NotFoundError
from ona.rules import Rules
from pipelines import quarters
from pipelines.jobs import once, register
from pipelines.storage.workspace import Workspace
from pipelines.thresholds import minimum

Progress = Callable[[str, int, int | None], None]
Body = Callable[[Workspace, Mapping[str, Any], Progress], Mapping[str, object]]


def pull(ws: Workspace, body: Mapping[str, Any], progress: Progress) -> Mapping[str, object]:
    """Read the connectors named, or all; what one could not give stops the job only when nobody gave anything."""
    from pipelines.intake import pulls

    outcomes = pulls.pull(ws, check_connectors(ws, body.get("connectors", [])), progress=progress)
    if outcomes and all(outcome.error for outcome in outcomes):
        raise ConnectorError(outcomes[0].error or "Nothing could be read.")
    return {"streams": [_stream(outcome) for outcome in outcomes]}


def scan(ws: Workspace, body: Mapping[str, Any], progress: Progress) -> Mapping[str, object]:
    """Analyse the window asked for and seal the result."""
    from pipelines import scans
    from pipelines.growth import needs

    pulled = dict(pull(ws, {}, progress)) if body.get("pull") else {}
    weeks, end = window(body)
    sealed = scans.run(ws, replace(Rules(), weeks=weeks, seed=ws.settings.seed), end=end, progress=progress)
    needs.keep_readings(ws, sealed)
    return {"scan": sealed.id, **scans.headline(sealed), **pulled}


def export(ws: Workspace, body: Mapping[str, Any], progress: Progress) -> Mapping[str, object]:
    """Write a file about single people that was asked for and approved."""
    from pipelines import export_files

    return export_files.write(ws, str(body["export"]), progress)


def retention(ws: Workspace, body: Mapping[str, Any], progress: Progress) -> Mapping[str, object]:
    """Drop events, weekly tables, scans, jobs and kept answers that are older than they may be."""
    from pipelines.export_files import sweep
    from pipelines.retention import retain

    del body
    progress("data", 0, 3)
    found = retain(ws)
    progress("jobs", 1, 3)
    jobs = register.forget(ws)
    progress("answers", 2, 3)
    deleted = {"event_weeks": found.event_weeks, "weekly_parts": found.weekly_parts, "scans": len(found.scans), "rows": found.rows}
    return {**deleted, "files": sweep(ws), "jobs": jobs, "answers": once.forget(ws)}


def check_badges(ws: Workspace, body: Mapping[str, Any], progress: Progress) -> Mapping[str, object]:
    """Check all badges again; what changed stays with the job, counted by status and never by holder."""
    from pipelines.intake import pulls

    del body
    found = pulls.check_badges(ws, progress)
    if found.errors and not found.checked:
        raise ConnectorError(found.errors[0])
    few = minimum(ws).holds
    by_status = {status: _told(number, few) for status, number in found.by_status.items()}
    changed = [{**one, "badges": _told(int(str(one["badges"])), few)} for one in found.changed]
    checked = None if None in by_status.values() else found.checked  # the rest of the sum would tell what is hidden
    return {"checked": checked, "by_status": by_status, "changed": changed, "errors": list(found.errors)}


def mail_nudges(ws: Workspace, body: Mapping[str, Any], progress: Progress) -> Mapping[str, object]:
    """Mail the steps that were not mailed yet; what the server put off waits for the next run."""
    from pipelines.growth import mailing

    del body
    found = mailing.mail_nudges(ws, progress=progress)
    few = minimum(ws).holds
    return {"quarter": found.quarter, "due": _told(found.due, few)} | {state: _told(getattr(found, state), few) for state in MAIL_STATES}


MAIL_STATES = ("sent", "waiting", "failed", "unsure", "without_address")

BODIES: Mapping[str, Body] = {
    "pull": pull,
    "scan": scan,
    "export": export,
    "retention": retention,
    "badges": check_badges,
    "mail": mail_nudges,
}
"""Every kind of job."""


def check_connectors(ws: Workspace, names: list[str]) -> list[str]:
    """Return names of connectors, all of them configured."""
    if set(names) - set(ws.settings.connectors):
        raise NotFoundError("A connector of this name is not configured. Name those of the settings, or none to pull them all.")
    return names


def window(body: Mapping[str, Any]) -> tuple[int, date | None]:
    """Return number of weeks and first day after them of a scan that was asked for; no day means the last whole weeks."""
    if body.get("quarter"):
        asked = quarters.parse(str(body["quarter"]))
        return asked.weeks, asked.end
    return int(body.get("weeks", 13)), date.fromisoformat(body["end"]) if body.get("end") else None


def last_quarter(ws: Workspace) -> Mapping[str, Any]:
    """Body of the scan of the last complete quarter."""
    return {"quarter": str(quarters.last_complete(ws.now().date()))}


def _told(number: int, few: int) -> int | None:
    """Return a number of people's things; None when it is of too few to be told."""
    return number if number == 0 or number >= few else None


def _stream(outcome: Any) -> dict[str, object]:
    report = outcome.report
    counts = {} if report is None else {"read": report.read, "accepted": report.accepted, "duplicate": report.duplicate}
    return {"connector": outcome.connector, "gives": outcome.gives, "error": outcome.error, **counts}
