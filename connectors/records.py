"""Records of web services: decoded onto declared fields, so that nothing else is ever built, and exact times."""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Annotated, TypeVar

import msgspec

from connectors.cells import MICROSECONDS, CellError, instant

MAX_TEXT = 1024
"""Characters of an id, a time or an address; a longer one is none."""

MAX_LABEL = 200
"""Characters of a name or label; longer ones are no labels."""

Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
Raw = msgspec.Raw
NOTHING = Raw(b"")
"""Default of a part that is kept undecoded."""

_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?", re.IGNORECASE)


class Model(msgspec.Struct, frozen=True, rename="camel"):
    """Base of every record: its fields are the allow-list, the decoder skips all others without building them."""

    def __repr__(self) -> str:
        """Mask everything: a record must not reach a log or a traceback."""
        return f"{type(self).__name__}(…)"


M = TypeVar("M", bound=Model)


def read(raw: bytes | Raw, kind: type[M]) -> M:
    """Return the record; one that is no JSON or whose fields are of other types is a CellError that repeats nothing."""
    try:
        return msgspec.json.decode(raw, type=kind, strict=False)  # some services write numbers and booleans as text
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise CellError("record_malformed") from None


def present(raw: Raw) -> bool:
    """Return whether an undecoded part was there."""
    return bytes(raw) not in (b"", b"null")


def read_text(raw: bytes | Raw) -> str:
    """Return one piece of text."""
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise CellError("record_malformed") from None


def read_list(raw: bytes | Raw) -> list[Raw]:
    """Return the undecoded items of a list."""
    try:
        return msgspec.json.decode(raw, type=list[Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise CellError("record_malformed") from None


def timestamp(text: str | None, zone: tzinfo | None = None) -> int:
    """Return microseconds since 1970 UTC of an ISO 8601 time, exactly; one without offset is read in the zone given."""
    match = _ISO.fullmatch(text.strip()) if text else None
    if match is None:
        raise CellError("time_unreadable")
    *digits, fraction, offset = match.groups()
    year, month, day, hour, minute, second = map(int, digits)
    try:
        wall = datetime(year, month, day, hour, minute, min(second, 59))  # a leap second counts as the one before
        moment = wall if offset is None else datetime.fromisoformat(f"{wall.isoformat()}{offset.upper()}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise CellError("time_unreadable") from None
    return instant(moment, zone) + int((fraction or "").ljust(6, "0")[:6])


def zulu(microseconds: int) -> str:
    """Return a time as services take it, in whole seconds of UTC."""
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=microseconds // MICROSECONDS):%Y-%m-%dT%H:%M:%SZ}"


def day(text: str | None) -> date | None:
    """Return the UTC day of a time; None when there is none that can be read."""
    try:
        return datetime.fromtimestamp(timestamp(text, UTC) // MICROSECONDS, UTC).date() if text else None
    except (CellError, ValueError, OverflowError, OSError):
        return None


def label(text: str | None) -> str | None:
    """Return a short printable label; None for anything else."""
    short = (text or "").strip()
    return short if short and len(short) <= MAX_LABEL and short.isprintable() else None
