"""Nothing is passed over in silence: a parameter that an address does not know, or one that comes twice, is refused."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute

from ona.errors import OnaError

Parameters = Mapping[str, Mapping[str, bool]]
"""By operation: each parameter of its query, and whether it may come more than once."""


class ParameterError(OnaError):
    """A request carries a parameter that its address does not know, or one twice, or lacks one."""


async def check_parameters(request: Request) -> None:
    """Refuse parameters of the query that the operation does not describe, and those that come more often than it takes them."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute) or not request.url.query or not request.url.path.startswith("/api/"):
        return
    known = _parameters(request).get(str(route.operation_id), {})
    given = Counter(name for name, _ in request.query_params.multi_items())
    if any(name not in known or (count > 1 and not known[name]) for name, count in given.items()):
        takes = f"It takes: {', '.join(known)}, each once." if known else "It takes none."
        raise ParameterError(f"The address has a parameter that it does not know, or one twice. {takes}")


def described(document: Mapping[str, Any]) -> Parameters:
    """Return the parameters of every operation of an OpenAPI document."""
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    return {
        operation["operationId"]: {
            one["name"]: one["schema"].get("type") == "array" for one in operation.get("parameters", ()) if one["in"] == "query"
        }
        for operation in operations
    }


def _parameters(request: Request) -> Parameters:
    """Read the application's own document once."""
    state = request.app.state
    if not hasattr(state, "parameters"):
        state.parameters = described(request.app.openapi())
    found: Parameters = state.parameters
    return found
