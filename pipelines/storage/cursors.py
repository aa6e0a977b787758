"""How far each connector has read, stored encrypted: names of streams and positions hold ids and links of vendors."""

import hmac
import json
from collections.abc import Mapping

import sqlalchemy as sa

from connectors.base import Cursor
from pipelines.keys import Keys, seal, unseal
from pipelines.schema import CURSORS
from pipelines.storage.service import put
from pipelines.storage.workspace import Workspace


def read_cursor(ws: Workspace, connector: str) -> Cursor:
    """Return the cursor of a connector; a position that cannot be decrypted is none, so its stream is read anew."""
    rows = ws.service.rows(sa.select(CURSORS.c.value).where(CURSORS.c.connector == connector))
    opened = (unseal(ws.keys.cursor, row.value, connector) for row in rows)
    return Cursor(dict(json.loads(text) for text in opened if text is not None))


def put_cursor(connection: sa.Connection, keys: Keys, connector: str, streams: Mapping[str, str]) -> None:
    """Write positions inside the caller's transaction, in place of those that the streams had."""
    rows = [
        (_token(keys, connector, stream), seal(keys.cursor, json.dumps([stream, value]), connector)) for stream, value in streams.items()
    ]
    put(connection, CURSORS, [{"connector": connector, "stream": token, "value": value} for token, value in rows])


def _token(keys: Keys, connector: str, stream: str) -> str:
    return hmac.digest(keys.cursor, f"{connector}\0{stream}".encode(), "sha256").hex()
