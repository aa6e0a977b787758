"""Parameter types of the routes: the viewer, the scan they may read, and whether their copy is still right."""

import hashlib
from collections.abc import Callable
from threading import Lock
from typing import Annotated

from fastapi import Depends, Path, Query, Request, Response

from api.problems import SIGN_IN, NotModifiedError, SignInNeededError
from pipelines import scans
from pipelines.access import ReadableScan, Viewer, list_scans, policy_version
from pipelines.access.policy import demand
from pipelines.access.rights import Right
from pipelines.workspace import Workspace

KEPT_SCANS = 4
"""Scans held in memory; the one not asked for longest leaves first."""


class Shelf:
    """Sealed scans in memory, each read from disk once."""

    def __init__(self, ws: Workspace) -> None:
        """Start empty."""
        self.ws = ws
        self._kept: dict[str, ReadableScan] = {}
        self._lock = Lock()

    def take(self, identity: str) -> ReadableScan:
        """Scan of this id, or the newest; one that was replaced answers with its successor."""
        entries = scans.list_scans(self.ws)
        found = next((entry.id for entry in entries if entry.latest), identity) if identity == "latest" else identity
        with self._lock:
            kept = self._kept.pop(found, None)
            if kept is None or found not in {entry.id for entry in entries}:
                kept = ReadableScan(scans.open_scan(self.ws, found))
            self._kept[kept.id] = kept
            while len(self._kept) > KEPT_SCANS:
                del self._kept[next(iter(self._kept))]
        return kept


def current_viewer(request: Request) -> Viewer:
    """Who the gate found behind the session."""
    viewer: Viewer | None = request.state.viewer
    if viewer is None:
        raise SignInNeededError(SIGN_IN)
    return viewer


def current_workspace(request: Request) -> Workspace:
    """Return the deployment that this process serves."""
    ws: Workspace = request.app.state.ws
    return ws


def may(right: Right) -> Callable[[Request], Viewer]:
    """Return the dependency that lets a viewer through who has this right; every route names exactly one."""

    def permitted(request: Request) -> Viewer:
        viewer = current_viewer(request)
        demand(current_workspace(request), viewer, right)
        return viewer

    permitted.right = right  # type: ignore[attr-defined]  # read by the test that walks every route
    return permitted


WordReader = Annotated[Viewer, Depends(may(Right.READ_WORDS))]
"""Anybody who is signed in."""

ScoreReader = Annotated[Viewer, Depends(may(Right.SEE_SCORES))]
"""A viewer who may read scores."""

Place = Annotated[Workspace, Depends(current_workspace)]

ScanId = Annotated[str, Path(max_length=64, description="Id of a scan, or `latest`.", examples=["latest"])]
AskedScan = Annotated[str, Query(alias="scan", max_length=64, description="Id of a scan, or `latest`.")]


def path_scan(request: Request, viewer: ScoreReader, scan_id: ScanId) -> ReadableScan:
    """Scan named in the path."""
    return _take(request, viewer, scan_id)


def query_scan(request: Request, viewer: ScoreReader, scan: AskedScan = "latest") -> ReadableScan:
    """Scan named in the query, else the newest."""
    return _take(request, viewer, scan)


PathScan = Annotated[ReadableScan, Depends(path_scan)]
QueryScan = Annotated[ReadableScan, Depends(query_scan)]


def _take(request: Request, viewer: Viewer, identity: str) -> ReadableScan:
    del viewer  # asking for one makes sure that nobody reads a scan anonymously
    shelf: Shelf = request.app.state.shelf
    return shelf.take(identity)


def fresh_path_scan(request: Request, response: Response, ws: Place, viewer: ScoreReader, scan: PathScan) -> None:
    """Tag the answer about the scan in the path."""
    _tag(request, response, scan.id, policy_version(ws, scan, viewer))


def fresh_query_scan(request: Request, response: Response, ws: Place, viewer: ScoreReader, scan: QueryScan) -> None:
    """Tag the answer about the scan in the query."""
    _tag(request, response, scan.id, policy_version(ws, scan, viewer))


def fresh_list(request: Request, response: Response, ws: Place, viewer: ScoreReader) -> None:
    """Tag the list of scans."""
    _tag(request, response, *(f"{scan.id}{scan.latest}" for scan in list_scans(ws, viewer)))


def _tag(request: Request, response: Response, *state: str) -> None:
    digest = hashlib.sha256("\0".join((*state, request.url.path, request.url.query)).encode()).hexdigest()
    etag = f'"{digest[:32]}"'
    if etag in (tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")):
        raise NotModifiedError(etag)
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-cache"
