"""What each kind of job does with its workspace: pull, scan, retention; the science and the connectors are loaded only here."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from ona.errors import ConnectorError, NotFoundError
from ona.rules import Rules
from pipelines import quarters
from pipelines.jobs import once, register
from pipelines.workspace import Workspace

Progress = Callable[[str, int, int | None], None]
Body = Callable[[Workspace, Mapping[str, Any], Progress], Mapping[str, object]]


def pull(ws: Workspace, body: Mapping[str, Any], progress: Progress) -> Mapping[str, object]:
    """Read the connectors named, or all; what one could not give stops the job only when nobody gave anything."""
    from pipelines import pulls

    outcomes = pulls.pull(ws, check_connectors(ws, body.get("connectors", [])), progress=progress)
    if outcomes and all(outcome.error for outcome in outcomes):
        raise ConnectorError(outcomes[0].error or "Nothing could be read.")
    return {"streams": [_stream(outcome) for outcome in outcomes]}


def scan(ws: Workspace, body: Mapping[str, Any], progress: Progress) -> Mapping[str, object]:
    """Analyse the window asked for and seal the result."""
    from pipelines import scans

    pulled = dict(pull(ws, {}, progress)) if body.get("pull") else {}
    weeks, end = window(body)
    sealed = scans.run(ws, replace(Rules(), weeks=weeks, seed=ws.settings.seed), end=end, progress=progress)
    return {"scan": sealed.id, **scans.headline(sealed), **pulled}


def retention(ws: Workspace, body: Mapping[str, Any], progress: Progress) -> Mapping[str, object]:
    """Drop events, weekly tables, scans, jobs and kept answers that are older than they may be."""
    from pipelines.retention import retain

    del body
    progress("data", 0, 3)
    found = retain(ws)
    progress("jobs", 1, 3)
    jobs = register.forget(ws)
    progress("answers", 2, 3)
    deleted = {"event_weeks": found.event_weeks, "weekly_parts": found.weekly_parts, "scans": len(found.scans), "rows": found.rows}
    return {**deleted, "jobs": jobs, "answers": once.forget(ws)}


BODIES: Mapping[str, Body] = {"pull": pull, "scan": scan, "retention": retention}
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
    return {"quarter": str(quarters.last_complete(ws.now().date() + timedelta(days=0)))}


def _stream(outcome: Any) -> dict[str, object]:
    report = outcome.report
    counts = {} if report is None else {"read": report.read, "accepted": report.accepted, "duplicate": report.duplicate}
    return {"connector": outcome.connector, "gives": outcome.gives, "error": outcome.error, **counts}
