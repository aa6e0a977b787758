"""Parameter types of the routes: the viewer, the scan they may read, and whether their copy is still right."""

import hashlib
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Annotated

from fastapi import Depends, Path, Query, Request, Response
from fastapi.dependencies.models import Dependant

from api.problems import SIGN_IN, NotModifiedError, SignInNeededError
from ona.errors import NotFoundError
from pipelines import scans
from pipelines.access import LOCAL_ANALYST, ReadableScan, Viewer, list_scans, policy_version
from pipelines.access.policy import NO_SCAN, demand
from pipelines.access.rights import Right
from pipelines.storage.workspace import Workspace

KEPT_SCANS = 4
"""Scans held in memory; the one not asked for longest leaves first."""


class Shelf:
    """Sealed scans in memory, each read from disk once."""

    def __init__(self, ws: Workspace) -> None:
        """Start empty."""
        self.ws = ws
        self._kept: dict[str, ReadableScan] = {}
        self._lock = Lock()

    def take(self, identity: str, viewer: Viewer = LOCAL_ANALYST) -> ReadableScan:
        """Scan of this id, or the newest, as far as the viewer may see it; one that was replaced answers with its successor."""
        entries = list_scans(self.ws, viewer)
        allowed = {entry.id for entry in entries}
        found = next((entry.id for entry in entries if entry.latest), identity) if identity == "latest" else identity
        if found not in allowed:
            found = self._successor(found)
        if found not in allowed:
            raise NotFoundError(NO_SCAN)
        return self._open(found)

    def _successor(self, identity: str) -> str:
        """Scan that answers for this one; of a scan that never was no more is said than of one that is not for the viewer."""
        try:
            return scans.resolve(self.ws, identity)
        except NotFoundError:
            if identity == "latest":
                raise
            raise NotFoundError(NO_SCAN) from None

    def _open(self, identity: str) -> ReadableScan:
        with self._lock:
            kept = self._kept.pop(identity, None) or ReadableScan(scans.open_scan(self.ws, identity))
            self._kept[identity] = kept
            while len(self._kept) > KEPT_SCANS:
                del self._kept[next(iter(self._kept))]
        return kept


def current_viewer(request: Request) -> Viewer:
    """Return who the gate found, before anything is looked up: whoever lacks the route's right learns nothing of what is behind it."""
    viewer: Viewer | None = request.state.viewer
    if viewer is None:
        raise SignInNeededError(SIGN_IN)
    dependant: Dependant | None = getattr(request.scope.get("route"), "dependant", None)
    for right in rights_named(dependant) if dependant else ():
        demand(current_workspace(request), viewer, right)
    return viewer


def rights_named(dependant: Dependant) -> Iterator[Right]:
    """Every right that a route's parameters demand."""
    right = getattr(dependant.call, "right", None)
    if isinstance(right, Right):
        yield right
    for one in dependant.dependencies:
        yield from rights_named(one)


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

Ranker = Annotated[Viewer, Depends(may(Right.RANK))]
"""A viewer who may sort people by a score."""

GroupReader = Annotated[Viewer, Depends(may(Right.SEE_GROUPS))]
"""A viewer who may read figures of groups."""

NameReader = Annotated[Viewer, Depends(may(Right.SEE_NAMED))]
"""A viewer who may read about people who agreed to be named."""

QualityReader = Annotated[Viewer, Depends(may(Right.SEE_QUALITY))]
"""A viewer who may read how good the data is."""

Pairer = Annotated[Viewer, Depends(may(Right.PAIR))]
"""A viewer who may pair mentors with mentees."""

Publisher = Annotated[Viewer, Depends(may(Right.PUBLISH))]
"""A viewer who may release scans."""

Place = Annotated[Workspace, Depends(current_workspace)]

ScanId = Annotated[str, Path(max_length=64, description="Id of a scan, or `latest`.", examples=["latest"])]
AskedScan = Annotated[str, Query(alias="scan", max_length=64, description="Id of a scan, or `latest`.")]


ViewId = Annotated[str, Path(max_length=64, description="Id of a person in this scan, or the digits of the label.")]

Signed = Annotated[Viewer, Depends(current_viewer)]
"""Whoever is signed in; a route names its own right beside it."""


def path_scan(request: Request, viewer: Signed, scan_id: ScanId) -> ReadableScan:
    """Scan named in the path."""
    return _take(request, viewer, scan_id)


def query_scan(request: Request, viewer: Signed, scan: AskedScan = "latest") -> ReadableScan:
    """Scan named in the query, else the newest."""
    return _take(request, viewer, scan)


PathScan = Annotated[ReadableScan, Depends(path_scan)]
QueryScan = Annotated[ReadableScan, Depends(query_scan)]


def _take(request: Request, viewer: Viewer, identity: str) -> ReadableScan:
    shelf: Shelf = request.app.state.shelf
    return shelf.take(identity, viewer)


def fresh_path_scan(request: Request, response: Response, ws: Place, viewer: Signed, scan: PathScan) -> None:
    """Tag the answer about the scan in the path."""
    tag(request, response, scan.id, policy_version(ws, scan, viewer))


def fresh_query_scan(request: Request, response: Response, ws: Place, viewer: Signed, scan: QueryScan) -> None:
    """Tag the answer about the scan in the query."""
    tag(request, response, scan.id, policy_version(ws, scan, viewer))


def fresh_list(request: Request, response: Response, ws: Place, viewer: Signed) -> None:
    """Tag the list of scans."""
    tag(request, response, viewer.role, *(f"{scan.id}{scan.latest}{scan.stale}{scan.late_weeks}" for scan in list_scans(ws, viewer)))


def tag(request: Request, response: Response, *state: str) -> None:
    """Tag an answer by all that it depends on, and leave when the reader's copy is still right."""
    digest = hashlib.sha256(
        "\0".join((*state, request.url.path, request.url.query, request.headers.get("accept", ""))).encode()
    ).hexdigest()
    etag = f'"{digest[:32]}"'
    if etag in (tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")):
        raise NotModifiedError(etag)
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-cache"
