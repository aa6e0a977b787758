"""Which right every route names: read from the routes themselves, for the tests, for `ona policy explain` and for the document."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from api.access import rights_named
from api.app import create_app
from ona.errors import NotFoundError
from pipelines.access.rights import Right
from pipelines.settings import Settings


@dataclass(frozen=True)
class RouteRights:
    """One way into the service and the rights that it names; none for the few that are open to everybody."""

    method: str
    path: str
    rights: frozenset[Right]


def rights_of_routes(app: FastAPI) -> tuple[RouteRights, ...]:
    """Return every route of the application with the rights that its parameters demand."""
    found = []
    for route in _routes(app.routes):
        rights = frozenset(rights_named(route.dependant))
        found += [RouteRights(method, route.path, rights) for method in sorted((route.methods or set()) - {"HEAD"})]
    return tuple(found)


def right_of_route(settings: Settings, asked: str) -> Right:
    """Return the right of a route given as its path, or as method and path.

    Raises NotFoundError for an address that no route answers, or that is open to everybody.
    """
    method, _, path = asked.rpartition(" ")
    for one in rights_of_routes(create_app(settings)):
        if one.path == path and method in ("", one.method) and one.rights:
            return next(iter(one.rights))
    raise NotFoundError("No route with a right has this path. Paths are written as in the OpenAPI document: /api/v1/teams/{team_id}/map")


def _routes(some: Sequence[BaseRoute]) -> Iterator[APIRoute]:
    """Walk routes and the routers among them."""
    for route in some:
        inner = getattr(route, "original_router", None)
        if isinstance(route, APIRoute):
            yield route
        elif inner is not None:
            yield from _routes(inner.routes)
