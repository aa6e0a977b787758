"""Connections: what is read, when last, how well, and what a token may do."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import Field

from api.access import Place, may
from api.models import Answer
from pipelines.access import Viewer
from pipelines.access.connections import read_connections
from pipelines.access.rights import Right
from pipelines.connecting import checked

router = APIRouter(prefix="/api/v1/connections", tags=["connections"])

Looker = Annotated[Viewer, Depends(may(Right.SEE_QUALITY))]
"""Somebody who may see how good the data is."""

Checker = Annotated[Viewer, Depends(may(Right.RUN))]
"""Somebody who may ask a vendor what a token may do."""

ConnectorName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,40}$", description="Name as in the settings.", examples=["slack_web"])]


class ConnectionAnswer(Answer):
    """One connector as it stands."""

    name: str
    configured: bool = Field(description="Whether the settings name it today.")
    pulled: datetime | None = Field(description="End of the last pull, UTC.")
    read: int = Field(description="Rows over all pulls.")
    accepted: int
    verdict: str | None = Field(description="Null before the first pull.")
    reasons: list[str]
    first: str | None = Field(description="Day of the first event.")
    last: str | None
    coverage: float | None = Field(description="Share of channels or mailboxes that the last pull read, 0 to 1; null for files.")
    failed: datetime | None = Field(description="When it last could not be read, if that is newer than the last pull.")


class ConnectionList(Answer):
    """Connectors by name."""

    connections: list[ConnectionAnswer]


class ScopesAnswer(Answer):
    """What a token may do against what is needed."""

    granted: list[str]
    missing: list[str]
    too_wide: list[str] = Field(description="Granted, and able to read content, change something or see private places.")


@router.get("", operation_id="list_connections")
def list_connections(ws: Place, viewer: Looker) -> ConnectionList:
    """Connectors that are configured or were ever pulled."""
    return ConnectionList(connections=[ConnectionAnswer.model_validate(one) for one in read_connections(ws, viewer)])


@router.post("/{name}/check", operation_id="check_connection")
def check_connection(ws: Place, viewer: Checker, name: ConnectorName) -> ScopesAnswer:
    """Ask the vendor what the token may do; no record is read."""
    del viewer
    return ScopesAnswer.model_validate(checked(ws, name))
