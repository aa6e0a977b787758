"""Where a page of a list ended: a sealed word that is good for one viewer, one scan and one question only."""

import base64
import binascii
import hmac
from collections.abc import Sequence
from dataclasses import astuple, replace

from ona.errors import NotFoundError
from pipelines.access.answers import PeopleQuery
from pipelines.access.policy import Sight

SEAL_BYTES = 16

GONE = "This page of the list does not exist. Start from the first page."


def cursor_after(sight: Sight, query: PeopleQuery, row: int) -> str:
    """Return the word for the page behind this row."""
    code = bytes.fromhex(sight.codes[row])
    return base64.urlsafe_b64encode(_seal(sight, query, code) + code).decode().rstrip("=")


def start_of(sight: Sight, query: PeopleQuery, ordered: Sequence[int]) -> int:
    """Return where the asked page starts.

    Raises NotFoundError alike for a word that was changed, was given to somebody else or for another question, or has nobody behind it.
    """
    if query.cursor is None:
        return 0
    try:
        packed = base64.urlsafe_b64decode(query.cursor + "=" * (-len(query.cursor) % 4))
    except (binascii.Error, ValueError):
        raise NotFoundError(GONE) from None
    seal, code = packed[:SEAL_BYTES], packed[SEAL_BYTES:]
    if not hmac.compare_digest(seal, _seal(sight, query, code)):
        raise NotFoundError(GONE)
    places = [at for at, row in enumerate(ordered) if sight.codes[row] == code.hex().upper()]
    if not places:
        raise NotFoundError(GONE)
    return places[0] + 1


def _seal(sight: Sight, query: PeopleQuery, code: bytes) -> bytes:
    viewer = sight.viewer
    question = astuple(replace(query, cursor=None, limit=1))  # pages of any length lead on
    about = "\0".join(map(str, (viewer.subject, viewer.role, viewer.person, sight.scan.id, *question)))
    return hmac.digest(sight.ws.keys.cursor, about.encode() + b"\0" + code, "sha256")[:SEAL_BYTES]
